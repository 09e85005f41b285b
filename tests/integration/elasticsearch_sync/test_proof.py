"""The proof of the search sync in the size of CI: every fault point once, 40 kills, 500 histories on the model."""

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final

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
from tests.prove.search.contract import observations
from tests.prove.search.histories import History
from tests.prove.search.model_side import ModelSide, history
from tests.prove.search.planted import PLANTED
from tests.prove.search.real_side import RealSide, history_on
from tests.prove.search.reindexes import prove_reindex
from tests.prove.search.stage import SearchStage
from tests.prove.search.world import open_world
from tests.prove.wire.switchboard import Call

SEED: Final = 11
KILLS, KILLS_A_TEST, SHARES = 40, 10, 8
NUMBERS: Final = count(1)


@pytest.fixture(scope="module")
def stage(stack: Stack, server: psycopg.Connection[Any], template_database: str) -> Iterator[SearchStage]:
    """One database and one index for all cases."""
    with copied_database(server, template_database, prefix="proof") as name, open_world(stack, database=name) as world:
        world.begin("case-1")
        yield SearchStage(world=world)


@pytest.fixture(scope="module")
def calls(stage: SearchStage) -> Sequence[Call]:
    return record(stage, number=next(NUMBERS))


def test_the_recording_pass_meets_every_server(calls: Sequence[Call]) -> None:
    assert {call.server for call in calls} == {"postgres", "index"}
    assert sum("_bulk" in call.label for call in calls) >= 3, "changes, a document in the wrong place, and what was found wrong"


@pytest.mark.parametrize("share", range(SHARES))
def test_every_call_fails_once(stage: SearchStage, calls: Sequence[Call], share: int) -> None:
    assert spoil_calls(stage, calls, share=share, shares=SHARES, seed=SEED, numbers=NUMBERS) == []


@pytest.mark.parametrize("share", range(KILLS // KILLS_A_TEST))
def test_workers_are_killed_at_random_moments(stage: SearchStage, share: int) -> None:
    killed, wrong = kill_workers(stage, kills=KILLS_A_TEST, seed=SEED + share, numbers=NUMBERS)

    assert wrong == []
    assert killed >= KILLS_A_TEST


def test_two_workers_both_finish_items(stage: SearchStage) -> None:
    assert prove_two_workers(stage, numbers=NUMBERS).sentences == []


def test_the_verifier_agrees_with_all_of_it(stage: SearchStage) -> None:
    assert stage.verified().sentences == []


def test_a_reindex_may_be_cut_off_anywhere(stage: SearchStage) -> None:
    assert [sentence for place in range(6) for sentence in prove_reindex(stage.world, place)] == []


def test_histories_on_the_real_servers(stage: SearchStage) -> None:
    wrong = [sentence for seed in range(8) for sentence in history_on(stage.world, number=next(NUMBERS), random=Random(seed))]

    assert wrong == []


def test_histories_on_the_model() -> None:
    told = run_histories(history, range(SEED, SEED + 400))

    assert told.wrong == []
    assert told.finished[0] > 0
    assert told.finished[1] > 0, "a lock for all would have kept one of the two workers idle"


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_histories_that_shrink(random: Random) -> None:
    assert History(ModelSide(), random).run().wrong == []


def test_the_model_answers_as_the_servers_do(stage: SearchStage) -> None:
    with RealSide(stage.world, number=next(NUMBERS)) as real:
        on_the_real_servers = observations(real)

    assert observations(ModelSide()) == on_the_real_servers


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_a_planted_bug_still_has_its_place(planted: Planted) -> None:
    assert planted.is_there_once()


def test_a_planted_bug_is_found(tmp_path: Path) -> None:
    (planted,) = [each for each in PLANTED if each.name == "closed although one index did not take it"]

    assert hunt(planted, tmp_path) == planted.killers[0]
