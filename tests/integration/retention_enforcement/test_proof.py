"""The proof of retention in its small size: every call fails once, workers are killed, histories are judged.

``./econsent prove retention_enforcement`` runs the same code in full.
"""

import secrets
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from econsent_stack.stack import Stack
from tests.databases import copied_database
from tests.prove.harness.faults import record
from tests.prove.harness.histories import run_histories
from tests.prove.harness.kills import prove_two_workers
from tests.prove.harness.planted import Planted, hunt
from tests.prove.harness.shares import kill_workers, spoil_calls
from tests.prove.retention.histories import BEGIN, History, Item, Oracle, draw
from tests.prove.retention.model_side import ModelSide, history
from tests.prove.retention.planted import PLANTED
from tests.prove.retention.real_side import RealSide, history_on
from tests.prove.retention.stage import RetentionStage
from tests.prove.retention.world import World, open_world
from tests.prove.wire.switchboard import Call

SEED = 10
SHARES = 6
KILLS = 40
KILLS_A_TEST = 10
NUMBERS = count(1)


@pytest.fixture(scope="module")
def world(
    stack: Stack, server: psycopg.Connection[Any], template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """One database and two buckets for all cases: each case has keys of its own in them."""
    buckets = {name: f"econsent-proof-{secrets.token_hex(6)}" for name in ("bucket", "audit_bucket")}
    for bucket in buckets.values():
        stack.object_store_client().create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    efs: Path = tmp_path_factory.mktemp("proof") / "efs"
    with (
        copied_database(server, template_database, prefix="proof") as name,
        open_world(stack, database=name, efs=efs, **buckets) as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
def stage(world: World) -> RetentionStage:
    return RetentionStage(world=world)


@pytest.fixture(scope="module")
def calls(stage: RetentionStage) -> Sequence[Call]:
    return record(stage, number=next(NUMBERS))


@pytest.mark.parametrize("batch_size", [1, 100])
def test_without_faults_everything_happens_once(stage: RetentionStage, batch_size: int) -> None:
    case = stage.make_case(next(NUMBERS))

    ended = stage.nursery.run({**stage.direct(), "batch_size": batch_size})

    assert ended.report is not None, ended
    stage.examine_first(case, ended.report)
    assert stage.examine(case, [], thorough=True).sentences == []


def test_a_second_night_changes_nothing(stage: RetentionStage) -> None:
    case = stage.make_case(next(NUMBERS))
    stage.nursery.run(stage.direct())
    before = stage.snapshot(case)

    ended = stage.nursery.run(stage.direct())

    assert ended.report is not None
    assert ended.report["changed"] == 0
    assert stage.snapshot(case) == before
    assert stage.examine(case, [before], thorough=True).sentences == []


def test_the_recording_pass_meets_every_server(calls: Sequence[Call]) -> None:
    assert {call.server for call in calls} == {"postgres", "s3"}
    assert sum(call.label == "COMMIT" for call in calls) >= 15
    assert sum(call.label.endswith("?delete") for call in calls) >= 1


@pytest.mark.parametrize("share", range(SHARES))
def test_every_call_fails_once(stage: RetentionStage, calls: Sequence[Call], share: int) -> None:
    assert spoil_calls(stage, calls, share=share, shares=SHARES, seed=SEED, numbers=NUMBERS) == []


@pytest.mark.parametrize("share", range(KILLS // KILLS_A_TEST))
def test_workers_are_killed_at_random_moments(stage: RetentionStage, share: int) -> None:
    killed, wrong = kill_workers(stage, kills=KILLS_A_TEST, seed=SEED + share, numbers=NUMBERS)

    assert wrong == []
    assert killed >= KILLS_A_TEST


def test_two_workers_both_finish_items(stage: RetentionStage) -> None:
    assert prove_two_workers(stage, numbers=NUMBERS).sentences == []


def test_the_verifier_agrees_with_all_of_it(stage: RetentionStage) -> None:
    assert stage.verified().sentences == []


def test_histories_on_the_real_servers(world: World) -> None:
    for seed in range(8):
        assert history_on(world, number=next(NUMBERS), random=Random(seed)) == []


def test_histories_on_the_model() -> None:
    told = run_histories(history, range(SEED, SEED + 400))

    assert told.wrong == []
    assert told.finished[0] > 0
    assert told.finished[1] > 0, "a lock for all would have kept one of the two workers idle"


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_histories_that_shrink(random: Random) -> None:
    assert History(ModelSide(), random).run().wrong == []


def judged(side: ModelSide | RealSide, item: Item) -> list[str]:
    """Delete an object that nobody decided about, under a hold, and return what the oracle says; keys by their number."""
    oracle = Oracle(side=side)
    side.add(item)
    oracle.items[item.key] = item
    oracle.holds[side.hold(item.company_id, None)] = item.company_id, None
    oracle.settle_holds()
    _, archive = side.stores(oracle.judge)
    archive.delete([(item.key, version_of(side, item))])
    assert not side.is_there(item)
    return [sentence.split(" ", 1)[1].rstrip("0123456789") for sentence in oracle.wrong]


def version_of(side: ModelSide | RealSide, item: Item) -> str:
    if isinstance(side, ModelSide):
        return "v"
    return side.version_of(item)


def test_the_oracle_sees_a_deletion_that_nobody_decided_about(world: World) -> None:
    """On both sides: a worker that does not look again is told of at once, by all that it did wrong."""
    expected = ["went under hold ", "went before its time", "went within its grace"]
    items = [draw(Random(1), 1) for _ in range(2)]
    for item in items:
        item.lock_until, item.barred_until = BEGIN + timedelta(days=1), BEGIN - timedelta(days=1)

    assert judged(ModelSide(), items[0]) == expected
    with RealSide(world, number=next(NUMBERS)) as real:
        assert judged(real, items[1]) == expected


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_a_planted_bug_still_has_its_place(planted: Planted) -> None:
    assert planted.is_there_once()


def test_a_planted_bug_is_found(tmp_path: Path) -> None:
    (planted,) = [each for each in PLANTED if each.name == "what is marked is deleted without a second look"]

    assert hunt(planted, tmp_path) == planted.killers[0]
