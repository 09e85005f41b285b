"""Receivers for tests: real HTTPS servers on the loopback interface, each with its own way of treating a sender.

A laboratory is one authority that a sender may trust, and receivers in threads of this process. Every connection is counted where it is
accepted, so before TLS; every whole request is kept as it came in.
"""

import gzip
import socket
import socketserver
import ssl
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from types import TracebackType
from typing import Any, BinaryIO, Final, Self, cast

import trustme

from tests.prove.wire.http_talk import read_body, read_head

LOOPBACK: Final = "127.0.0.1"
DOMAIN: Final = "receivers.example.com"
DRIP_SECONDS: Final = 0.2
BLOCK: Final = b"x" * 65_536
MEGABYTE: Final = 1024 * 1024


@dataclass(slots=True, kw_only=True)
class Received:
    """One whole request. ``received_at``: seconds since the epoch. ``status``: what was answered, None while nothing was."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    received_at: float
    status: int | None = None

    @property
    def delivery_id(self) -> str:
        return self.headers["x-econsent-delivery"]


class Line:
    """One connection as a behaviour sees it."""

    def __init__(self, connection: socket.socket, receiver: "Receiver") -> None:
        self.connection, self.receiver = connection, receiver
        self._last: Received | None = None
        self._reading = cast("BinaryIO", connection.makefile("rb"))

    def read(self) -> Received | None:
        """Read and keep one request; None when the sender has hung up."""
        head = read_head(self._reading)
        if not head:
            return None
        first, *fields = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, _, value in (text.partition(":") for text in fields)}
        received = Received(method=method, path=path, headers=headers, body=read_body(self._reading, head), received_at=time())
        self.receiver.keep(received)
        self._last = received
        return received

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        if self._last is not None:
            self._last.status = status
        fields = {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
        self.send(f"HTTP/1.1 {status} Said\r\n".encode() + b"".join(f"{k}: {v}\r\n".encode() for k, v in fields.items()) + b"\r\n" + body)

    def pause(self, seconds: float) -> bool:
        """Let time pass; True when the laboratory closes and the behaviour has to end."""
        return self.receiver.closing.wait(seconds)

    def drip(self, pieces: Iterable[bytes]) -> None:
        """Send a piece every fifth of a second, for as long as the sender listens."""
        for piece in pieces:
            self.send(piece)
            if self.pause(DRIP_SECONDS):
                return

    def reset(self) -> None:
        """End the connection by a reset instead of in order."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()


