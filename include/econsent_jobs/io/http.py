"""HTTPS to servers that a stranger chose: the address is checked before the connection, and nothing they send can cost much.

aiohttp does all of HTTP and TLS. What is added here: names are looked up by us, the whole answer is checked, and the connection goes to a
checked address under the original name; one limit of time for everything; at most so many bytes read, never unpacked; no redirects, no
proxies, no cookies.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiodns
import aiohttp
import certifi
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

UNSORTED: Final = 1 << 7  # ARES_AI_NOSORT: sorting would open a socket towards every address, the forbidden ones among them
KEEP_ALIVE_SECONDS: Final = 4  # many servers end an idle connection after five
LOOK_UP_TIMEOUT: Final = 12  # ARES_ETIMEOUT
LOOK_UP_SECONDS: Final = 2.0  # per try
LOOK_UP_TRIES: Final = 3
LONGEST_HEADER: Final = 8_190  # bytes, of one line
MOST_HEADERS: Final = 128
READ_AHEAD: Final = 8_192  # bytes that one connection may hold unread
MOST_TARGETS: Final = 1_024  # read URLs that are remembered
STALE_CONNECTIONS: Final = 4  # kept-alive ones that the server may have ended meanwhile, passed over in one attempt

EXPIRED: Final = frozenset({9, 10})  # OpenSSL's codes: not yet valid, expired
OTHER_NAME: Final = frozenset({62, 64})  # host name mismatch, IP address mismatch
UNTRUSTED: Final = frozenset({2, 18, 19, 20, 21})  # no issuer, self-signed, in the chain too, no local issuer, first not verified


class HttpTrouble(Exception):
    """No whole answer came. ``word`` names the kind, ``reason`` is a sentence, ``address`` the peer where there was one."""

    def __init__(self, word: str, reason: str, address: str | None) -> None:
        super().__init__(word, reason)
        self.word = word
        self.reason = reason
        self.address = address


class Refused(Exception):
    """To be raised by the checks that are handed in: this address is not to be connected to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer, or its head and the first bytes of a longer one (``truncated``)."""

    status_code: int
    body: bytes = field(repr=False)
    truncated: bool
    content_encoding: str | None
    retry_after: str | None
    address: str | None


@dataclass(slots=True)
class Progress:
    """How far one attempt has come, for the word that its end gets."""

    looking_up: bool = False
    sockets: list[socket.socket] = field(default_factory=list[socket.socket])
    address: str | None = None
    answered: bool = False

    @property
    def connected(self) -> bool:
        """Whether a connection of this attempt's own got as far as TLS."""
        return any(peer_of(opened) is not None for opened in self.sockets)


CURRENT: ContextVar[Progress] = ContextVar("econsent_http_progress")


class CheckedResolver(AbstractResolver):
    """Looks names up without search domains, and lets ``check`` refuse the answer as a whole. IP addresses never come here."""

    def __init__(self, check: Callable[[Sequence[str]], None], *, nameservers: Sequence[str], port: int) -> None:
        chosen: dict[str, Any] = {"nameservers": list(nameservers), "udp_port": port, "tcp_port": port} if nameservers else {}
        self._resolver = aiodns.DNSResolver(timeout=LOOK_UP_SECONDS, tries=LOOK_UP_TRIES, **chosen)
        self._check = check

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        progress = CURRENT.get()
        progress.looking_up = True
        name = host if host == "localhost" else f"{host}."  # the dot keeps search domains out
        try:
            found = await self._resolver.getaddrinfo(name, port=port, family=family, type=socket.SOCK_STREAM, flags=UNSORTED)
        except aiodns.error.DNSError as error:
            code, text = error.args[0], str(error.args[-1])
            word = "dns_timeout" if code == LOOK_UP_TIMEOUT else "dns"
            raise HttpTrouble(word, f"the name {host} could not be looked up: {text}", None) from error
        addresses = [text_of(node) for node in found.nodes]
        if not addresses:
            raise HttpTrouble("dns", f"the name {host} has no address", None)
        self._check(addresses)
        progress.looking_up = False
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        await self._resolver.close()


