"""The proof of MP4 conversion in its small size: every call fails once, workers and programs are killed, histories are judged.

``./econsent prove mp4_conversion`` runs the same code in full.
"""

import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from econsent_jobs.core.limits import Limits
from econsent_jobs.mp4_conversion import convert_recordings
from econsent_jobs.mp4_conversion.model import Settings
from econsent_stack.stack import Stack
from tests.databases import copied_database
from tests.prove.harness.faults import record, wait_until
from tests.prove.harness.histories import run_histories
from tests.prove.harness.kills import prove_two_workers
from tests.prove.harness.planted import Planted, hunt
from tests.prove.harness.shares import kill_workers, spoil_calls
from tests.prove.harness.steps import Fate, Worker
from tests.prove.videos.contract import observations
from tests.prove.videos.histories import LEASE_SECONDS, NO_PROGRAMS, NOWHERE, History
from tests.prove.videos.model_side import ModelSide, history
from tests.prove.videos.planted import PLANTED
from tests.prove.videos.processes import programs_of
from tests.prove.videos.programs import VICTIMS, prove_program
from tests.prove.videos.real_side import RealSide, history_on
from tests.prove.videos.stage import VideoStage
from tests.prove.videos.steps import Log
from tests.prove.videos.world import World, open_world
from tests.prove.wire.switchboard import Call

SEED: Final = 9
SHARES: Final = 6
KILLS, KILLS_A_TEST = 40, 10
NUMBERS: Final = count(1)


