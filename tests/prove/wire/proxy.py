"""A proxy between a worker and one server, at the socket: it hands on whole calls and whole answers, byte for byte."""

import socket
import socketserver
import ssl
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, BinaryIO, Final, Protocol, Self, cast
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.prove.wire.switchboard import Switchboard

LOOPBACK: Final = "127.0.0.1"


class Hung(ConnectionError):
    """The other side of a connection ended it in the middle of a message."""


class Talk(Protocol):
    """How one kind of server is spoken to."""

    @property
    def server(self) -> str:
        """The server's name in reports."""
        ...

    def converse(self, line: "Line") -> None:
        """Carry calls until either side hangs up."""
        ...


class Line:
    """One client's connection with the server's connection that belongs to it."""

    def __init__(self, client: socket.socket, server: socket.socket, switchboard: Switchboard) -> None:
        self.client, self.server, self._switchboard = client, server, switchboard
        self.from_client = cast("BinaryIO", client.makefile("rb"))
        self.from_server = cast("BinaryIO", server.makefile("rb"))

    def call(self, talk: Talk, request: bytes, *, label: str, answer: Any) -> bytes | None:
        """Carry one call; ``answer`` reads the server's whole answer. None means that the client was, or must be, hung up on."""

        def forward() -> bytes:
            self.server.sendall(request)
            return answer(self.from_server)

        return self._switchboard.carry(talk.server, label, forward=forward, hang_up=self.hang_up)

    def hang_up(self) -> None:
        with suppress(OSError):
            self.client.shutdown(socket.SHUT_RDWR)


class Proxy:
    """Listens on a free port of the loopback interface and hands on to ``upstream``. A context manager.

    ``security``: the client's side speaks TLS, which ends here; the server's side never does.
    """

    def __init__(self, talk: Talk, *, upstream: tuple[str, int], switchboard: Switchboard, security: ssl.SSLContext | None = None) -> None:
        def serve(client: socket.socket, address: Any, server: Any) -> None:
            with suppress(OSError), socket.create_connection(upstream) as upward, secured(client, security) as client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                upward.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                line = Line(client, upward, switchboard)
                with line.from_client, line.from_server:
                    talk.converse(line)

        self._server = Threads((LOOPBACK, 0), serve)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def secured(client: socket.socket, security: ssl.SSLContext | None) -> socket.socket:
    """Shake hands where the client's side speaks TLS. Raises OSError."""
    return client if security is None else security.wrap_socket(client, server_side=True)


class Threads(socketserver.ThreadingTCPServer):
    """A thread a connection; none of them keeps the process alive."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64


def exactly(stream: BinaryIO, size: int) -> bytes:
    """Read ``size`` bytes. Raises Hung when the stream ends before."""
    data = stream.read(size)
    if len(data) != size:
        raise Hung
    return data


def through(url: str, port: int) -> str:
    """The same database, reached by the proxy on ``port``."""
    return make_conninfo(**{**conninfo_to_dict(url), "host": LOOPBACK, "hostaddr": LOOPBACK, "port": port})


def place_of(url: str) -> tuple[str, int]:
    """Host and port of a server, from its address."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port
