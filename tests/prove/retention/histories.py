"""Random histories: nights of two workers, call by call, while holds, claims, retentions, erasures and the clock move.

One driver for two sides: the model, and the real PostgreSQL and archive. The workers run the job's own marking and purging. An oracle of a
few lines, which shares nothing with the rules, says at each deletion whether it was allowed, and in the end whether all that had to go is
gone, each with one tombstone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, Protocol

from econsent_jobs.core.clock import SystemClock
from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.marking import mark
from econsent_jobs.retention_enforcement.model import Settings
from econsent_jobs.retention_enforcement.purging import purge
from econsent_jobs.retention_enforcement.store import Company
from econsent_jobs.retention_enforcement.tools import Tally, Tools
from econsent_jobs.retention_enforcement.turn import Run
from tests.prove.harness.histories import Told
from tests.prove.harness.steps import Crew, Fate, SteppedStore, Worker

BEGIN: Final = datetime(2014, 2, 27, 3, 15, tzinfo=UTC)
"""All of a history lies in the past, so that whoever looks at the real servers with the real clock finds everything in order."""
GRACE: Final = timedelta(days=7)
COMPANIES: Final = ("acme", "leaver")
STEPS: Final = (10, 130)
"""At least and at most so many calls, before everything is left to come to its end."""
MOST_NIGHTS: Final = 6
A_NIGHT: Final = timedelta(days=8)
DEPTH: Final = 6
FATES: Final = (Fate.FAIL, Fate.LOST, Fate.DIE, Fate.DIE_AFTER, Fate.MIDST)
WEAK_SPOTS: Final = ("transaction", "delete")
CLAIM_YEARS: Final = (6, 7)
EVENTS: Final = ("clock", "clock", "hold", "release", "claim", "erase", "retain", "back")


@dataclass(slots=True, kw_only=True)
class Item:
    """What the platform knows of one object. ``lock_until``: by its row; ``barred_until``: when the archive itself lets it go."""

    number: int
    company_id: str
    key: str
    consent_at: datetime
    ends_at: datetime
    lock_until: datetime
    barred_until: datetime
    retained: bool
    erasure_asked: bool = False

    def is_due(self, at: datetime) -> bool:
        """Lock, law, erasure, policy: written down a second time."""
        if at <= self.lock_until:
            return False
        if self.retained and at < years_after(self.consent_at, 5):
            return False
        return self.erasure_asked or at >= self.ends_at


def years_after(at: datetime, years: int) -> datetime:
    """The same day so many years later; the 28th where there is no 29 February."""
    year = at.year + years
    leap = at.month == 2 and at.day == 29 and not (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    return at.replace(year=year, day=28 if leap else at.day)


class Side(Protocol):
    """Where a history takes place. Its clock is the driver's: nothing waits for time to pass."""

    now: datetime

    def add(self, item: Item) -> None:
        """Store it, and give it the number of its row and the key that it has there."""
        ...

    def hold(self, company_id: str, item: Item | None) -> int:
        """Write a hold's row, on one object or on all of a company, and return its number."""
        ...

    def release(self, hold: int) -> None: ...

    def change(self, item: Item, what: str, *, ends_at: datetime) -> bool:
        """Claim, erase or retain. False where a batch has the object in hand: the platform's write waits then, and does not come."""
        ...

    def in_flight(self, company_id: str) -> bool:
        """Whether a batch of the company is under way: whoever places a hold waits for it."""
        ...

    def marked_at(self, item: Item) -> datetime | None: ...

    def is_there(self, item: Item) -> bool:
        """Whether the archive holds it."""
        ...

    def is_closed(self, item: Item) -> bool:
        """Whether its row says that it is deleted."""
        ...

    def deleted(self) -> Sequence[str]:
        """The keys of what the archive deleted, in order."""
        ...

    def tombstones(self) -> Sequence[str]:
        """The keys of the log's leaves."""
        ...

    def stores(self, judge: Callable[[str], None]) -> tuple[Any, Any]:
        """A worker's store and archive. The archive calls ``judge`` with the key of each version at the moment when it goes."""
        ...


@dataclass(slots=True, kw_only=True)
class Oracle:
    """What must not be deleted, by plain bookkeeping. ``effective``: holds whose placing has returned. ``latest``: the clock's furthest; a
    clock that steps back makes no time unpassed.
    """

    side: Side
    items: dict[str, Item] = field(default_factory=dict[str, Item])
    holds: dict[int, tuple[str, Item | None]] = field(default_factory=dict[int, tuple[str, Item | None]])
    effective: set[int] = field(default_factory=set[int])
    latest: datetime = BEGIN
    wrong: list[str] = field(default_factory=list[str])

    def judge(self, key: str) -> None:
        """Called at the moment when a version goes."""
        item = self.items[key]
        held = [number for number in sorted(self.effective) if number in self.holds and self.covers(number, item)]
        if held:
            self.wrong.append(f"{key} went under hold {held[0]}")
        if not item.is_due(self.latest):
            self.wrong.append(f"{key} went before its time")
        marked_at = self.side.marked_at(item)
        if marked_at is None or (not item.erasure_asked and self.latest < marked_at + GRACE):
            self.wrong.append(f"{key} went within its grace")

    def covers(self, number: int, item: Item) -> bool:
        company_id, only = self.holds[number]
        return company_id == item.company_id and (only is None or only is item)

    def is_held(self, item: Item) -> bool:
        return any(self.covers(number, item) for number in self.holds)

    def settle_holds(self) -> None:
        """Placing a hold returns as soon as no batch of its company is in flight any more."""
        self.latest = max(self.latest, self.side.now)
        waiting = {self.holds[number][0] for number in self.holds.keys() - self.effective}
        free = {company_id for company_id in waiting if not self.side.in_flight(company_id)}
        self.effective |= {number for number, (company_id, _) in self.holds.items() if company_id in free}


