"""Fail call n of m: a recording pass counts the calls at the socket, then each is spoiled in each way, and the work is done again.

After the first worker something that must not matter is changed: the signing key, the policy, a template, the unit that characters are
counted in. In the end the state must be that of a run without faults, and what was sealed before must be what is stored.
"""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from random import Random
from time import monotonic, sleep
from typing import Any, Final

from tests.prove.certificates.case import Case, Verdict, examine, make_case
from tests.prove.certificates.world import ROLE, Errand, World
from tests.prove.wire.nursery import Ended
from tests.prove.wire.switchboard import PATIENCE_SECONDS, Call, Mode, Strike

MOST_RUNS: Final = 8
NEWER_TEMPLATES: Final = """
INSERT INTO econsent.consent_templates (company_id, template_id, version, name, body, body_sha256, status)
SELECT t.company_id, t.template_id, %(version)s, t.name, t.body, t.body_sha256, 'active'
FROM econsent.consent_templates AS t WHERE t.version = '2'
ON CONFLICT DO NOTHING
"""
BLOCKED: Final = """
SELECT count(*) AS n FROM pg_stat_activity WHERE usename = %(role)s AND wait_event_type = 'Lock' AND datname = current_database()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPoint:
    """Call ``call`` is spoiled in the way ``mode``. ``attempts`` 2: the S3 client tries once more by itself."""

    call: Call
    mode: Mode
    attempts: int = 1

    @property
    def name(self) -> str:
        return f"{self.mode} at call {self.call.number} ({self.call.server}: {self.call.label}), {self.attempts} attempts"


def record(world: World, *, number: int) -> list[Call]:
    """Run a case without faults and return its calls. Raises AssertionError when that run is not clean already."""
    world.reset_policies()
    case = make_case(world, number=number)
    world.switchboard.expect(None)
    ended = world.nursery.run(world.proxied.told())
    calls = world.switchboard.calls
    assert ended.report is not None, ended
    assert (ended.report.get("changed"), ended.report.get("quarantined")) == (len(case.good), len(case.bad)), ended
    verdict = examine(world, case, [])
    assert verdict.clean, verdict.sentences
    return calls


def fault_points(calls: Iterable[Call]) -> Iterator[FaultPoint]:
    """Every call in every way; an answer of S3 is also lost to a client that asks again by itself."""
    for call in calls:
        for mode in Mode:
            yield FaultPoint(call=call, mode=mode)
        if call.server == "s3":
            yield FaultPoint(call=call, mode=Mode.LOST, attempts=2)
            yield FaultPoint(call=call, mode=Mode.LATE, attempts=2)


def one_way_each(calls: Iterable[Call], random: Random) -> list[FaultPoint]:
    """Every call once, the ways dealt out so that all of them come up."""
    modes = list(Mode)
    random.shuffle(modes)
    return [FaultPoint(call=call, mode=modes[place % len(modes)]) for place, call in enumerate(calls)]


def prove_point(world: World, point: FaultPoint, *, number: int, random: Random, thorough: bool = True) -> Verdict:
    """Run one case with its fault and judge the end; ``thorough`` is as ``examine`` has it."""
    world.reset_policies()
    case = make_case(world, number=number)
    strike = Strike(number=point.call.number, mode=point.mode)
    world.switchboard.expect(strike)
    pid = world.nursery.start(replace(world.proxied, attempts=point.attempts).told())
    strike.victim.set_result(pid)
    later = change_something(world, random)
    match point.mode:
        case Mode.FROZEN_BEFORE | Mode.FROZEN_AFTER:
            end = freeze(world, strike, pid, later)
        case Mode.LATE:
            end = be_late(world, case, strike, pid, later, own_retry=point.attempts > 1)
        case _:
            end = world.nursery.wait(pid)
    sealings = [case.sealing(world)]
    settled = settle(world, case, later)
    world.switchboard.expect(None)
    verdict = examine(world, case, sealings, thorough=thorough) + settled
    if not strike.struck.is_set():
        verdict.wrong += 1
        verdict.sentences.append(f"the call never came; the worker ended with {end}")
    if not verdict.clean:
        world.forget_queue()
    verdict.sentences = [f"case {number}, {point.name}: {sentence}" for sentence in verdict.sentences]
    return verdict


def freeze(world: World, strike: Strike, pid: int, later: Errand) -> Ended:
    """The frozen worker's lease runs out and another one does the work; then the frozen one goes on.

    If the other one comes to wait for a lock that the frozen one holds, the frozen one is continued: the database would end it otherwise.
    """
    wait_until(lambda: strike.struck.is_set() or world.nursery.has_ended(pid))
    if strike.struck.is_set():
        world.work_is_due()
        other = world.nursery.start(later.told())
        wait_until(lambda: world.nursery.has_ended(other) or is_blocked(world))
        strike.released.set()
        os.kill(pid, signal.SIGCONT)
        world.nursery.wait(other)
    return world.nursery.wait(pid)


def be_late(world: World, case: Case, strike: Strike, pid: int, later: Errand, *, own_retry: bool) -> Ended:
    """The client was hung up on and the work is done again, by its own second attempt or by the next run; then the call arrives."""
    ended = world.nursery.wait(pid)
    if strike.struck.is_set() and not own_retry:
        world.work_is_due()
        other = world.nursery.start(later.told())
        wait_until(lambda: world.nursery.has_ended(other) or is_blocked(world))
        strike.released.set()
        world.nursery.wait(other)
    strike.released.set()
    if strike.struck.is_set():
        wait_until(strike.over.is_set)
    return ended


def is_blocked(world: World) -> bool:
    return world.one(BLOCKED, role=ROLE)["n"] > 0


def change_something(world: World, random: Random) -> Errand:
    """Change what must not change a sealed certificate, and return the errand of the workers to come."""
    later = world.direct
    if random.random() < 0.7:
        later = replace(later, key_id="key-2")
    if random.random() < 0.3:
        later = replace(later, unit="UTF-16 units", threads=8)
    if random.random() < 0.3:
        world.database.execute("UPDATE econsent.retention_settings SET object_lock_years = %s", [random.randrange(1, 8)])
    if random.random() < 0.3:
        world.database.execute(
            "UPDATE econsent.properties SET certificate_expiration = make_interval(months => %s)", [random.randrange(3, 60)]
        )
    if random.random() < 0.3:
        world.database.execute(NEWER_TEMPLATES, {"version": f"{random.randrange(10**9)}"})
    return later


def settle(world: World, case: Case, errand: Errand) -> Verdict:
    """Run workers until nothing of the case is open; each of them must end in order."""
    for _ in range(MOST_RUNS):
        if case.open_items(world) == 0:
            return Verdict()
        world.work_is_due()
        ended = world.nursery.run(errand.told())
        if ended.code != 0 or ended.report is None or "raised" in ended.report:
            return Verdict(wrong=1, sentences=[f"a run without faults ended with {ended}"])
    return Verdict(lost=case.open_items(world), sentences=[f"work is left after {MOST_RUNS} runs without faults"])


def wait_until(condition: Callable[[], Any]) -> None:
    """Poll, because what is waited for lies in other processes. Raises AssertionError when it does not come about."""
    deadline = monotonic() + PATIENCE_SECONDS
    while not condition():
        assert monotonic() < deadline, "nothing happened for a minute"
        sleep(0.005)
