"""The proof of webhook delivery in the size of CI: every fault point once, 40 kills, 500 histories on the model."""

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
from tests.prove.webhooks.contract import observations
from tests.prove.webhooks.histories import History
from tests.prove.webhooks.model_side import ModelSide, history
from tests.prove.webhooks.planted import PLANTED
from tests.prove.webhooks.real_side import RealSide, history_on
from tests.prove.webhooks.stage import WebhookStage
from tests.prove.webhooks.world import open_world
from tests.prove.wire.switchboard import Call

SEED: Final = 7
KILLS, KILLS_A_TEST, SHARES = 40, 10, 4
NUMBERS: Final = count(1)


@pytest.fixture(scope="module")
def stage(stack: Stack, server: psycopg.Connection[Any], template_database: str) -> Iterator[WebhookStage]:
    """One database for all cases: each case has a company of its own in it."""
    with copied_database(server, template_database, prefix="proof") as name, open_world(stack, database=name) as world:
        yield WebhookStage(world=world)


@pytest.fixture(scope="module")
def calls(stage: WebhookStage) -> Sequence[Call]:
    return record(stage, number=next(NUMBERS))


def test_the_recording_pass_meets_every_server(calls: Sequence[Call]) -> None:
    assert {call.server for call in calls} == {"postgres", "receiver"}
    assert sum(call.label == "COMMIT" for call in calls) >= 3
    assert sum(call.server == "receiver" for call in calls) in {6, 7}, "an endpoint that is gone may have had one more under way"


@pytest.mark.parametrize("share", range(SHARES))
def test_every_call_fails_once(stage: WebhookStage, calls: Sequence[Call], share: int) -> None:
    assert spoil_calls(stage, calls, share=share, shares=SHARES, seed=SEED, numbers=NUMBERS) == []


@pytest.mark.parametrize("share", range(KILLS // KILLS_A_TEST))
def test_workers_are_killed_at_random_moments(stage: WebhookStage, share: int) -> None:
    killed, wrong = kill_workers(stage, kills=KILLS_A_TEST, seed=SEED + share, numbers=NUMBERS)

    assert wrong == []
    assert killed >= KILLS_A_TEST


def test_two_workers_both_finish_items(stage: WebhookStage) -> None:
    assert prove_two_workers(stage, numbers=NUMBERS).sentences == []


def test_the_verifier_agrees_with_all_of_it(stage: WebhookStage) -> None:
    assert stage.verified().sentences == []


def test_histories_on_the_real_database(stage: WebhookStage) -> None:
    stage.forget()
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


def test_the_model_answers_as_the_store_does(stage: WebhookStage) -> None:
    stage.forget()
    with RealSide(stage.world, number=next(NUMBERS)) as real:
        on_the_real_store = observations(real)

    assert observations(ModelSide()) == on_the_real_store
    assert on_the_real_store[:4] == [(3, 9), (1, 3), (0, 0), 12]


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_a_planted_bug_still_has_its_place(planted: Planted) -> None:
    assert planted.is_there_once()


def test_a_planted_bug_is_found(tmp_path: Path) -> None:
    (planted,) = [each for each in PLANTED if each.name == "the owner is not told"]

    assert hunt(planted, tmp_path) == planted.killers[0]
