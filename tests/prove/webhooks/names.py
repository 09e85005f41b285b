"""A DNS server on the loopback interface that says what a test wants, over UDP, by dnspython's messages."""

import socketserver
import threading
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Final, Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

LOOPBACK: Final = "127.0.0.1"
SILENT: Final = "silent"
"""An answer that never comes."""


class NameServer:
    """``answers``: for each name, lower case, the addresses of the first, the second … question; the last one stays. A context manager.

    A question for addresses is two, one for each family, so families are counted apart. Unknown names do not exist (NXDOMAIN).
    """

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]] | None = None, *, otherwise: Sequence[str] | None = None) -> None:
        self._answers = {name.lower().rstrip("."): list(each) for name, each in (answers or {}).items()}
        self._otherwise = otherwise
        self._asked: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()
        self._server = socketserver.ThreadingUDPServer((LOOPBACK, 0), self._serve)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="names", daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def asked(self) -> dict[tuple[str, str], int]:
        """How often each name was asked for, by name and record type."""
        with self._lock:
            return dict(self._asked)

    def say(self, name: str, *answers: Sequence[str]) -> None:
        with self._lock:
            self._answers[name.lower().rstrip(".")] = list(answers)
        self.forget()

    def forget(self) -> None:
        """Count questions anew."""
        with self._lock:
            self._asked = {}

    def known(self, name: str) -> Sequence[Sequence[str]] | None:
        """The answers for a name in their order, None where it does not exist."""
        return self._answers.get(name, None if self._otherwise is None else [self._otherwise])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, request: Any, address: Any, server: Any) -> None:
        data, socket = request
        answer = self._answer(dns.message.from_wire(data))
        if answer is not None:
            socket.sendto(answer.to_wire(), address)

    def _answer(self, question: dns.message.Message) -> dns.message.Message | None:
        asked = question.question[0]
        name, kind = asked.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(asked.rdtype)
        with self._lock:
            count = self._asked[name, kind] = self._asked.get((name, kind), 0) + 1
            known = self.known(name)
        answer = dns.message.make_response(question, recursion_available=True)
        if known is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
            return answer
        addresses = known[min(count, len(known)) - 1]
        if SILENT in addresses:
            return None
        fitting = [each for each in addresses if ip_address(each).version == {"A": 4, "AAAA": 6}.get(kind)]
        if fitting:
            answer.answer.append(dns.rrset.from_text(asked.name, 0, "IN", kind, *fitting))
        else:
            # without it c-ares keeps "nothing of this kind" for a while
            answer.authority.append(dns.rrset.from_text(asked.name, 0, "IN", "SOA", "ns.example.com. admin.example.com. 1 0 0 0 0"))
        return answer
