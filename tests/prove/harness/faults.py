"""Fail call n of m: a recording pass counts the calls at the socket, then each is spoiled in each way, and the work is done again.

After the first worker something that must not matter is changed. In the end the state must be that of a run without faults, and what
stood fixed before must be what is there.
"""

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from time import monotonic, sleep
from typing import Any, Final

from tests.prove.harness.stage import Errand, Stage
from tests.prove.harness.verdict import Verdict
from tests.prove.wire.nursery import Ended
from tests.prove.wire.switchboard import PATIENCE_SECONDS, Call, Mode, Strike

MOST_RUNS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPoint:
    """Call ``call`` is spoiled in the way ``mode``. ``attempts`` 2: the server's client tries once more by itself."""

    call: Call
    mode: Mode
    attempts: int = 1

    @property
    def name(self) -> str:
        return f"{self.mode} at call {self.call.number} ({self.call.server}: {self.call.label}), {self.attempts} attempts"


def record(stage: Stage[Any], *, number: int) -> list[Call]:
    """Run a case without faults and return its calls. Raises AssertionError when that run is not clean already."""
    case = stage.make_case(number)
    stage.switchboard.expect(None)
    ended = stage.nursery.run(stage.proxied())
    calls = stage.switchboard.calls
    assert ended.report is not None, ended
    stage.examine_first(case, ended.report)
    verdict = stage.examine(case, [], thorough=True)
    assert verdict.clean, verdict.sentences
    return calls


def fault_points(calls: Iterable[Call], *, patient: Sequence[str]) -> Iterator[FaultPoint]:
    """Every call in every way; an answer of a patient server is also lost to a client that asks again by itself."""
    for call in calls:
        for mode in Mode:
            yield FaultPoint(call=call, mode=mode)
        if call.server in patient:
            yield FaultPoint(call=call, mode=Mode.LOST, attempts=2)
            yield FaultPoint(call=call, mode=Mode.LATE, attempts=2)


def one_way_each(calls: Iterable[Call], random: Random) -> list[FaultPoint]:
    """Every call once, the ways dealt out so that all of them come up."""
    modes = list(Mode)
    random.shuffle(modes)
    return [FaultPoint(call=call, mode=modes[place % len(modes)]) for place, call in enumerate(calls)]


def prove_point(stage: Stage[Any], point: FaultPoint, *, number: int, random: Random, thorough: bool = True) -> Verdict:
    """Run one case with its fault and judge the end; ``thorough`` is as ``Stage.examine`` has it."""
    case = stage.make_case(number)
    strike = Strike(number=point.call.number, mode=point.mode)
    stage.switchboard.expect(strike)
    pid = stage.nursery.start(stage.proxied(attempts=point.attempts))
    strike.victim.set_result(pid)
    later = stage.change(random)
    match point.mode:
        case Mode.FROZEN_BEFORE | Mode.FROZEN_AFTER:
            end = freeze(stage, strike, pid, later)
        case Mode.LATE:
            end = be_late(stage, strike, pid, later, own_retry=point.attempts > 1)
        case _:
            end = stage.nursery.wait(pid)
    snapshots = [stage.snapshot(case)]
    settled = settle(stage, case, later)
    stage.switchboard.expect(None)
    verdict = stage.examine(case, snapshots, thorough=thorough) + settled
    if not strike.struck.is_set():
        verdict.wrong += 1
        verdict.sentences.append(f"the call never came; the worker ended with {end}")
    if not verdict.clean:
        stage.forget()
    return verdict.told_of(f"case {number}, {point.name}")


def freeze(stage: Stage[Any], strike: Strike, pid: int, later: Errand) -> Ended:
    """The frozen worker's lease runs out and another one does the work; then the frozen one goes on.

    If the other one comes to wait for a lock that the frozen one holds, the frozen one is continued: the database would end it otherwise.
    """
    wait_until(lambda: strike.struck.is_set() or stage.nursery.has_ended(pid))
    if strike.struck.is_set():
        stage.work_is_due()
        other = stage.nursery.start(later)
        wait_until(lambda: stage.nursery.has_ended(other) or stage.is_blocked())
        strike.released.set()
        os.kill(pid, signal.SIGCONT)
        stage.nursery.wait(other)
    return stage.nursery.wait(pid)


def be_late(stage: Stage[Any], strike: Strike, pid: int, later: Errand, *, own_retry: bool) -> Ended:
    """The client was hung up on and the work is done again, by its own second attempt or by the next run; then the call arrives."""
    ended = stage.nursery.wait(pid)
    if strike.struck.is_set() and not own_retry:
        stage.work_is_due()
        other = stage.nursery.start(later)
        wait_until(lambda: stage.nursery.has_ended(other) or stage.is_blocked())
        strike.released.set()
        stage.nursery.wait(other)
    strike.released.set()
    if strike.struck.is_set():
        wait_until(strike.over.is_set)
    return ended


def settle(stage: Stage[Any], case: Any, errand: Errand) -> Verdict:
    """Run workers until nothing of the case is open; each of them must end in order."""
    for _ in range(MOST_RUNS):
        if stage.open_items(case) == 0:
            return Verdict()
        stage.work_is_due()
        ended = stage.nursery.run(errand)
        if ended.code != 0 or ended.report is None or "raised" in ended.report:
            return Verdict(wrong=1, sentences=[f"a run without faults ended with {ended}"])
    return Verdict(lost=stage.open_items(case), sentences=[f"work is left after {MOST_RUNS} runs without faults"])


def wait_until(condition: Callable[[], Any]) -> None:
    """Poll, because what is waited for lies in other processes. Raises AssertionError when it does not come about."""
    deadline = monotonic() + PATIENCE_SECONDS
    while not condition():
        assert monotonic() < deadline, "nothing happened for a minute"
        sleep(0.005)
