"""PostgreSQL's protocol, version 3: a call is everything up to a message that asks for an answer, which ends with ReadyForQuery."""

import re
import struct
from typing import BinaryIO, Final

from tests.prove.wire.proxy import Hung, Line, exactly

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
ASKS: Final = {b"Q", b"S"}  # Query, Sync
TERMINATE, READY, ERROR, AUTHENTICATION = b"X", b"Z", b"E", b"R"
NO_ANSWER_NEEDED: Final = {0, 12}  # AuthenticationOk, AuthenticationSASLFinal
COMMENT: Final = re.compile(r"--.*")


class PostgresTalk:
    """The first call of a connection is its start; its label, as that of every other call, says what is done."""

    server = "postgres"

    def converse(self, line: Line) -> None:
        if not self._start(line):
            return
        statements: dict[bytes, str] = {}
        while (call := read_call(line.from_client, statements)) is not None:
            request, label = call
            answer = line.call(self, request, label=label, answer=read_until_ready)
            if answer is None:
                line.hang_up()
                return
            line.client.sendall(answer)

    def _start(self, line: Line) -> bool:
        """Carry the start of a connection up to its first ReadyForQuery. Say whether calls may follow."""
        while True:
            size = exactly(line.from_client, 4)
            body = exactly(line.from_client, struct.unpack("!I", size)[0] - 4)
            (code,) = struct.unpack("!I", body[:4])
            if code not in {SSL_REQUEST, GSS_REQUEST}:
                break
            line.client.sendall(b"N")  # as the embedded server answers: no encryption on the loopback interface
        if code == CANCEL_REQUEST:
            line.server.sendall(size + body)
            return False
        answer = line.call(self, size + body, label="connect", answer=read_until_asked)
        while answer is not None:
            line.client.sendall(answer)
            if not is_asked(answer):
                return True
            line.server.sendall(b"".join(read_message(line.from_client)))
            answer = read_until_asked(line.from_server)
        line.hang_up()
        return False


def read_message(stream: BinaryIO) -> tuple[bytes, bytes, bytes]:
    """Read type, size and body. Raises Hung when the stream ends."""
    kind, size = exactly(stream, 1), exactly(stream, 4)
    return kind, size, exactly(stream, struct.unpack("!I", size)[0] - 4)


def read_call(stream: BinaryIO, statements: dict[bytes, str]) -> tuple[bytes, str] | None:
    """Read messages up to one that asks for an answer; None when the client ends. ``statements`` remembers prepared ones by name."""
    parts: list[bytes] = []
    label = ""
    while True:
        kind, size, body = read_message(stream)
        if kind == TERMINATE:
            return None
        parts += [kind, size, body]
        if kind == b"P":
            name, text = body.split(b"\0")[:2]
            label = statements[name] = shown(text)
        elif kind == b"B":
            label = statements.get(body.split(b"\0")[1], label)
        elif kind == b"Q":
            label = shown(body.rstrip(b"\0"))
        if kind in ASKS:
            return b"".join(parts), label


def shown(text: bytes) -> str:
    """The first words of a statement, without its comments."""
    return " ".join(COMMENT.sub("", text.decode(errors="replace")).split())[:60]


def read_until_ready(stream: BinaryIO) -> bytes:
    return read_until(stream, {READY})


def read_until_asked(stream: BinaryIO) -> bytes:
    """Read up to ReadyForQuery or a question of the authentication; an error at this stage ends the connection."""
    return read_until(stream, {READY, ERROR, AUTHENTICATION})


def read_until(stream: BinaryIO, kinds: set[bytes]) -> bytes:
    parts: list[bytes] = []
    while True:
        kind, size, body = read_message(stream)
        parts += [kind, size, body]
        if kind in kinds and not (kind == AUTHENTICATION and struct.unpack("!I", body[:4])[0] in NO_ANSWER_NEEDED):
            return b"".join(parts)


def is_asked(answer: bytes) -> bool:
    """Whether the server waits for the client's part of the authentication. Raises Hung for a refusal, which ends the connection."""
    if answer[:1] == ERROR:
        raise Hung
    return not has_ready(answer)


def has_ready(answer: bytes) -> bool:
    return answer[-6:-1] == READY + struct.pack("!I", 5)
