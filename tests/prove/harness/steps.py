"""Workers that run call by call: whoever drives them says before each call what becomes of it."""

from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from random import Random
from typing import Any, Final, Protocol

from greenlet import getcurrent, greenlet

from econsent_jobs.core.errors import EconsentError, ErrorClass, TransientError
from econsent_jobs.core.results import JobResult

MOST_AT_ONCE: Final = 2
RATES: Final = (0.0, 0.0, 0.03, 0.03, 0.1, 0.3)
WEAK: Final = 0.5


class Death(BaseException):
    """Stands for SIGKILL: nothing of the worker's own runs after it."""


class Fate(StrEnum):
    """What becomes of a call. ``MIDST`` is for transactions: they end between two of their statements."""

    GO = "go"
    FAIL = "fail"
    LOST = "lost"
    DIE = "die"
    DIE_AFTER = "die after"
    MIDST = "midst"
    LATE = "late"


class Worker:
    """One run of the job, as a greenlet. ``step`` lets it go on to its next call, which ``waits_before`` names."""

    def __init__(self, number: int, lane: int) -> None:
        self.number, self.lane = number, lane
        self.result: JobResult | None = None
        self.waits_before = ""
        self._driver = getcurrent()
        self._greenlet: greenlet | None = None

    def begin(self, job: Callable[[], JobResult]) -> None:
        def run() -> None:
            try:
                self.result = job()
            except (Death, EconsentError):
                self.result = None

        self._greenlet = greenlet(run)
        self._greenlet.switch()

    @property
    def is_over(self) -> bool:
        return self._greenlet is not None and self._greenlet.dead

    def pause(self, call: str) -> Fate:
        """Called from within the job: hand over to the driver, and come back with a fate."""
        self.waits_before = call
        return self._driver.switch(call)

    @staticmethod
    def spoil(failed: bool, fatal: bool) -> None:
        spoil(failed, fatal)

    def step(self, fate: Fate) -> None:
        assert self._greenlet is not None
        self._greenlet.switch(fate)


class Crew:
    """Workers that go on call by call in any order, at most two at once. Calls are spoilt at a rate, and at one weak spot more often."""

    def __init__(self, random: Random, *, weak_spots: Sequence[str], fates: Sequence[Fate]) -> None:
        self._random, self._fates = random, fates
        self._spoilt = random.choice(RATES)
        self._weak_spot = random.choice((None, None, None, *weak_spots))
        self.at_work: list[Worker] = []
        self.begun, self.steps = 0, 0

    @property
    def has_room(self) -> bool:
        return len(self.at_work) < MOST_AT_ONCE

    def begin(self, job: Callable[["Worker"], Callable[[], JobResult]]) -> None:
        """A further worker begins; ``job`` gives what it runs. Its lane is the free one of 0 and 1."""
        self.begun += 1
        worker = Worker(self.begun, 0 if all(each.lane for each in self.at_work) else 1)
        worker.begin(job(worker))
        self.at_work.append(worker)

    def step(self) -> "Worker":
        """One of the workers goes on to its next call. Returns it; it may be over by then, and is at work no more."""
        self.steps += 1
        worker = self._random.choice(self.at_work)
        spoilt = WEAK if worker.waits_before == self._weak_spot else self._spoilt
        worker.step(self._random.choice(self._fates) if self._random.random() < spoilt else Fate.GO)
        if worker.is_over:
            self.at_work.remove(worker)
        return worker


def spoil(failed: bool, fatal: bool, *, error_class: ErrorClass = ErrorClass.DB_CONNECTIVITY) -> None:
    if fatal:
        raise Death
    if failed:
        raise TransientError(error_class, "a fault of the proof")


class Stepped(Protocol):
    """Whoever runs call by call: a ``Worker``, or what stands before one."""

    @property
    def number(self) -> int: ...

    def pause(self, call: str) -> Fate: ...

    def spoil(self, failed: bool, fatal: bool) -> None: ...


class SteppedStore:
    """A store whose calls each have a fate. A transaction is one step: its locks make it one.

    ``depth``: a transaction that ends in its midst does so before one of so many statements, from the second on, when work was done that
    must not stay. ``unstepped`` names what is no call at the database.
    """

    def __init__(self, store: Any, stepped: Stepped, *, depth: int, unstepped: Collection[str] = ()) -> None:
        self._store, self._stepped, self._depth, self._unstepped = store, stepped, depth, unstepped
        self._left: int | None = None
        self.inside = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name in self._unstepped:
            return method

        def call(*arguments: Any, **named: Any) -> Any:
            if self.inside:
                self.count_inside()
                return method(*arguments, **named)
            fate = self._stepped.pause(name)
            self._stepped.spoil(fate in {Fate.FAIL, Fate.MIDST}, fate is Fate.DIE)
            answer = method(*arguments, **named)
            self._stepped.spoil(fate in {Fate.LOST, Fate.LATE}, fate is Fate.DIE_AFTER)
            return answer

        return call

    def count_inside(self) -> None:
        """A call within the transaction: one of them may be the one at which it ends."""
        if self._left is not None:
            self._left -= 1
            spoil(self._left == 0, fatal=False)

    @contextmanager
    def transaction(self) -> Generator[None]:
        with self._one_step("transaction"):
            yield

    @contextmanager
    def snapshot(self) -> Generator[None]:
        """A transaction that reads one moment."""
        with self._one_step("snapshot"):
            yield

    @contextmanager
    def _one_step(self, kind: str) -> Generator[None]:
        fate = self._stepped.pause(kind)
        self._stepped.spoil(fate is Fate.FAIL, fate is Fate.DIE)
        self.inside, self._left = True, 2 + self._stepped.number % self._depth if fate is Fate.MIDST else None
        try:
            with getattr(self._store, kind)():
                yield
        finally:
            self.inside = False
        self._stepped.spoil(fate in {Fate.LOST, Fate.LATE}, fate is Fate.DIE_AFTER)
