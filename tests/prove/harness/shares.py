"""The small sizes of a proof, in shares, so that each is a test of its own."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from tests.prove.harness.faults import one_way_each, prove_point
from tests.prove.harness.kills import measure, prove_kills
from tests.prove.harness.stage import Stage
from tests.prove.wire.switchboard import Call

MOST_CASES_A_KILL = 4


def spoil_calls(stage: Stage[Any], calls: Sequence[Call], *, share: int, shares: int, seed: int, numbers: Iterator[int]) -> list[str]:
    """Spoil every ``shares``-th call once, from the ``share``-th on; return what was wrong, in sentences."""
    random, wrong = Random(seed + share), list[str]()
    for point in one_way_each(calls, Random(seed))[share::shares]:
        wrong += prove_point(stage, point, number=next(numbers), random=random, thorough=False).sentences
    return wrong


def kill_workers(stage: Stage[Any], *, kills: int, seed: int, numbers: Iterator[int]) -> tuple[int, list[str]]:
    """Kill workers until ``kills`` were hit, in a bounded number of cases; return how many were, and what was wrong, in sentences."""
    random, killed, wrong = Random(seed), 0, list[str]()
    seconds = measure(stage, numbers=[next(numbers) for _ in range(3)])
    for _ in range(kills * MOST_CASES_A_KILL):
        more, verdict = prove_kills(stage, number=next(numbers), seconds=seconds, random=random, thorough=False)
        killed, wrong = killed + more, wrong + verdict.sentences
        if killed >= kills:
            break
    return killed, wrong
