"""SIGKILL at a random moment of a run, then again until the work is done: nothing lost, nothing twice."""

import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from threading import Event
from time import monotonic
from typing import Final

from tests.prove.certificates.case import Verdict, examine, make_case
from tests.prove.certificates.faults import change_something, settle
from tests.prove.certificates.world import World

MOST_KILLS: Final = 3
"""Kills of one case: three lost leases of one certificate would rightly quarantine it, so a fourth worker may always finish."""


def measure(world: World, *, numbers: Sequence[int]) -> float:
    """Return the seconds that a whole run takes here, from the fork to its end: the quickest of a few, so that most kills hit."""
    return min(measure_one(world, number=number) for number in numbers)


def measure_one(world: World, *, number: int) -> float:
    world.reset_policies()
    case = make_case(world, number=number)
    began = monotonic()
    ended = world.nursery.run(replace(world.direct, threads=8).told())
    seconds = monotonic() - began
    assert ended.code == 0, ended
    assert case.open_items(world) == 0
    return seconds


def prove_kills(world: World, *, number: int, seconds: float, random: Random, thorough: bool = True) -> tuple[int, Verdict]:
    """Kill up to two workers of one case, let others finish; return how many were really killed, and the verdict."""
    world.reset_policies()
    case = make_case(world, number=number)
    errand = replace(world.direct, threads=8)
    killed, sealings = 0, []
    for _ in range(random.randrange(1, MOST_KILLS)):
        pid = world.nursery.start(errand.told())
        let_pass(random.uniform(0, seconds))
        os.kill(pid, signal.SIGKILL)
        killed += world.nursery.wait(pid).code == -signal.SIGKILL
        sealings.append(case.sealing(world))
        errand = replace(change_something(world, random), threads=8)
        world.work_is_due()
    settled = settle(world, case, errand)
    verdict = examine(world, case, sealings, thorough=thorough) + settled
    if not verdict.clean:
        world.forget_queue()
    verdict.sentences = [f"case {number}, killed {killed} times: {sentence}" for sentence in verdict.sentences]
    return killed, verdict


def let_pass(seconds: float) -> None:
    """Let a random moment come. It waits for nothing: the moment is the experiment."""
    Event().wait(seconds)


def prove_two_workers(world: World, *, numbers: Sequence[int]) -> Verdict:
    """Two workers share one queue: both must have finished items, or one of them was kept out."""
    world.reset_policies()
    together = [make_case(world, number=number) for number in numbers]
    errand = replace(world.direct, batch_size=2, threads=2)
    pids = [world.nursery.start(errand.told()) for _ in range(2)]
    ended = [world.nursery.wait(pid) for pid in pids]
    finished = [each.report.get("changed", 0) if each.report else 0 for each in ended]
    verdict = Verdict()
    if not all(finished):
        verdict.wrong += 1
        verdict.sentences.append(f"two workers finished {finished}: one was kept out")
    for case in together:
        verdict += examine(world, case, [], thorough=False)
    return verdict