Behaviour = Callable[[Line], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How a receiver shows itself. ``tls`` False speaks in the clear; ``handshake`` False accepts a connection and says nothing at all."""

    names: tuple[str, ...] = ()
    valid_until: datetime | None = None
    trusted: bool = True
    self_signed: bool = False
    tls: bool = True
    handshake: bool = True
    newest_tls: str = "TLSv1_3"


RIGHT: Final = Identity()


class Receiver:
    """One listening socket. ``connects`` counts what was accepted there, ``most_at_once`` how many were open together."""

    def __init__(self, name: str, behave: Behaviour, context: ssl.SSLContext | None, *, handshake: bool = True) -> None:
        self.name, self._behave, self._context, self._handshake = name, behave, context, handshake
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._received: list[Received] = []
        self._open: set[socket.socket] = set()
        self.connects = self.most_at_once = 0
        self._server = Threads((LOOPBACK, 0), self._serve)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name=name, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def host(self) -> str:
        return f"{self.name}.{DOMAIN}"

    @property
    def received(self) -> list[Received]:
        with self._lock:
            return list(self._received)

    def keep(self, received: Received) -> None:
        with self._lock:
            self._received.append(received)

    def behave_as(self, behave: Behaviour) -> None:
        """Change the behaviour for connections to come."""
        self._behave = behave

    def forget(self) -> None:
        with self._lock:
            self._received.clear()
            self.connects = self.most_at_once = 0

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _serve(self, connection: socket.socket, address: Any, server: Any) -> None:
        with self._lock:
            self.connects += 1
            self._open.add(connection)
            self.most_at_once = max(self.most_at_once, len(self._open))
        try:
            self._speak(connection)
        except (OSError, ValueError):
            return  # the sender had enough, which is what most of these are for
        finally:
            with self._lock:
                self._open.discard(connection)

    def _speak(self, connection: socket.socket) -> None:
        if not self._handshake:
            self.closing.wait()
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is None:
            self._behave(Line(connection, self))
            return
        with self._context.wrap_socket(connection, server_side=True) as secured:
            self._behave(Line(secured, self))


class Threads(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 512


class Laboratory:
    """The authority and its receivers. A context manager; leaving it closes everything. ``authority_file``: PEM, for a sender to trust."""

    def __init__(self) -> None:
        self._authority, self._stranger = trustme.CA(organization_name="eConsent's tests"), trustme.CA(organization_name="A stranger")
        self._folder = TemporaryDirectory(prefix="econsent-receivers-")
        self.authority_file = Path(self._folder.name) / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.authority_file))
        self.receivers: dict[str, Receiver] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for receiver in self.receivers.values():
            receiver.close()
        self._folder.cleanup()

    def open(self, name: str, behave: Behaviour, identity: Identity = RIGHT) -> Receiver:
        """Start a receiver of a new name."""
        context = self.context(name, identity) if identity.tls else None
        receiver = Receiver(name, behave, context, handshake=identity.handshake)
        assert name not in self.receivers, name
        self.receivers[name] = receiver
        return receiver

    def context(self, name: str, identity: Identity = RIGHT) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority = self._authority if identity.trusted else self._stranger
        if identity.newest_tls != RIGHT.newest_tls:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # an old version is what this receiver is for
                context.minimum_version = context.maximum_version = ssl.TLSVersion[identity.newest_tls]
        if identity.self_signed:
            pem = Path(self._folder.name) / f"{name}.pem"
            pem.write_bytes(self._stranger.private_key_pem.bytes() + self._stranger.cert_pem.bytes())
            context.load_cert_chain(pem)
            return context
        names = identity.names or (f"{name}.{DOMAIN}", "localhost", LOOPBACK)
        begin = identity.valid_until and identity.valid_until - timedelta(days=30)
        authority.issue_cert(*names, not_before=begin, not_after=identity.valid_until).configure_cert(context)
        return context


class BlackHole:
    """A port whose connections are never accepted: its backlog is full, so the kernel drops what asks to connect. A context manager."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind((LOOPBACK, 0))
        self._listener.listen(0)
        self._waiting: list[socket.socket] = []

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        for _ in range(4):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex((LOOPBACK, self.port))
            self._waiting.append(waiting)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for each in (*self._waiting, self._listener):
            each.close()


def bad_request_in_the_clear(line: Line) -> None:
    """What a server that speaks no TLS does with the first bytes of a handshake."""
    line.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def healthy(line: Line) -> None:
    """Take everything, on one connection after another request."""
    while line.read():
        line.answer(200, b"thank you")


def answering(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    """Give one answer to everything."""

    def behave(line: Line) -> None:
        while line.read():
            line.answer(status, body, **headers)

    return behave


def after_reading(act: Behaviour) -> Behaviour:
    def behave(line: Line) -> None:
        if line.read():
            act(line)

    return behave


def silent(line: Line) -> None:
    line.pause(3_600)


def slow_headers(line: Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\n")
    line.drip(f"X-Slow-{number}: 1\r\n".encode() for number in range(100_000))


def slow_status_line(line: Line) -> None:
    line.drip(bytes([byte]) for byte in b"HTTP/1.1 200 " + b"O" * 100_000)


def slow_body(line: Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    line.drip(b"x" for _ in range(100_000))


def endless_body(line: Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while not line.pause(0):
        line.send(BLOCK)


def endless_chunks(line: Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not line.pause(0):
        line.send(b"10000\r\n" + BLOCK + b"\r\n")


def endless_headers(line: Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\n")
    while not line.pause(0):
        line.send(b"X-More: " + b"y" * 1_000 + b"\r\n")


def endless_interim(line: Line) -> None:
    while not line.pause(0):
        line.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100)


def endless_trailers(line: Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
    while not line.pause(0):
        line.send(b"X-More: " + b"y" * 1_000 + b"\r\n")


def gzip_bomb(line: Line) -> None:
    """A hundred megabytes of zeros in a hundred kilobytes."""
    line.answer(200, bomb(), Content_Encoding="gzip")


@cache
def bomb() -> bytes:
    """Takes most of a second to make, so it is made before it is thrown."""
    return gzip.compress(bytes(100 * MEGABYTE), compresslevel=9)


def long_header_line(line: Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nX-Long: " + b"z" * MEGABYTE + b"\r\nContent-Length: 0\r\n\r\n")


def long_reason(line: Line) -> None:
    line.send(b"HTTP/1.1 500 " + b"z" * MEGABYTE + b"\r\nContent-Length: 0\r\n\r\n")


def no_http(line: Line) -> None:
    line.send(b"220 mail.example.com ESMTP\r\n")


def binary(line: Line) -> None:
    line.send(bytes(range(256)) * 16)


def bad_status(line: Line) -> None:
    line.send(b"HTTP/1.1 2OO OK\r\nContent-Length: 0\r\n\r\n")


def status_of_four_digits(line: Line) -> None:
    line.send(b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n")


def bad_length(line: Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: minus one\r\n\r\n")


def two_lengths(line: Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")


def bad_chunk(line: Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n")


def reset_in_body(line: Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf of")
    line.reset()


def ended_in_body(line: Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of")


def ended_in_headers(line: Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nContent-Le")


def ended_before_answer(line: Line) -> None:
    """Take the request and hang up."""


def reset_before_answer(line: Line) -> None:
    line.reset()


def date_in(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


YESTERDAY: Final = datetime.now(UTC) - timedelta(days=1)
