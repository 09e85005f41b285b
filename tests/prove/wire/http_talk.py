"""HTTP/1.1 as a client and its server speak it: one request, one answer, again and again on one connection."""

from typing import BinaryIO, Final

from tests.prove.wire.proxy import Hung, Line, exactly

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
WITHOUT_BODY: Final = frozenset({204, 304})


class HttpTalk:
    """A call is one whole request to ``server``, as reports call it. Its label is the method and the path."""

    def __init__(self, server: str) -> None:
        self.server = server

    def converse(self, line: Line) -> None:
        while head := read_head(line.from_client):
            if b"\r\nexpect: 100-continue" in head.lower():
                # the proxy wants whole requests: it answers in the server's place, and the server is not asked (the header is not signed)
                line.client.sendall(CONTINUE)
                head = without(head, b"expect")
            request = head + read_body(line.from_client, head)
            method, path = head.split(b" ", 2)[:2]
            answer = line.call(
                self,
                request,
                label=f"{method.decode()} {path.decode()}",
                answer=lambda stream, method=method: read_answer(stream, method=method),
            )
            if answer is None:
                line.hang_up()
                return
            line.client.sendall(answer)


def read_head(stream: BinaryIO) -> bytes:
    """Read up to and with the empty line; nothing when the other side has hung up."""
    lines: list[bytes] = []
    while (text := stream.readline()) not in {b"\r\n", b""}:
        lines.append(text)
    return b"".join([*lines, b"\r\n"]) if lines else b""


def read_body(stream: BinaryIO, head: bytes) -> bytes:
    """Read what the head announces, chunks with their frames."""
    if field(head, b"transfer-encoding").lower() == b"chunked":
        return read_chunks(stream)
    return exactly(stream, int(field(head, b"content-length") or 0))


def read_chunks(stream: BinaryIO) -> bytes:
    parts: list[bytes] = []
    while True:
        size = stream.readline()
        parts += [size, exactly(stream, int(size.split(b";")[0], 16) + 2)]
        if int(size.split(b";")[0], 16) == 0:
            return b"".join(parts)


def read_answer(stream: BinaryIO, *, method: bytes) -> bytes:
    """Read one whole answer. Raises Hung when the server ends the connection first."""
    head = read_head(stream)
    if not head:
        raise Hung
    if method == b"HEAD" or int(head.split(b" ", 2)[1]) in WITHOUT_BODY:
        return head
    return head + read_body(stream, head)


def field(head: bytes, name: bytes) -> bytes:
    for text in head.split(b"\r\n")[1:]:
        key, _, value = text.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return b""


def without(head: bytes, name: bytes) -> bytes:
    return b"\r\n".join(text for text in head.split(b"\r\n") if not text.lower().startswith(name + b":"))
