"""Counts the calls that pass, and spoils one of them. Both proxies of a case report here, so that a call has one number."""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

PATIENCE_SECONDS: Final = 60.0
"""Nothing waits longer for anything; what does is a defect and is told as one."""


class Mode(StrEnum):
    """What becomes of the chosen call."""

    REFUSED = "refused"  # an error before the effect: the connection ends and the server never heard of it
    LOST = "lost"  # the effect happens, the answer never comes
    LATE = "late"  # the client gives up and the work is done again; then the call reaches the server after all
    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    FROZEN_BEFORE = "frozen before"  # SIGSTOP, past the lease, SIGCONT
    FROZEN_AFTER = "frozen after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One message that asks for an answer. ``number`` counts from 1 over all servers of a case."""

    number: int
    server: str
    label: str


@dataclass(slots=True, kw_only=True)
class Strike:
    """Spoils call ``number``. ``victim`` is the worker's pid, set once it is known; ``struck`` says that the call came."""

    number: int
    mode: Mode
    victim: Future[int] = field(default_factory=Future[int])
    struck: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def happen(self, forward: Callable[[], bytes], hang_up: Callable[[], None]) -> bytes | None:
        """Return the answer that the client gets; None when it gets none and its connection ends."""
        try:
            return self._happen(forward, hang_up)
        finally:
            self.struck.set()
            self.over.set()

    def _happen(self, forward: Callable[[], bytes], hang_up: Callable[[], None]) -> bytes | None:
        match self.mode:
            case Mode.REFUSED:
                return None
            case Mode.LOST:
                forward()
                return None
            case Mode.KILLED_BEFORE:
                self._send(signal.SIGKILL)
                return None
            case Mode.KILLED_AFTER:
                forward()
                self._send(signal.SIGKILL)
                return None
            case Mode.LATE:
                hang_up()
                self._wait_for_release()
                forward()
                return None
            case Mode.FROZEN_BEFORE:
                self._send(signal.SIGSTOP)
                self._wait_for_release()
                return forward()
            case Mode.FROZEN_AFTER:
                answer = forward()
                self._send(signal.SIGSTOP)
                self._wait_for_release()
                return answer

    def _send(self, number: signal.Signals) -> None:
        os.kill(self.victim.result(timeout=PATIENCE_SECONDS), number)

    def _wait_for_release(self) -> None:
        self.struck.set()
        self.released.wait(PATIENCE_SECONDS)


class Switchboard:
    """Numbers calls from 1 and hands the chosen one to its strike. Used from every proxy's threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._strike: Strike | None = None

    def expect(self, strike: Strike | None) -> None:
        """Begin to count anew; ``strike`` None only records."""
        with self._lock:
            self._calls, self._strike = [], strike

    @property
    def calls(self) -> list[Call]:
        """What passed since ``expect``, in order."""
        with self._lock:
            return list(self._calls)

    def carry(self, server: str, label: str, *, forward: Callable[[], bytes], hang_up: Callable[[], None]) -> bytes | None:
        """Let one call pass, or spoil it; return what the client gets. Raises OSError when the server's connection ends."""
        with self._lock:
            call = Call(number=len(self._calls) + 1, server=server, label=label)
            self._calls.append(call)
            strike = self._strike
        if strike is None or strike.number != call.number:
            return forward()
        return strike.happen(forward, hang_up)