@pytest.fixture(scope="module")
def world(
    stack: Stack, server: psycopg.Connection[Any], template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """One database and one bucket for all cases: each case has sessions of its own in them."""
    bucket = f"econsent-proof-{secrets.token_hex(6)}"
    stack.object_store_client().create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    folder: Path = tmp_path_factory.mktemp("proof")
    with (
        copied_database(server, template_database, prefix="proof") as name,
        open_world(stack, database=name, bucket=bucket, efs=folder / "efs", work=folder / "work") as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
def stage(world: World) -> VideoStage:
    return VideoStage(world=world)


@pytest.fixture(scope="module")
def calls(stage: VideoStage) -> Sequence[Call]:
    return record(stage, number=next(NUMBERS))


def test_the_recording_pass_meets_every_server(calls: Sequence[Call]) -> None:
    assert {call.server for call in calls} == {"postgres", "s3"}
    assert sum(call.label == "COMMIT" for call in calls) >= 9
    assert sum(call.label.startswith("PUT ") for call in calls) == 6
    assert sum(call.label.startswith("GET ") for call in calls) == 1, "a recording that the shared file system dropped"


def test_a_second_run_changes_nothing(stage: VideoStage) -> None:
    case = stage.make_case(next(NUMBERS))
    stage.nursery.run(stage.direct())

    ended = stage.nursery.run(stage.direct())

    assert ended.report is not None
    assert (ended.report["examined"], ended.report["backlog"]) == (0, 0)
    assert stage.examine(case, [], thorough=True).sentences == []


@pytest.mark.parametrize("share", range(SHARES))
def test_every_call_fails_once(stage: VideoStage, calls: Sequence[Call], share: int) -> None:
    assert spoil_calls(stage, calls, share=share, shares=SHARES, seed=SEED, numbers=NUMBERS) == []


@pytest.mark.parametrize("share", range(KILLS // KILLS_A_TEST))
def test_workers_are_killed_at_random_moments(stage: VideoStage, share: int) -> None:
    killed, wrong = kill_workers(stage, kills=KILLS_A_TEST, seed=SEED + share, numbers=NUMBERS)

    assert wrong == []
    assert killed >= KILLS_A_TEST


@pytest.mark.parametrize("place", range(len(VICTIMS)), ids=VICTIMS)
def test_a_program_is_killed_in_the_midst(stage: VideoStage, place: int) -> None:
    cost_an_attempt, wrong = prove_program(stage, number=next(NUMBERS), place=place)

    assert wrong == []
    assert cost_an_attempt


def lane_on(side: ModelSide | RealSide, log: Log, *, number: int) -> Worker:
    """A lane that waits before its first call."""
    lane = Worker(number, 0)
    tools = side.tools(lane, log, Settings(programs=NO_PROGRAMS, work_folder=NOWHERE, lease_seconds=LEASE_SECONDS))
    lane.begin(lambda: convert_recordings(tools=tools, limits=Limits(batch_size=1, run_seconds=60)))
    return lane


def go_on(lane: Worker, *, before: str | None = None) -> None:
    """Let it go on until it waits before that call, or to its end."""
    while not lane.is_over and lane.waits_before != before:
        lane.step(Fate.GO)


def test_a_lane_without_its_database_gives_back_what_it_has(world: World) -> None:
    """The read of the session fails; the lane's end gives the conversion back, so nothing of it is lost and no worker counts as lost."""
    world.forget()
    with RealSide(world, number=next(NUMBERS)) as side:
        side.add_to(0, "closed")
        lane = lane_on(side, Log(), number=1)
        go_on(lane, before="load_session")
        lane.step(Fate.FAIL)
        go_on(lane)
        rows = world.rows("SELECT status, lost_leases, attempts FROM econsent.video_conversions WHERE status IN ('pending', 'processing')")
        go_on(lane_on(side, Log(), number=2))
    world.forget()

    assert lane.result is None
    assert rows == [{"status": "pending", "lost_leases": 0, "attempts": 0}]


def test_a_lane_that_was_overtaken_leaves_alone_what_is_staged(world: World) -> None:
    """It stood still before it staged its video, until another lane had sealed that of its own."""
    world.forget()
    with RealSide(world, number=next(NUMBERS)) as side:
        log = Log()
        side.add_to(0, "closed")
        first = lane_on(side, log, number=1)
        go_on(first, before="stage")
        side.advance(LEASE_SECONDS + 1)
        second = lane_on(side, log, number=2)
        go_on(second, before="put")
        go_on(first)
        go_on(second)
    world.forget()

    assert log.wrong == []
    assert second.result is not None
    assert second.result.changed == 1


DIES_BEFORE_IT_TELLS: Final = """
import os, signal, sys
from pathlib import Path
from econsent_jobs.mp4_conversion.workplace import Workplace

class Dying(Workplace):
    def _tell(self, line):
        os.kill(os.getpid(), signal.SIGKILL)

place = Dying(Path(sys.argv[1]))
waits = f"while grep -qs reaper /proc/{place._reaper.pid}/cmdline; do :; done"
place.start(["sh", "-c", f"{waits}; mkdir -p {place.folder}/profile"], stdout=1)
"""
"""A program that was just started makes its folder anew when the reaper has removed that and ended: a browser does no other."""


def test_a_program_does_not_begin_when_its_worker_is_gone(tmp_path: Path) -> None:
    """The worker is killed after it started the program and before the reaper knew of that."""
    worker = subprocess.run([sys.executable, "-c", DIES_BEFORE_IT_TELLS, str(tmp_path)], stdout=subprocess.PIPE, timeout=60, check=False)
    wait_until(lambda: not programs_of(set(), work=tmp_path))

    assert worker.returncode == -signal.SIGKILL, "and whoever it started has closed the pipe since"
    assert list(tmp_path.iterdir()) == []


def test_two_workers_both_finish_items(stage: VideoStage) -> None:
    assert prove_two_workers(stage, numbers=NUMBERS).sentences == []


def test_histories_on_the_real_servers(world: World) -> None:
    world.forget()
    wrong = [sentence for seed in range(8) for sentence in history_on(world, number=next(NUMBERS), random=Random(seed))]

    assert wrong == []


def test_the_verifier_agrees_with_all_of_it(stage: VideoStage) -> None:
    assert stage.verified().sentences == []


def test_histories_on_the_model() -> None:
    told = run_histories(history, range(SEED, SEED + 400))

    assert told.wrong == []
    assert told.finished[0] > 0
    assert told.finished[1] > 0, "a lock for all would have kept one of the two workers idle"


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_histories_that_shrink(random: Random) -> None:
    assert History(ModelSide(), random).run().wrong == []


def test_the_model_answers_as_the_store_does(stage: VideoStage) -> None:
    stage.forget()
    with RealSide(stage.world, number=next(NUMBERS)) as real:
        on_the_real_store = observations(real)
    stage.forget()

    assert observations(ModelSide()) == on_the_real_store
    assert on_the_real_store[2] == [(2, 0, 0), (3, 0, 0), (0, 0, 0), None]


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_a_planted_bug_still_has_its_place(planted: Planted) -> None:
    assert planted.is_there_once()


def test_a_planted_bug_is_found(tmp_path: Path) -> None:
    (planted,) = [each for each in PLANTED if each.name == "a lane that lost its lease completes all the same"]

    assert hunt(planted, tmp_path) == planted.killers[0]