class PeerResponse(aiohttp.ClientResponse):
    """Notes who answers, also on a connection that was kept alive."""

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        peer = connection.transport.get_extra_info("peername") if connection.transport else None
        if peer:
            CURRENT.get().address = peer[0]
        return await super().start(connection)


class CheckedHttps:
    """An asynchronous context manager, to be used within one event loop.

    ``check_url`` returns the host that a URL leads to, and raises Refused. ``check_addresses`` raises Refused for a look-up's answer,
    and is asked once more for each single address before a socket is made for it.
    """

    def __init__(
        self,
        *,
        check_url: Callable[[str], str],
        check_addresses: Callable[[Sequence[str]], None],
        seconds: float,
        body_bytes: int,
        ca_file: Path | None = None,
        nameservers: Sequence[str] = (),
        dns_port: int = 53,
    ) -> None:
        self._check_url = check_url
        self._check_addresses = check_addresses
        self._seconds = seconds
        self._body_bytes = body_bytes
        self._ca_file = ca_file
        self._nameservers = nameservers
        self._dns_port = dns_port
        self._opened = AsyncExitStack()
        self._target = lru_cache(maxsize=MOST_TARGETS)(self._read_target)  # of text alone; addresses are checked for each connection

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            ssl=trusting(self._ca_file),
            resolver=CheckedResolver(self._check_addresses, nameservers=self._nameservers, port=self._dns_port),
            use_dns_cache=False,
            limit=0,  # the caller's business
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            socket_factory=self._make_socket,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=PeerResponse,
            timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_read=None, sock_connect=None),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=READ_AHEAD,
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
            max_headers=MOST_HEADERS,
            skip_auto_headers={"Accept-Encoding", "Content-Type", "User-Agent"},
        )
        self._session = await self._opened.enter_async_context(session)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._opened.aclose()

    async def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Send one request and read what comes back. Raises Refused, and HttpTrouble for everything that a server or network does."""
        progress = Progress()
        CURRENT.set(progress)
        target = self._target(url)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._send(method, target, headers, body, progress)
        except TimeoutError as error:
            raise self._late(progress) from error
        except aiohttp.ClientError as error:
            raise trouble_of(error, progress) from error

    def _read_target(self, url: str) -> URL:
        """Return what is sent to. It is read twice, by the check and by the client, and both must have read the same."""
        host = self._check_url(url)
        try:
            target = URL(url, encoded=True)
        except ValueError as error:
            raise Refused(f"the URL cannot be read: {first_line(error)}") from error
        if target.raw_host != host or target.scheme != "https":
            raise Refused("the URL can be read in two ways")
        return target

    async def _send(self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None, progress: Progress) -> Answer:
        for _ in range(STALE_CONNECTIONS):
            try:
                return await self._exchange(method, url, headers, body, progress)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                if progress.answered or progress.sockets:
                    raise
                # a connection kept alive had ended meanwhile; that is no failure of the receiver's
        return await self._exchange(method, url, headers, body, progress)

    async def _exchange(self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None, progress: Progress) -> Answer:
        async with self._session.request(
            method, url, headers={**headers, "Accept-Encoding": "identity"}, data=body, allow_redirects=False
        ) as response:
            progress.answered = True
            read = bytearray()
            while len(read) <= self._body_bytes and (chunk := await response.content.read(self._body_bytes + 1 - len(read))):
                read += chunk
            truncated = len(read) > self._body_bytes
            if truncated:
                response.close()  # whatever else comes is not read
            return Answer(
                status_code=response.status,
                body=bytes(read[: self._body_bytes]),
                truncated=truncated,
                content_encoding=response.headers.get("Content-Encoding"),
                retry_after=response.headers.get("Retry-After"),
                address=progress.address,
            )

    def _make_socket(self, info: Any) -> socket.socket:
        """The last check before a connection, and the only place where one begins."""
        family, kind, protocol, _, address = info
        self._check_addresses([address[0]])
        made = socket.socket(family=family, type=kind, proto=protocol)
        made.setblocking(False)
        CURRENT.get().sockets.append(made)
        return made

    def _late(self, progress: Progress) -> HttpTrouble:
        limit = f"within {self._seconds:g} s"
        peer = progress.address or next((peer for opened in progress.sockets if (peer := peer_of(opened))), None)
        if progress.answered:
            return HttpTrouble("slow_body", f"the answer's body did not end {limit}", peer)
        if progress.looking_up:
            return HttpTrouble("dns_timeout", f"the name could not be looked up {limit}", None)
        if progress.address is not None:
            return HttpTrouble("no_answer", f"no complete head of an answer came {limit}", peer)
        if progress.connected:
            return HttpTrouble("tls_timeout", f"the TLS handshake did not end {limit}", peer)
        return HttpTrouble("connect_timeout", f"no connection was accepted {limit}", peer)


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that trusts the public authorities and ``ca_file``, and speaks TLS 1.2 and newer."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def text_of(node: Any) -> str:
    """Return the address of one found by c-ares, as text."""
    address = node.addr[0]
    return address.decode() if isinstance(address, bytes) else str(address)


def peer_of(opened: socket.socket) -> str | None:
    """Return the address that a socket is connected to, None while it is not or no longer."""
    try:
        return opened.getpeername()[0]
    except OSError:
        return None


def trouble_of(error: aiohttp.ClientError, progress: Progress) -> HttpTrouble:
    """Name what aiohttp raised."""
    peer = progress.address or next((peer for opened in progress.sockets if (peer := peer_of(opened))), None)
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return certificate_trouble(error.certificate_error, peer)
        case aiohttp.ClientConnectorSSLError():
            return HttpTrouble("tls", f"the TLS handshake failed: {first_line(error)}", peer)
        case aiohttp.ClientConnectorError() if progress.connected:
            return HttpTrouble("tls", f"the connection ended during the TLS handshake: {first_line(error.os_error)}", peer)
        case aiohttp.ClientConnectorError():
            return HttpTrouble("connect", f"no connection: {first_line(error.os_error)}", peer)
        case aiohttp.ClientResponseError():
            if "more than" in error.message or "too many" in error.message.lower():
                return HttpTrouble("headers_too_large", f"the answer's head is too large, {LONGEST_HEADER} bytes a line are allowed", peer)
            return HttpTrouble("invalid_http", f"the answer is no valid HTTP: {first_line(error)}", peer)
        case aiohttp.ClientPayloadError() if "TransferEncoding" in str(error):
            return HttpTrouble("invalid_http", "the answer's chunks are no valid HTTP", peer)
        case aiohttp.ClientPayloadError() | aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
            return HttpTrouble("reset", "the connection ended before the whole answer had come", peer)
        case _:
            return HttpTrouble("invalid_http", f"the exchange failed: {type(error).__name__}", peer)


def certificate_trouble(error: BaseException, peer: str | None) -> HttpTrouble:
    code = getattr(error, "verify_code", None)
    said = getattr(error, "verify_message", first_line(error))
    if code in EXPIRED:
        return HttpTrouble("tls_expired", f"the receiver's certificate is not valid today: {said}", peer)
    if code in OTHER_NAME:
        return HttpTrouble("tls_name", f"the receiver's certificate is for another name: {said}", peer)
    if code in UNTRUSTED:
        return HttpTrouble("tls_untrusted", f"the receiver's certificate comes from nobody we trust: {said}", peer)
    return HttpTrouble("tls", f"the receiver's certificate was refused: {said}", peer)


def first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
