"""Histories on the model: nights of two workers, call by call, while holds, claims, retentions, erasures, policies and the clock move.

The workers run the job's own marking and purging. An oracle of a few lines, which shares nothing with the rules, says at each deletion
whether it was allowed, and in the end whether all that had to go is gone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Final

from econsent_jobs.core.clock import SystemClock
from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.marking import mark
from econsent_jobs.retention_enforcement.model import Backend, Facts, Served, SessionFacts, Settings, State
from econsent_jobs.retention_enforcement.purging import purge
from econsent_jobs.retention_enforcement.tools import Tally, Tools
from econsent_jobs.retention_enforcement.turn import Run
from tests.prove.harness.histories import Told
from tests.prove.harness.steps import Crew, Fate, SteppedStore, Worker
from tests.prove.retention.model import ModelArchive, ModelStore, World, companies

BEGIN: Final = datetime(2030, 2, 27, 3, 15, tzinfo=UTC)
GRACE: Final = timedelta(days=7)
COMPANIES: Final = ("a", "b")
MOST_STEPS: Final = 160
MOST_NIGHTS: Final = 6
DEPTH: Final = 6
FATES: Final = (Fate.FAIL, Fate.LOST, Fate.DIE, Fate.DIE_AFTER, Fate.MIDST)
WEAK_SPOTS: Final = ("transaction", "delete")


@dataclass(slots=True, kw_only=True)
class Oracle:
    """What must not be deleted, by plain bookkeeping. ``effective``: holds whose placing has returned. ``latest``: the clock's furthest;
    a clock that steps back makes no time unpassed.
    """

    world: World
    latest: datetime = BEGIN
    effective: set[int] = field(default_factory=set[int])
    wrong: list[str] = field(default_factory=list[str])

    def judge(self, key: str) -> None:
        """Called at the moment when a version goes."""
        facts = next(each for each in self.world.data.facts.values() if each.object_key == key)
        held = [number for number in self.effective if number in self.world.data.holds and self.covers(number, facts)]
        if held:
            self.wrong.append(f"{key} went under hold {held[0]}")
        if not self.is_due(facts, self.latest):
            self.wrong.append(f"{key} went before its time")
        marked = facts.marked_at
        if marked is None or (facts.erasure_asked_at is None and self.latest < marked + GRACE):
            self.wrong.append(f"{key} went within its grace")

    def covers(self, number: int, facts: Facts) -> bool:
        company_id, object_id = self.world.data.holds[number]
        return company_id == facts.company_id and object_id in {None, facts.object_id}

    @staticmethod
    def is_due(facts: Facts, at: datetime) -> bool:
        """Lock, law, erasure, policy: written down a second time."""
        served = facts.served[0]
        assert facts.retain_until is not None
        assert served.expires_at is not None
        if at <= facts.retain_until:
            return False
        if facts.session is not None and facts.session.retained_at is not None:
            year = served.consent_at.year + 5
            leap = served.consent_at.month == 2 and served.consent_at.day == 29 and year % 4 != 0
            if at < served.consent_at.replace(year=year, day=28 if leap else served.consent_at.day):
                return False
        return facts.erasure_asked_at is not None or at >= served.expires_at


def history(seed: int) -> Told:
    """Run one history and say what is wrong with it."""
    random, told = Random(seed), Told()
    world = World(now=BEGIN)
    oracle = Oracle(world=world)
    for object_id in range(1, random.randint(3, 14)):
        add(world, random, object_id)
    crew = Crew(random, weak_spots=WEAK_SPOTS, fates=FATES)
    workers: dict[int, int] = {}
    while crew.steps < MOST_STEPS:
        if random.random() < 0.25:
            happen(world, oracle, random)
        elif crew.has_room and random.random() < 0.3:
            crew.begin(partial(night, world, oracle))
        elif crew.at_work:
            worker = crew.step()
            if worker.is_over and worker.result is not None:
                workers[worker.lane] = workers.get(worker.lane, 0) + worker.result.changed
        settle_holds(world, oracle)
    while crew.at_work:
        crew.step()
    finish(world, oracle)
    told.wrong = oracle.wrong
    told.steps = crew.steps
    told.finished.update(workers)
    return told


def add(world: World, random: Random, object_id: int) -> None:
    """An object of a certificate that ends within weeks, locked at most as long, and perhaps of a retained session."""
    company_id = random.choice(COMPANIES)
    consent_at = BEGIN.replace(year=2025, day=1) - timedelta(days=random.randrange(60))
    ends = BEGIN + timedelta(days=random.randrange(-20, 20))
    lock = ends - timedelta(days=random.choice((0, 0, 5)))
    retained = random.random() < 0.4
    session = SessionFacts(status="retained", expires_at=ends, due_at=ends, retained_at=consent_at) if retained else None
    key = f"{company_id}/{object_id:04d}"
    world.versions[key] = lock + timedelta(days=random.choice((0, 0, 0, 3)))  # now and then the archive's lock is longer than the row's
    world.data.facts[object_id] = Facts(
        object_id=object_id,
        company_id=company_id,
        kind="certificate",
        backend=Backend.S3,
        object_key=key,
        version_id="v",
        size_bytes=1,
        sha256="0" * 64,
        state=State.STORED,
        created_at=consent_at,
        retain_until=lock,
        session=session,
        served=[Served(certificate_pk=object_id, status="expired", consent_at=consent_at, expires_at=ends)],
        policy_changed_at=BEGIN - timedelta(days=900),
    )


def happen(world: World, oracle: Oracle, random: Random) -> None:
    """Something that the platform, a person or the clock does between two calls."""
    alive = [each for each in world.data.facts.values() if each.state is not State.DELETED and each.object_key in world.versions]
    chosen = random.choice(alive) if alive else None
    match random.choice(("clock", "clock", "hold", "release", "claim", "erase", "retain", "back")):
        case "clock":
            world.now += timedelta(days=random.choice((1, 1, 3, 8)))
        case "back":
            world.now -= timedelta(hours=random.randrange(1, 30))
        case "hold" if chosen is not None:
            number = len(world.data.holds) + random.randrange(10**6)
            world.data.holds[number] = (chosen.company_id, random.choice((None, chosen.object_id)))
        case "release" if world.data.holds:
            world.data.holds.pop(random.choice(sorted(world.data.holds)))
        case "claim" if chosen is not None and chosen.object_id not in world.row_locks:
            served = replace(chosen.served[0], claimed=True, expires_at=world.now + timedelta(days=random.randrange(5, 40)))
            change(world, chosen, served=[served])
        case "erase" if chosen is not None and chosen.object_id not in world.row_locks:
            change(world, chosen, erasure_asked_at=world.now)
        case "retain" if chosen is not None and chosen.session is None and chosen.object_id not in world.row_locks:
            session = SessionFacts(status="retained", expires_at=world.now, due_at=world.now, retained_at=world.now)
            change(world, chosen, session=session)
        case _:
            pass


def change(world: World, facts: Facts, **columns: Any) -> None:
    """The platform's own write. It waits, as in the database, while a batch has the row: so it does not come then."""
    assert facts.object_id is not None
    world.data.facts[facts.object_id] = replace(world.data.facts[facts.object_id], **columns)


