"""The browser, its page, ffmpeg or what clears up is killed in the midst of a conversion: the job tries again and ends the same."""

import os
import signal
from collections import Counter
from contextlib import suppress
from random import Random
from time import monotonic, sleep
from typing import Final

from tests.prove.harness.faults import settle
from tests.prove.harness.kills import let_pass
from tests.prove.videos.processes import Process, programs_of
from tests.prove.videos.stage import VideoStage
from tests.prove.wire.nursery import Ended

VICTIMS: Final = ("browser", "ffmpeg", "page", "reaper")
NEEDED: Final = {"page": {"page": 2}, "reaper": {"page": 2}}  # the browser's own page is empty, and a reaper without a browser has no work
APPEARS_SECONDS: Final = 30.0
LATEST_SECONDS: Final = 0.6  # a conversion takes about a second


def prove_program(stage: VideoStage, *, number: int, place: int) -> tuple[bool, list[str]]:
    """Kill one program of one worker; say whether that cost an attempt, and what is wrong in the end.

    The first of each kind is killed as soon as it is there, later ones at a random moment of their lives.
    """
    random = Random(f"programs/{place}")
    case, kind = stage.make_case(number), VICTIMS[place % len(VICTIMS)]
    worker = stage.nursery.start(stage.direct())
    victim = appeared(stage, worker, kind)
    if victim is not None:
        let_pass(0.0 if place < len(VICTIMS) else random.uniform(0, LATEST_SECONDS))
        with suppress(ProcessLookupError):  # its work was done meanwhile
            os.kill(victim.pid, signal.SIGKILL)
    ended = stage.nursery.wait(worker)
    snapshots = [stage.snapshot(case)]
    settled = settle(stage, case, stage.change(random))
    verdict = stage.examine(case, snapshots, thorough=False) + settled
    if not verdict.clean:
        stage.forget()
    wrong = [] if victim is not None else [f"no {kind} appeared"]
    wrong += [] if survived(ended) else [f"the lane did not live on: {ended}"]
    return cost_an_attempt(ended), [f"case {number}, the {kind} was killed: {sentence}" for sentence in wrong + verdict.sentences]


def appeared(stage: VideoStage, worker: int, kind: str) -> Process | None:
    """Wait for a program of this worker, and for what makes it worth killing; None when the worker ends without any."""
    deadline = monotonic() + APPEARS_SECONDS
    while monotonic() < deadline and not stage.nursery.has_ended(worker):
        there = [each for each in programs_of({worker}, work=stage.world.work) if each.worker == worker]
        kinds = Counter(each.kind for each in there)
        if kinds[kind] and all(kinds[needed] >= count for needed, count in NEEDED.get(kind, {}).items()):
            return max(each for each in there if each.kind == kind)
        sleep(0.002)  # it lies in other processes
    return None


def survived(ended: Ended) -> bool:
    return ended.code == 0 and ended.report is not None and "raised" not in ended.report


def cost_an_attempt(ended: Ended) -> bool:
    return ended.report is not None and ended.report.get("failed", 0) > 0
