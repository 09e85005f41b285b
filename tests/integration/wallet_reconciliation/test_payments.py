"""Automatic recharges with a provider on a bad day: never two charges for one crossing, never a credit lost."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from econsent_jobs.core.results import JobResult
from econsent_jobs.io.payments_sandbox import SandboxProvider
from econsent_jobs.wallet_reconciliation.tools import Tools
from tests.integration.wallet_reconciliation.conftest import ACME, TOKEN, Bank, Moment, World

Run = Callable[..., JobResult]


@pytest.fixture
def low(world: World) -> World:
    """A wallet with a balance of 4 that recharges itself by 50 at 5 and below."""
    world.company()
    world.paid("p-1", "4.00")
    world.set_wallet(auto_recharge_enabled=True, auto_recharge_threshold=5, auto_recharge_amount=50)
    return world


def recharges(world: World) -> list[tuple[Any, ...]]:
    return world.rows("SELECT payment_id, status, attempts FROM econsent.payments WHERE kind = 'auto_recharge' ORDER BY created_at")


def test_a_low_balance_is_recharged_once_audited_and_told(low: World, run: Run, bank: Bank) -> None:
    run()
    run()

    assert low.amounts() == ["recharge 4.0000", "auto_recharge 50.0000"]
    assert recharges(low) == [("auto:acme:1", "succeeded", 1)]
    assert [(charge["payment_id"], charge["amount"]) for charge in bank.charges()] == [("auto:acme:1", "50.00")]
    assert low.audited() == ["wallet.auto_recharge_requested", "wallet.recharged"]
    assert low.is_whole()


@pytest.mark.parametrize("fault", ["error", "timeout", "drop", "late", "twice", "forget"])
def test_any_single_fault_ends_in_one_charge_and_one_entry(fault: str, low: World, run: Run, bank: Bank, moment: Moment) -> None:
    bank.plan(fault)
    first = run()
    moment.forward(hours=1)
    second = run()

    assert len(bank.charges()) == 1
    assert low.amounts() == ["recharge 4.0000", "auto_recharge 50.0000"]
    assert first.failed == (1 if fault in {"error", "timeout", "drop", "late"} else 0)
    assert second.failed == 0
    assert low.is_whole()


@pytest.mark.parametrize("fault", ["timeout", "drop", "late"])
def test_a_provider_that_forgot_our_key_is_asked_before_it_is_sent_to(fault: str, low: World, run: Run, bank: Bank, moment: Moment) -> None:
    bank.plan(fault, "forget")
    run()
    moment.forward(hours=30)
    run()

    assert len(bank.charges()) == 1
    assert low.amounts() == ["recharge 4.0000", "auto_recharge 50.0000"]


@pytest.mark.parametrize("reached", ["decided", "leased", "charged", "answered"])
def test_a_kill_between_decision_and_commit_costs_nothing(
    reached: str, low: World, run: Run, make_tools: Callable[..., Tools], bank: Bank, moment: Moment
) -> None:
    """The worker ends at one of the four places; the next run finds what it left."""
    tools = make_tools()
    with pytest.raises(Killed):
        run(provider=Deadly(tools.provider, reached), store=DeadlyStore(tools.store, reached))
    moment.forward(hours=1)
    run()

    assert len(bank.charges()) == 1
    assert low.amounts() == ["recharge 4.0000", "auto_recharge 50.0000"]
    assert low.is_whole()


def test_a_payment_that_another_worker_sent_meanwhile_is_asked_for(
    low: World, run: Run, make_tools: Callable[..., Tools], bank: Bank, moment: Moment
) -> None:
    """This worker read it before it stood still; the other one was killed after the charge, and the provider forgot our key since."""
    tools = make_tools()

    class Overtaken:
        def __getattr__(self, name: str) -> Any:
            return getattr(tools.store, name)

        def list_pending(self, company_id: str, **moments: Any) -> Any:
            listed = tools.store.list_pending(company_id, **moments)
            if listed and not bank.charges():
                moment.forward(hours=1)
                with pytest.raises(Killed):
                    run(provider=Deadly(make_tools().provider, "charged"))
                bank.plan("forget")
                moment.forward(hours=30)
            return listed

    run(store=Overtaken())
    run()

    assert len(bank.charges()) == 1
    assert low.amounts() == ["recharge 4.0000", "auto_recharge 50.0000"]


def test_three_failures_in_a_row_switch_it_off_and_say_so(low: World, run: Run, bank: Bank, moment: Moment) -> None:
    bank.plan("decline", "decline", "decline")
    for _ in range(5):
        run()
        moment.forward(hours=9)

    assert [status for _, status, _ in recharges(low)] == ["failed"] * 3
    assert low.rows("SELECT auto_recharge_enabled, auto_recharge_failures FROM econsent.wallets") == [(False, 3)]
    assert low.audited().count("wallet.auto_recharge_toggled") == 1
    assert (["owner@acme.example"], "Auto-recharge was switched off") in low.mails()
    assert low.amounts() == ["recharge 4.0000"]

    low.set_wallet(auto_recharge_enabled=True)
    run()
    assert low.rows("SELECT auto_recharge_enabled, auto_recharge_failures FROM econsent.wallets") == [(True, 0)]


def test_a_success_forgets_earlier_failures(low: World, run: Run, bank: Bank, moment: Moment) -> None:
    bank.plan("decline", "decline", "ok")
    for _ in range(3):
        run()
        moment.forward(hours=1)

    assert low.rows("SELECT auto_recharge_enabled, auto_recharge_failures FROM econsent.wallets") == [(True, 0)]


def test_there_are_at_most_three_a_day(low: World, run: Run, bank: Bank, moment: Moment) -> None:
    for number in range(8):
        run()
        low.usage(f"spent-{number}", sku="debt_lookup", quantity=150, at=moment.at)
        moment.forward(hours=1)

    assert len(bank.charges()) == 3
    moment.forward(hours=24)
    run()
    assert len(bank.charges()) == 4


@pytest.mark.parametrize(("fault", "word"), [("wrong_amount", "amount"), ("wrong_currency", "currency")])
def test_an_answer_about_something_else_is_set_aside(fault: str, word: str, low: World, run: Run, bank: Bank) -> None:
    bank.plan(fault)

    result = run()

    assert (result.quarantined, result.failed) == (1, 0)
    assert low.amounts() == ["recharge 4.0000"]
    assert f"has the {word}" in low.one("SELECT last_error FROM econsent.payments WHERE kind = 'auto_recharge'")
    assert "wallet.payment_quarantined" in low.audited()


def test_a_persons_open_payment_is_asked_for_after_an_hour_and_never_sent(world: World, run: Run, bank: Bank, moment: Moment) -> None:
    world.company()
    world.paid("p-1", "25.00", status="pending")
    run()
    assert bank.charges() == []
    SandboxProvider(url=bank.url, token=TOKEN).charge(payment_id="p-1", company_id=ACME, amount=Decimal(25))
    world.paid("p-2", "30.00", status="pending")
    moment.forward(hours=1)
    run()

    assert world.amounts() == ["recharge 25.0000"]
    moment.forward(hours=24)
    run()
    assert world.rows("SELECT payment_id, status FROM econsent.payments ORDER BY payment_id") == [("p-1", "succeeded"), ("p-2", "failed")]
    assert len(bank.charges()) == 1


def test_a_low_balance_is_told_once_for_each_crossing(world: World, run: Run, moment: Moment) -> None:
    world.company()
    world.paid("p-1", "12.00")
    run()
    assert world.mails() == []
    world.usage("r-1", sku="debt_lookup", quantity=10, at=moment.at - timedelta(minutes=10))
    run()
    run()
    assert len(world.mails()) == 1
    world.paid("p-2", "5.00")
    run()
    world.usage("r-2", sku="debt_lookup", quantity=10, at=moment.at - timedelta(minutes=10))
    run()
    run()

    assert [subject for _, subject in world.mails()] == ["Your eConsent balance is low"] * 2


def test_no_lock_is_held_and_no_transaction_is_open_while_the_provider_is_called(
    low: World, run: Run, make_tools: Callable[..., Tools], bank: Bank
) -> None:
    tools = make_tools()
    seen: list[str] = []

    class Watching(SandboxProvider):
        def charge(self, **payment: Any) -> Any:
            seen.extend(row[0] for row in low.rows("SELECT state FROM pg_stat_activity WHERE usename = 'econsent_wallet_reconciliation'"))
            low.database.execute("SELECT FROM econsent.wallets WHERE company_id = 'acme' FOR UPDATE NOWAIT")
            return super().charge(**payment)

    run(provider=Watching(url=bank.url, token=TOKEN), store=tools.store)

    assert set(seen) == {"idle"}
    assert len(bank.charges()) == 1


@pytest.mark.parametrize(
    ("refunds", "refusal"),
    [
        pytest.param(["50.01"], "payment_refunds_within_the_payment", id="more than the payment at once"),
        pytest.param(["30.00", "20.01"], "payment_refunds_within_the_payment", id="more than the payment in two steps"),
    ],
)
def test_a_refund_above_its_payment_is_refused_by_name(world: World, refunds: list[str], refusal: str) -> None:
    world.company()
    world.paid("p-1", "50.00")
    *good, bad = refunds
    for number, amount in enumerate(good):
        world.sent_back(f"re-{number}", "p-1", amount)

    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        world.sent_back("re-bad", "p-1", bad)
    assert refused.value.diag.constraint_name == refusal


def test_what_was_not_paid_cannot_go_back(world: World) -> None:
    world.company()
    world.paid("p-1", "50.00", status="pending")
    with pytest.raises(psycopg.errors.CheckViolation, match="nothing of it can go back"):
        world.sent_back("re-1", "p-1", "1.00")


def test_a_payment_of_an_unknown_company_or_currency_is_refused(world: World) -> None:
    world.company()
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="payments_company_id_fkey"):
        world.paid("p-1", "50.00", company_id="nobody")
    with pytest.raises(psycopg.errors.CheckViolation, match="payments_currency_is_usd"):
        world.paid("p-1", "50.00", currency="EUR")
    with pytest.raises(psycopg.errors.CheckViolation, match="wallets_currency_check"):
        world.set_wallet(currency="EUR")


class Killed(BaseException):
    """Not an error: nothing may catch it."""


class Deadly:
    """A provider whose caller ends while or after it is called."""

    def __init__(self, provider: Any, reached: str) -> None:
        self.provider, self.reached = provider, reached

    def charge(self, **payment: Any) -> Any:
        if self.reached == "leased":
            raise Killed
        answer = self.provider.charge(**payment)
        if self.reached == "charged":
            raise Killed
        return answer

    def find(self, payment_id: str) -> Any:
        return self.provider.find(payment_id)


class DeadlyStore:
    """A store whose caller ends before it leases the payment, or before its answer is committed."""

    def __init__(self, store: Any, reached: str) -> None:
        self.store, self.reached = store, reached

    def __getattr__(self, name: str) -> Any:
        if (self.reached, name) in {("decided", "lease_payment"), ("answered", "count_failures")}:
            raise Killed
        return getattr(self.store, name)
