"""The proof of certificate processing in its small size: every call fails once, workers are killed, histories are judged.

``./econsent prove certificate_processing`` runs the same code in full.
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

from econsent_jobs.certificate_processing import process_certificates
from econsent_jobs.certificate_processing.languages import LanguageDetector
from econsent_jobs.certificate_processing.model import Key, Settings, SigningKey
from econsent_jobs.certificate_processing.store import Store
from econsent_jobs.core.limits import Limits
from econsent_stack.stack import Stack
from tests.databases import copied_database
from tests.prove.certificates.case import examine, make_case, verified
from tests.prove.certificates.histories import History
from tests.prove.certificates.keys import KEYS
from tests.prove.certificates.model_side import ModelSide, history
from tests.prove.certificates.planted import PLANTED
from tests.prove.certificates.real_side import RealSide
from tests.prove.certificates.stage import CertificateStage
from tests.prove.certificates.steps import Log
from tests.prove.certificates.world import World, open_world
from tests.prove.harness.faults import record, settle
from tests.prove.harness.histories import run_histories
from tests.prove.harness.kills import prove_two_workers
from tests.prove.harness.planted import Planted, hunt
from tests.prove.harness.shares import kill_workers, spoil_calls
from tests.prove.harness.steps import Fate, Worker
from tests.prove.wire.switchboard import Call, Mode, Strike

SEED = 4
SHARES = 6
KILLS = 40
KILLS_A_TEST = 10
NUMBERS = count(1)


@pytest.fixture(scope="module")
def world(
    stack: Stack, server: psycopg.Connection[Any], template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """One database and one bucket for all cases: each case has a property of its own in them."""
    bucket = f"econsent-proof-{secrets.token_hex(6)}"
    stack.object_store_client().create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    efs: Path = tmp_path_factory.mktemp("proof") / "efs"
    with (
        copied_database(server, template_database, prefix="proof") as name,
        open_world(stack, database=name, bucket=bucket, efs=efs) as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
def stage(world: World) -> CertificateStage:
    return CertificateStage(world=world)


@pytest.fixture(scope="module")
def calls(stage: CertificateStage) -> Sequence[Call]:
    return record(stage, number=next(NUMBERS))


@pytest.mark.parametrize("batch_size", [1, 10])
def test_without_faults_everything_happens_once(world: World, batch_size: int) -> None:
    world.reset_policies()
    case = make_case(world, number=next(NUMBERS))
    errand = {**world.direct.told(), "batch_size": batch_size}

    ended = world.nursery.run(errand)

    assert ended.report is not None, ended
    assert (ended.report["changed"], ended.report["quarantined"], ended.report["failed"]) == (len(case.good), len(case.bad), 0)
    assert examine(world, case, []).sentences == []


def test_the_recording_pass_meets_every_server(calls: Sequence[Call]) -> None:
    assert {call.server for call in calls} == {"postgres", "s3"}
    assert sum(call.label == "COMMIT" for call in calls) >= 5
    assert sum(call.server == "s3" for call in calls) == 11


@pytest.mark.parametrize("share", range(SHARES))
def test_every_call_fails_once(stage: CertificateStage, calls: Sequence[Call], share: int) -> None:
    assert spoil_calls(stage, calls, share=share, shares=SHARES, seed=SEED, numbers=NUMBERS) == []


@pytest.mark.parametrize("share", range(KILLS // KILLS_A_TEST))
def test_workers_are_killed_at_random_moments(stage: CertificateStage, share: int) -> None:
    killed, wrong = kill_workers(stage, kills=KILLS_A_TEST, seed=SEED + share, numbers=NUMBERS)

    assert wrong == []
    assert killed >= KILLS_A_TEST


def test_two_workers_both_finish_items(stage: CertificateStage) -> None:
    assert prove_two_workers(stage, numbers=NUMBERS).sentences == []


def test_histories_on_the_real_servers(world: World, languages: LanguageDetector) -> None:
    for seed in range(8):
        with RealSide(world, languages, number=next(NUMBERS)) as side:
            assert History(side, Random(seed)).run().wrong == []


def test_the_verifier_agrees_with_all_of_it(world: World) -> None:
    assert verified(world).sentences == []


def test_histories_on_the_model() -> None:
    told = run_histories(history, range(SEED, SEED + 400))

    assert told.wrong == []
    assert told.finished[0] > 0
    assert told.finished[1] > 0, "a lock for all would have kept one of the two workers idle"


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_histories_that_shrink(random: Random) -> None:
    assert History(ModelSide(), random).run().wrong == []


def observations(side: ModelSide | RealSide, store: Store) -> list[Any]:
    """Do the same to a store, whichever it is, and say what it answered; certificates by their place in the queue."""
    for source in ("session", "again", "meta"):
        side.submit(source, Random(1))
    side.advance(200)
    first = store.claim(limit=2, lease_seconds=120)
    second = store.claim(limit=10, lease_seconds=120)
    keys = [claim.key for lease in (first, second) for claim in lease.claims]
    seen: list[Any] = [len(first.claims), len(second.claims), len(store.claim(limit=10, lease_seconds=120).claims)]

    def held(lease: Any) -> list[int]:
        return sorted(
            keys.index(Key(company_id, pk))
            for company_id in side.sites
            for pk in store.hold(lease, company_id, [k[1] for k in keys if k[0] == company_id])
        )

    seen += [held(first), held(second), store.backlog().due]
    side.advance(130)
    store.take_in_hand(second, key=keys[2], before=None)
    third = store.claim(limit=10, lease_seconds=120)
    store.renew(first, lease_seconds=900)
    store.back_off(first, {keys[0]: timedelta(hours=1)})
    seen += [[(keys.index(claim.key), claim.attempts, claim.lost_leases) for claim in third.claims], held(first), held(third)]
    store.take_in_hand(third, key=keys[0], before=None)
    store.take_in_hand(third, key=None, before=keys[0])
    store.back_off(third, {keys[0]: timedelta(seconds=60), keys[1]: timedelta(hours=1)})
    seen += [held(third), store.backlog().due]
    side.advance(61)
    fourth = store.claim(limit=10, lease_seconds=1_000)
    seen += [[(keys.index(claim.key), claim.attempts, claim.lost_leases) for claim in fourth.claims]]
    store.take_in_hand(fourth, key=keys[0], before=None)
    store.take_in_hand(fourth, key=keys[2], before=keys[0])
    side.advance(4_000)
    fifth = store.claim(limit=10, lease_seconds=120)
    seen += [[(keys.index(claim.key), claim.attempts, claim.lost_leases) for claim in fifth.claims]]
    return seen


def test_the_model_answers_as_the_store_does(world: World, languages: LanguageDetector) -> None:
    model = ModelSide()
    with RealSide(world, languages, number=next(NUMBERS)) as real:
        on_the_real_store = observations(real, real.store())
        world.forget_queue()

    assert observations(model, model.store()) == on_the_real_store
    assert on_the_real_store[0] == 2


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_a_planted_bug_still_has_its_place(planted: Planted) -> None:
    assert planted.is_there_once()


def test_a_planted_bug_is_found(tmp_path: Path) -> None:
    (planted,) = [each for each in PLANTED if each.name == "storage rows outside the transaction"]

    assert hunt(planted, tmp_path) == planted.killers[0]


def test_a_changed_policy_does_not_move_a_sealed_lock_date(stage: CertificateStage, world: World, calls: Sequence[Call]) -> None:
    """The answer to the last put is lost; then the company shortens its locks."""
    world.reset_policies()
    case = make_case(world, number=next(NUMBERS))
    last = max(call.number for call in calls if call.server == "s3")
    strike = Strike(number=last, mode=Mode.LOST)
    world.switchboard.expect(strike)
    world.nursery.run(world.proxied.told())
    sealing = case.sealing(world)
    world.database.execute("UPDATE econsent.retention_settings SET object_lock_years = 1")

    settled = settle(stage, case, stage.direct())

    assert strike.struck.is_set()
    assert (settled + examine(world, case, [sealing])).sentences == []


def test_fractions_of_a_second_are_cut_off_the_lock_date(stage: CertificateStage, world: World) -> None:
    world.reset_policies()
    case = make_case(world, number=next(NUMBERS))
    world.database.execute(
        "UPDATE econsent.certificates SET consent_at = date_trunc('second', consent_at) + interval '123 milliseconds'"
        " WHERE company_id = ANY(%(companies)s) AND certificate_pk = ANY(%(pks)s)",
        case.names,
    )

    assert (settle(stage, case, stage.direct()) + examine(world, case, [])).sentences == []


def test_a_chunk_that_came_in_between_keeps_the_session_open(world: World, languages: LanguageDetector) -> None:
    """The worker has read the recording of a session that seems to be over; before it seals, one more chunk arrives."""
    with RealSide(world, languages, number=next(NUMBERS)) as side:
        side.submit("session", Random(1))
        side.advance(2_000)
        log = Log()
        worker = Worker(1, 0)
        tools = side.tools(Settings(signing_key=SigningKey(key_id="key-1", secret=KEYS["key-1"].encode())), worker=worker, log=log)
        worker.begin(lambda: process_certificates(tools=tools, limits=Limits(batch_size=10, run_seconds=60)))
        while worker.waits_before != "transaction":
            worker.step(Fate.GO)
        side.chunk(Random(1))
        while not worker.is_over:
            worker.step(Fate.GO)

        (session,) = side.end().sessions
        assert worker.result is not None
        assert (worker.result.changed, session.closed) == (1, False)
