"""SIGKILL at a random moment of a run, then again until the work is done: nothing lost, nothing twice."""

import os
import signal
from collections.abc import Iterator, Sequence
from random import Random
from threading import Event
from time import monotonic
from typing import Any, Final

from tests.prove.harness.faults import settle
from tests.prove.harness.stage import Stage
from tests.prove.harness.verdict import Verdict

MOST_KILLS: Final = 3
"""Kills of one case: three lost leases of one item would rightly quarantine it, so a fourth worker may always finish."""
SHARED_CASES: Final = 8
SHARING_TRIES: Final = 5
"""Times that two workers may share work until both got some of it."""


def measure(stage: Stage[Any], *, numbers: Sequence[int]) -> float:
    """Return the seconds that a whole run takes here, from the fork to its end: the quickest of a few, so that most kills hit."""
    return min(measure_one(stage, number=number) for number in numbers)


def measure_one(stage: Stage[Any], *, number: int) -> float:
    case = stage.make_case(number)
    began = monotonic()
    ended = stage.nursery.run({**stage.direct(), **stage.hurry})
    seconds = monotonic() - began
    assert ended.code == 0, ended
    assert stage.open_items(case) == 0
    verdict = stage.examine(case, [], thorough=False)  # it also takes what is left of the case out of the way of all that follow
    assert verdict.clean, verdict.sentences
    return seconds


def prove_kills(stage: Stage[Any], *, number: int, seconds: float, random: Random, thorough: bool = True) -> tuple[int, Verdict]:
    """Kill up to two workers of one case, let others finish; return how many were really killed, and the verdict."""
    case = stage.make_case(number)
    errand = {**stage.direct(), **stage.hurry}
    killed, snapshots = 0, []
    for _ in range(random.randrange(1, MOST_KILLS)):
        pid = stage.nursery.start(errand)
        let_pass(random.uniform(0, seconds))
        os.kill(pid, signal.SIGKILL)
        killed += stage.nursery.wait(pid).code == -signal.SIGKILL
        snapshots.append(stage.snapshot(case))
        errand = {**stage.change(random), **stage.hurry}
        stage.work_is_due()
    settled = settle(stage, case, errand)
    verdict = stage.examine(case, snapshots, thorough=thorough) + settled
    if not verdict.clean:
        stage.forget()
    return killed, verdict.told_of(f"case {number}, killed {killed} times")


def let_pass(seconds: float) -> None:
    """Let a random moment come. It waits for nothing: the moment is the experiment."""
    Event().wait(seconds)


def prove_two_workers(stage: Stage[Any], *, numbers: Iterator[int]) -> Verdict:
    """Two workers share the work of many cases: both must have finished items, or one of them was kept out.

    A busy machine may start the second worker when the first has done all. So only who is kept out of every try was kept out.
    """
    verdict, kept_out = Verdict(), []
    for _ in range(SHARING_TRIES):
        together = [stage.make_case(next(numbers)) for _ in range(SHARED_CASES)]
        pids = [stage.nursery.start({**stage.direct(), **part}) for part in stage.sharing]
        ended = [stage.nursery.wait(pid) for pid in pids]
        for case in together:  # what one of them found in the other's hands may be left to the next run
            verdict += settle(stage, case, stage.direct())
            verdict += stage.examine(case, [], thorough=False)
        broken = [f"one of two workers broke down: {each}" for each in ended if each.code != 0 or not each.report]
        if broken:
            return verdict + Verdict(wrong=len(broken), sentences=broken)
        finished = [each.report.get("changed", 0) for each in ended if each.report]
        if all(finished):
            return verdict
        kept_out.append(finished)
    verdict.wrong += 1
    verdict.sentences.append(f"two workers finished {kept_out}: one was kept out each time")
    return verdict
