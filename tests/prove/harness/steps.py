"""Workers that run call by call: whoever drives them says before each call what becomes of it."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from random import Random
from typing import Final

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