class History:
    """Drives one history. Everything is drawn from ``random``, so that its seed, or what shrinks it, says it all."""

    def __init__(self, side: Side, random: Random) -> None:
        self._side, self._random = side, random
        self._oracle = Oracle(side=side)
        self._crew = Crew(random, weak_spots=WEAK_SPOTS, fates=FATES)
        self.told = Told()

    def run(self) -> Told:
        for number in range(1, self._random.randint(3, 14)):
            item = draw(self._random, number)
            self._side.add(item)
            self._oracle.items[item.key] = item
        steps = self._random.randrange(*STEPS)
        while self._crew.steps < steps:
            self._move()
            self._oracle.settle_holds()
        while self._crew.at_work:
            self._crew.step()
        self._finish()
        self.told.wrong, self.told.steps = self._oracle.wrong, self._crew.steps
        return self.told

    def _move(self) -> None:
        if self._random.random() < 0.25:
            self._happen()
        elif self._crew.has_room and self._random.random() < 0.3:
            self._crew.begin(self._night)
        elif self._crew.at_work:
            worker = self._crew.step()
            if worker.is_over and worker.result is not None:
                self.told.finished[worker.lane] += worker.result.changed

    def _happen(self) -> None:
        """Something that the platform, a person or the clock does between two calls."""
        random, side, oracle = self._random, self._side, self._oracle
        alive = [item for item in oracle.items.values() if side.is_there(item)]
        item = random.choice(alive) if alive else None
        what = random.choice(EVENTS)
        match what:
            case "clock":
                side.now += timedelta(days=random.choice((1, 1, 3, 8)))
            case "back":
                side.now -= timedelta(hours=random.randrange(1, 30))
            case "hold" if item is not None:
                only = random.choice((None, item))
                oracle.holds[side.hold(item.company_id, only)] = item.company_id, only
            case "release" if oracle.holds:
                number = random.choice(sorted(oracle.holds))
                side.release(number)
                del oracle.holds[number]
            case "claim" | "erase" | "retain" if item is not None:
                self._change(item, what)
            case _:
                pass

    def _change(self, item: Item, what: str) -> None:
        ends_at = item.ends_at
        if what == "claim":
            ends_at = max(ends_at, years_after(item.consent_at, self._random.choice(CLAIM_YEARS)))
        if not (what == "retain" and item.retained) and self._side.change(item, what, ends_at=ends_at):
            item.ends_at = ends_at
            item.erasure_asked |= what == "erase"
            item.retained |= what == "retain"

    def _night(self, worker: Worker) -> Callable[[], JobResult]:
        """One worker's night: mark what is due, purge what has been marked for long enough."""
        real_store, real_archive = self._side.stores(self._oracle.judge)
        store: Any = SteppedStore(real_store, worker, depth=DEPTH)
        archive: Any = SteppedStore(real_archive, worker, depth=DEPTH)
        return lambda: self._work(store, archive, worker.number)

    def _work(self, store: Any, archive: Any, number: int) -> JobResult:
        nothing: Any = None
        settings = Settings(run_id=f"night {number}", grace=GRACE)
        tools = Tools(store=store, archive=archive, audit=nothing, files=nothing, settings=settings, clock=SystemClock(), tally=Tally())
        run = Run(step="purge_objects", now=self._side.now, tools=tools, batch_size=10, deadline=tools.clock.monotonic() + 600)
        result = JobResult()
        for company_id in COMPANIES:
            turn = run.turn(Company(company_id=company_id, name=company_id, status="active", closes=False))
            ids = [item.number for item in self._oracle.items.values() if item.company_id == company_id]
            with store.transaction():
                mark(turn, ids)
            result += purge(turn)
        return result

    def _finish(self) -> None:
        """Nights without faults until nothing moves: then exactly what was due is gone, each with one tombstone."""
        side, oracle = self._side, self._oracle
        store, archive = side.stores(oracle.judge)
        for _ in range(MOST_NIGHTS):
            oracle.settle_holds()
            self._work(store, archive, 0)
            side.now += A_NIGHT
        settled = side.now - A_NIGHT * (MOST_NIGHTS - 2)
        for item in oracle.items.values():
            gone = not side.is_there(item)
            if item.is_due(settled) and item.barred_until < settled and not oracle.is_held(item) and not gone:
                oracle.wrong.append(f"{item.key} was due and is still there")
            if gone != side.is_closed(item):
                oracle.wrong.append(f"{item.key} is {'closed' if side.is_closed(item) else 'open'} and {'gone' if gone else 'there'}")
        tombstones, deleted = side.tombstones(), side.deleted()
        if sorted(tombstones) != sorted(deleted) or len(set(tombstones)) != len(tombstones):
            oracle.wrong.append(f"tombstones {tombstones} for {deleted}")


def draw(random: Random, number: int) -> Item:
    """An object of a certificate that ends within weeks, locked at most as long, and perhaps of a retained session."""
    company_id = random.choice(COMPANIES)
    ends_at = BEGIN + timedelta(days=random.randrange(-20, 20))
    lock_until = ends_at - timedelta(days=random.choice((0, 0, 5)))
    return Item(
        number=number,
        company_id=company_id,
        key=f"{company_id}/{number:04d}",
        consent_at=BEGIN.replace(year=BEGIN.year - 5, day=1) - timedelta(days=random.randrange(60)),
        ends_at=ends_at,
        lock_until=lock_until,
        barred_until=lock_until + timedelta(days=random.choice((0, 0, 0, 3))),  # now and then the archive's lock is longer than the row's
        retained=random.random() < 0.4,
    )
