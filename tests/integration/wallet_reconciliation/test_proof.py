"""The proof of wallet reconciliation in its small size: calls fail, workers are killed, two runs take turns, histories are judged.

``./econsent prove wallet_reconciliation`` runs the same code in full.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from econsent_jobs.core.limits import Limits
from econsent_jobs.wallet_reconciliation import reconcile_wallets
from econsent_jobs.wallet_reconciliation.model import Settings
from econsent_jobs.wallet_reconciliation.store import Store
from econsent_stack.stack import Stack
from tests.databases import copied_database
from tests.prove.harness.faults import record
from tests.prove.harness.histories import run_histories
from tests.prove.harness.kills import prove_two_workers
from tests.prove.harness.planted import Planted, hunt
from tests.prove.harness.shares import kill_workers, spoil_calls
from tests.prove.wallets.histories import History
from tests.prove.wallets.model_side import ModelSide, history
from tests.prove.wallets.planted import PLANTED
from tests.prove.wallets.real_side import RealSide
from tests.prove.wallets.schedules import count_calls, open_pair, prove_schedule, schedules
from tests.prove.wallets.stage import WalletStage
from tests.prove.wallets.world import World, open_world
from tests.prove.wire.switchboard import Call

SEED = 8
SHARES = 4
KILLS = 40
KILLS_A_TEST = 10
SCHEDULES = 24
NUMBERS = count(1)
LATE: list[Callable[[], None]] = []


@pytest.fixture(scope="module")
def world(
    stack: Stack, server: psycopg.Connection[Any], template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """One database and one provider for all cases: each case has companies of its own in them."""
    folder = tmp_path_factory.mktemp("proof")
    with (
        copied_database(server, template_database, prefix="proof") as name,
        open_world(stack, database=name, folder=folder) as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
def stage(world: World) -> WalletStage:
    return WalletStage(world=world)


@pytest.fixture(scope="module")
def calls(stage: WalletStage) -> Sequence[Call]:
    return record(stage, number=next(NUMBERS))


@pytest.mark.parametrize("batch_size", [1, 100])
def test_without_faults_everything_happens_once(stage: WalletStage, batch_size: int) -> None:
    case = stage.make_case(next(NUMBERS))

    ended = stage.nursery.run({**stage.direct(), "batch_size": batch_size})

    assert ended.report is not None, ended
    stage.examine_first(case, ended.report)
    assert stage.examine(case, [], thorough=True).sentences == []


def test_a_second_run_changes_nothing(stage: WalletStage) -> None:
    case = stage.make_case(next(NUMBERS))
    stage.nursery.run(stage.direct())
    before = stage.snapshot(case)
    stage.work_is_due()

    ended = stage.nursery.run(stage.direct())

    assert ended.report is not None
    assert ended.report["changed"] == 0
    assert stage.snapshot(case) == before
    assert stage.examine(case, [before], thorough=True).sentences == []


def test_the_recording_pass_meets_every_server(calls: Sequence[Call]) -> None:
    assert {call.server for call in calls} == {"postgres", "provider"}
    assert sum(call.label == "COMMIT" for call in calls) >= 10
    assert [call.label for call in calls if call.server == "provider"] == ["POST /v1/charges"]


def test_the_provider_is_never_called_in_a_transaction(calls: Sequence[Call]) -> None:
    is_open = False
    for call in calls:
        is_open = call.label == "BEGIN" or (is_open and call.label not in {"COMMIT", "ROLLBACK"})
        assert not (is_open and call.server == "provider")


@pytest.mark.parametrize("share", range(SHARES))
def test_every_call_fails_once(stage: WalletStage, calls: Sequence[Call], share: int) -> None:
    assert spoil_calls(stage, calls, share=share, shares=SHARES, seed=SEED, numbers=NUMBERS) == []


@pytest.mark.parametrize("share", range(KILLS // KILLS_A_TEST))
def test_workers_are_killed_at_random_moments(stage: WalletStage, share: int) -> None:
    killed, wrong = kill_workers(stage, kills=KILLS_A_TEST, seed=SEED + share, numbers=NUMBERS)

    assert wrong == []
    assert killed >= KILLS_A_TEST


def test_two_workers_both_finish_items(stage: WalletStage) -> None:
    assert prove_two_workers(stage, numbers=NUMBERS).sentences == []


def test_two_runs_take_turns_statement_by_statement(stage: WalletStage) -> None:
    wrong: list[str] = []
    with open_pair(stage) as pair:
        length = count_calls(stage, pair, number=next(NUMBERS))
        for schedule in Random(SEED).sample(list(schedules(length)), SCHEDULES):
            wrong += prove_schedule(stage, pair, schedule, number=next(NUMBERS))

    assert wrong == []


def test_histories_on_the_real_servers(world: World) -> None:
    for seed in range(8):
        with RealSide(world, number=next(NUMBERS)) as side:
            assert History(side, Random(seed)).run().wrong == []


def test_the_verifier_agrees_with_all_of_it(stage: WalletStage) -> None:
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


def observations(side: ModelSide | RealSide, store: Store, names: dict[str, str]) -> list[Any]:
    """Do the same to a store, whichever it is, and say what it answered; companies by their letter, usage by its place."""
    at = side.now() - timedelta(hours=1)
    usage = [side.use("a", f"r{number}", sku, quantity=1, at=at) for number, sku in enumerate(("lookup", "verification", "nobody knows"))]
    usage += [
        side.use("a", "r0", "lookup", quantity=1, at=at + timedelta(seconds=1)),
        side.use("a", "young", "lookup", quantity=1, at=side.now()),
    ]
    side.pay("a", "p", Decimal(5), at=at)
    side.refund("p", "back", "refund", Decimal("1.50"), at=at)
    for number in range(5):
        side.retain("a", f"s{number}", at=at)
    company, moment = names["a"], side.now()
    first = store.claim(due_before=moment, moment=moment, lease_seconds=60)
    second = store.claim(due_before=moment, moment=moment, lease_seconds=60)
    assert first is not None
    assert second is not None
    seen: list[Any] = [store.claim(due_before=moment, moment=moment, lease_seconds=60), first.lost_leases]
    with store.transaction():
        seen.append(store.post_usage(company, occurred_until=moment - timedelta(minutes=5), limit=3, run_id=None))
    seen.append(store.post_usage(company, occurred_until=moment - timedelta(minutes=5), limit=3, run_id=None))
    side.void(usage[1])
    seen += [store.find_duplicates(company, after_entry_no=0), store.reverse_usage(company, duplicate_ids=[], limit=9, run_id=None)]
    seen += [store.post_refunds(company, limit=9, run_id=None), store.post_payments(company, limit=9, run_id=None)]
    seen += [store.post_refunds(company, limit=9, run_id=None), store.post_payments(company, limit=9, run_id=None)]
    (month,) = store.list_open_months(company, moment=moment)
    seen += [(month.quota, month.retained, month.billed), [(each.first, each.count) for each in store.load_units(company, month, limit=9)]]
    seen += [store.advance_overage(company, month.period, billed_before=billed, billed=2) for billed in (1, 0, 0)]
    seen += [[(each.quota, each.billed) for each in store.list_open_months(company, moment=moment)], store.sum_entries(company)]
    store.insert_recharge(company, "auto:1", amount=Decimal(5), moment=moment)
    seen.append(store.count_recharges(company, since=moment - timedelta(days=1)))
    seen += [[each.attempts for each in store.list_pending(company, asked_from=moment, moment=moment)]]
    seen += [store.lease_payment("auto:1", token=uuid4(), moment=moment, lease_seconds=60) for _ in range(2)]
    seen += [len(store.list_pending(company, asked_from=moment, moment=moment))]
    seen += [store.settle_payment("auto:1", succeeded=True, provider_ref="ch", error=None, moment=moment) for _ in range(2)]
    seen += [store.count_failures(company, failed=failed, most=2) for failed in (True, False, True, True)]
    side.advance(61)
    third = store.claim(due_before=moment, moment=side.now(), lease_seconds=60)
    assert third is not None
    seen += [
        third.lost_leases,
        store.renew(first, moment=side.now(), lease_seconds=60),
        store.renew(third, moment=side.now(), lease_seconds=60),
    ]
    seen += [store.fail_turn(first, moment=side.now()), store.fail_turn(third, moment=side.now())]
    seen.append([(line.entry_type, line.amount, line.entry_no) for line in side.end("a").lines])
    return seen


def test_the_model_answers_as_the_store_does(world: World) -> None:
    model, number = ModelSide(), next(NUMBERS)
    with RealSide(world, number=number) as real:
        names = {letter: f"h{number}-{letter}" for letter in "ab"}
        tools = real.tools(Settings(), worker=None, late=LATE)
        on_the_real_store = observations(real, tools.store, names)
        world.database.execute("UPDATE econsent.payments SET status = 'failed' WHERE payment_id = 'auto:1'")

    assert observations(model, model.store(), {letter: letter for letter in "ab"}) == on_the_real_store


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_a_planted_bug_still_has_its_place(planted: Planted) -> None:
    assert planted.is_there_once()


def test_a_planted_bug_is_found(tmp_path: Path) -> None:
    (planted,) = [each for each in PLANTED if each.name == "the provider is sent a charge again without asking first"]

    assert hunt(planted, tmp_path) == planted.killers[0]


class Reconciled:
    """The two wallets of one history, run by a worker whom nothing befalls."""

    def __init__(self, side: RealSide) -> None:
        self.side = side
        self.tools = side.tools(Settings(run_id="a test", smallest_slice=1), worker=None, late=LATE)

    def run(self) -> list[str]:
        """Run the job a second later, and return the entries of the first wallet."""
        self.side.advance(1)
        reconcile_wallets(tools=self.tools, limits=Limits(batch_size=100, run_seconds=60))
        return [f"{line.entry_type} {line.amount} {line.period:%Y-%m}" for line in self.side.end("a").lines]


@pytest.fixture
def reconciled(world: World) -> Iterator[Reconciled]:
    with RealSide(world, number=next(NUMBERS)) as side:
        side.drift("a", Decimal(0))
        world.database.execute("UPDATE econsent.wallets SET auto_recharge_enabled = false WHERE last_turn_at IS NULL")
        yield Reconciled(side)


def test_usage_of_the_very_moment_of_a_price_change_has_the_new_price(reconciled: Reconciled) -> None:
    change = reconciled.side.now() - timedelta(hours=1)
    reconciled.side.set_price("lookup", Decimal("1.0000"), at=change)
    for number, at in enumerate((change - timedelta(microseconds=1), change)):
        reconciled.side.use("a", f"r{number}", "lookup", quantity=1, at=at)

    assert [entry.split()[1] for entry in reconciled.run()] == ["-0.0640", "-1.0000"]


def test_the_same_key_with_another_amount_is_refused(world: World, reconciled: Reconciled) -> None:
    entry = (
        "SELECT is_new FROM econsent.post_entries(%s, ARRAY[ROW('adjustment', %s, NULL, NULL, NULL, NULL, NULL, NULL, %s,"
        " '2026-11-01Z', 'a reason')::econsent.ledger_request], 'person@example.com', NULL)"
    )
    company, key = (
        world.rows("SELECT company_id FROM econsent.wallets WHERE last_turn_at IS NULL ORDER BY 1")[0]["company_id"],
        str(uuid4()),
    )

    first = world.database.execute(entry, [company, "1.00", key]).fetchone()
    again = world.database.execute(entry, [company, "1.00", key]).fetchone()
    with pytest.raises(psycopg.errors.UniqueViolation) as refused:
        world.database.execute(entry, [company, "2.00", key])

    assert (first, again) == ((True,), (False,))
    assert refused.value.diag.constraint_name == "wallet_ledger_same_key_other_content"


def test_a_late_charge_lies_in_the_open_month(reconciled: Reconciled) -> None:
    """The month ends, is closed, and then usage of it comes in: the charge lies in the next month and says when it happened."""
    side = reconciled.side
    month = date(side.now().year, side.now().month, 1)
    last_moment = datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC) - timedelta(microseconds=1)
    side.use("a", "in time", "lookup", quantity=1, at=side.now() - timedelta(hours=1))
    before = reconciled.run()
    side.advance((last_moment - side.now()).total_seconds() + 3_600)
    side.close_month("a")
    side.use("a", "late", "lookup", quantity=1, at=last_moment)

    entries = reconciled.run()

    assert entries == [*before, f"usage_charge -0.0640 {last_moment + timedelta(microseconds=1):%Y-%m}"]
    assert side.end("a").lines[-1].occurred_at == last_moment


def test_a_slice_is_one_transaction(calls: Sequence[Call]) -> None:
    """Whatever posts entries does so between BEGIN and COMMIT, after the wallet was locked."""
    since_begin: list[str] | None = None
    for call in calls:
        if call.label == "BEGIN":
            since_begin = []
        elif call.label == "COMMIT":
            since_begin = None
        elif call.label.startswith("WITH due AS MATERIALIZED"):
            assert since_begin, f"call {call.number} posts outside a transaction"
            assert since_begin[0].startswith("SELECT wallet.company_id")
        elif since_begin is not None:
            since_begin.append(call.label)


def test_a_payment_is_settled_once(world: World, reconciled: Reconciled) -> None:
    store = reconciled.tools.store
    company = world.rows("SELECT company_id FROM econsent.wallets WHERE last_turn_at IS NULL ORDER BY 1")[0]["company_id"]
    payment_id = f"auto:{company}:1"
    store.insert_recharge(company, payment_id, amount=Decimal(5), moment=reconciled.side.now())

    settled = [
        store.settle_payment(payment_id, succeeded=succeeded, provider_ref="ch", error=None, moment=reconciled.side.now())
        for succeeded in (False, True)
    ]

    assert settled == [True, False]
    assert world.one("SELECT status FROM econsent.payments WHERE payment_id = %(name)s", name=payment_id)["status"] == "failed"


def test_three_failures_in_a_row_switch_auto_recharge_off(world: World) -> None:
    with RealSide(world, number=next(NUMBERS)) as side:
        reconciled = Reconciled(side)
        side.use("a", "r", "lookup", quantity=1, at=side.now() - timedelta(hours=1))
        for _ in range(3):
            side.misbehave("decline")
        for _ in range(5):
            reconciled.run()
        end = side.end("a")
        audit = world.one(
            "SELECT count(*) AS n FROM econsent.audit_log WHERE action = 'wallet.auto_recharge_toggled' AND company_id = %(name)s",
            name=end.payments[0].payment_id.split(":")[1],
        )

    assert [paid.status for paid in end.payments] == ["failed"] * 3
    assert audit["n"] == 1
