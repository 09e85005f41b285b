"""A lane that runs call by call: statements and sends each come to pass, fail, are lost, come late or kill."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, TypeVar

from econsent_jobs.webhook_delivery_retry.model import Attempted, Outcome, Request
from tests.prove.harness.steps import Death, Fate, Worker, spoil

Result = TypeVar("Result")

DELIVERY: Final = "X-EConsent-Delivery"
NO_CONNECTION: Final = Attempted(outcome=Outcome.CONNECT, duration_ms=1, address="127.0.0.1", error="no connection: a fault of the proof")
RESET: Final = Attempted(outcome=Outcome.RESET, duration_ms=1, address="127.0.0.1", error="the connection ended: a fault of the proof")
NO_ANSWER: Final = Attempted(outcome=Outcome.NO_ANSWER, duration_ms=1, address="127.0.0.1", error="no answer came: a fault of the proof")


@dataclass(slots=True)
class Log:
    """What must be explained in the end. ``had``: how often each delivery reached its receiver; ``taken``: how often that said 2xx.

    ``disturbed``: calls that were spoilt, and moves of the clock while a worker was under way: each may send one delivery once more.
    """

    had: Counter[str] = field(default_factory=Counter[str])
    taken: Counter[str] = field(default_factory=Counter[str])
    disturbed: int = 0
    late: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])


class Mortal:
    """A worker, as its tools see it. Its event loop stands still while others run, and after its death nothing of it runs."""

    def __init__(self, worker: Worker, log: Log) -> None:
        self.worker, self.log, self.number = worker, log, worker.number
        self._dead = False

    def pause(self, call: str) -> Fate:
        if self._dead:
            raise Death
        running = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            fate = self.worker.pause(call)
        finally:
            asyncio._set_running_loop(running)
        self.log.disturbed += fate is not Fate.GO
        return fate

    def spoil(self, failed: bool, fatal: bool) -> None:
        self._dead |= fatal
        spoil(failed, fatal)


class SteppedSender:
    """Sending one webhook, which may fail before or after its effect, come late, or be the worker's last. ``receive`` is the other side."""

    def __init__(self, receive: Callable[[Request], Attempted], mortal: Mortal | None, log: Log) -> None:
        self._receive, self._mortal, self._log = receive, mortal, log

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing is open."""

    async def send(self, request: Request) -> Attempted:
        if self._mortal is None:
            return self._arrive(request)
        fate = self._mortal.pause("send")
        self._mortal.spoil(failed=False, fatal=fate is Fate.DIE)
        match fate:
            case Fate.FAIL | Fate.MIDST:
                return NO_CONNECTION
            case Fate.LATE:
                self._log.late.append(lambda: self._arrive_late(request))
                return NO_ANSWER
            case Fate.LOST:
                self._arrive(request)
                return RESET
            case _:
                attempted = self._arrive(request)
                self._mortal.spoil(failed=False, fatal=fate is Fate.DIE_AFTER)
                return attempted

    def _arrive(self, request: Request) -> Attempted:
        attempted = self._receive(request)
        self._log.had[request.headers[DELIVERY]] += 1
        self._log.taken[request.headers[DELIVERY]] += attempted.delivered
        return attempted

    def _arrive_late(self, request: Request) -> None:
        """A request that its sender gave up reaches its receiver after all; what that answers reaches nobody."""
        self._arrive(request)


async def at_once(call: Callable[[], Result]) -> Result:
    """A statement runs where it stands: a stepped worker has one thread."""
    return call()