def settle_holds(world: World, oracle: Oracle) -> None:
    """Placing a hold returns as soon as no batch of its company is in flight any more."""
    oracle.latest = max(oracle.latest, world.now)
    for number, (company_id, _) in world.data.holds.items():
        if company_id not in world.company_locks:
            oracle.effective.add(number)


def night(world: World, oracle: Oracle, worker: Worker) -> Callable[[], JobResult]:
    """One worker's night: mark what is due, purge what has been marked for long enough."""
    store: Any = SteppedStore(ModelStore(world), worker, depth=DEPTH)
    archive: Any = SteppedStore(ModelArchive(world, judge=oracle.judge), worker, depth=DEPTH)
    return lambda: work(world, store, archive, worker.number)


def work(world: World, store: Any, archive: Any, number: int) -> JobResult:
    nothing: Any = None
    settings = Settings(run_id=f"night {number}", grace=GRACE)
    tools = Tools(store=store, archive=archive, audit=nothing, files=nothing, settings=settings, clock=SystemClock(), tally=Tally())
    run = Run(step="purge_objects", now=world.now, tools=tools, batch_size=10, deadline=tools.clock.monotonic() + 600)
    result = JobResult()
    for company in companies(COMPANIES):
        turn = run.turn(company)
        ids = [object_id for object_id, each in world.data.facts.items() if each.company_id == company.company_id]
        with store.transaction():
            mark(turn, ids)
        result += purge(turn)
    return result


def finish(world: World, oracle: Oracle) -> None:
    """Nights without faults until nothing moves: then exactly what was due is gone, each with one tombstone."""
    for _ in range(MOST_NIGHTS):
        settle_holds(world, oracle)
        store, archive = ModelStore(world), ModelArchive(world, judge=oracle.judge)
        work(world, store, archive, 0)
        world.now += timedelta(days=8)
    for facts in world.data.facts.values():
        gone, held = facts.object_key not in world.versions, bool(world.holds_on(facts))
        settled = world.now - timedelta(days=8 * (MOST_NIGHTS - 2))
        if oracle.is_due(facts, settled) and not held and not gone and world.versions[facts.object_key] < settled:
            oracle.wrong.append(f"{facts.object_key} was due and is still there")
        if gone != (facts.state is State.DELETED):
            oracle.wrong.append(f"{facts.object_key} is {facts.state} and {'gone' if gone else 'there'}")
    if sorted(world.data.tombstones) != sorted(world.deleted) or len(set(world.data.tombstones)) != len(world.data.tombstones):
        oracle.wrong.append(f"tombstones {world.data.tombstones} for {world.deleted}")
