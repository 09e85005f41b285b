"""Balances that are not what their entries say: explained, repaired, and reproducible."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest

from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.results import JobResult
from econsent_jobs.wallet_reconciliation.rules.report import read_snapshot, report_text
from tests.integration.wallet_reconciliation.conftest import NOON, Moment, World

Run = Callable[..., JobResult]


@pytest.fixture
def paid(world: World, run: Run) -> World:
    """A wallet with 50, then -0.1, then -0.35."""
    world.company()
    world.paid("p-1", "50.00")
    run()
    world.usage("r-1", at=NOON - timedelta(hours=2))
    world.usage("r-2", sku="debt_lookup")
    run()
    return world


@pytest.mark.parametrize(
    ("off_by", "result", "kind"),
    [
        pytest.param("0.35", "repaired", "missing", id="the last charge is missing"),
        pytest.param("-0.10", "repaired", "duplicate", id="a charge was counted twice"),
        pytest.param("0.45", "repaired", "missing", id="both charges are missing"),
        pytest.param("1.00", "repaired", "unexplained", id="a dollar is still repaired without a person"),
        pytest.param("1.0001", "needs_review", "unexplained", id="above a dollar a person has to look"),
        pytest.param("50.00", "needs_review", "duplicate", id="a recharge was counted twice"),
    ],
)
def test_drift_is_repaired_explained_and_audited(paid: World, run: Run, off_by: str, result: str, kind: str) -> None:
    paid.database.execute("UPDATE econsent.wallets SET balance = balance + %s", [Decimal(off_by)])

    done = run()
    again = run()

    assert paid.balance() == "49.5500"
    assert [row[:2] for row in paid.results()[-2:]] == [(result, Decimal(off_by)), ("clean", Decimal(0))]
    assert {row[0] for row in paid.findings() if row[1]} == {kind}
    assert sum(row[1] for row in paid.findings()) == Decimal(off_by)
    assert (done.changed, again.skipped) == (1, 1)
    assert ("wallet.drift_detected" in paid.audited()) == (result == "needs_review")
    assert (paid.one("SELECT needs_review_at FROM econsent.wallets") is not None) == (result == "needs_review")
    assert paid.is_whole()


def test_money_that_landed_in_another_wallet_is_found_there(paid: World, run: Run) -> None:
    paid.company("other")
    paid.paid("p-2", "25.00", company_id="other")
    run()
    paid.database.execute("UPDATE econsent.wallets SET balance = balance + CASE company_id WHEN 'acme' THEN 25 ELSE -25 END")

    run()

    assert [row[0] for row in paid.findings("acme") if row[1]] == ["wrong_company"]
    assert [row[0] for row in paid.findings("other") if row[1]] == ["missing"]
    assert (paid.balance("acme"), paid.balance("other")) == ("49.5500", "25.0000")


def test_a_report_is_made_again_to_the_byte_from_its_snapshot(paid: World, run: Run) -> None:
    paid.database.execute("UPDATE econsent.wallets SET balance = balance + 0.35")
    run()
    paid.usage("r-9")
    run()

    kept = "SELECT snapshot, report, report_sha256 FROM econsent.wallet_reconciliations WHERE report IS NOT NULL"
    [(snapshot, report, sha256)] = paid.rows(kept)
    assert report_text(read_snapshot(snapshot)) == report
    assert sha256_hex(report.encode()) == sha256


def test_entries_that_do_not_add_up_are_no_drift(paid: World, run: Run) -> None:
    """A checkpoint that somebody moved: nothing is repaired by a sum that may be wrong itself."""
    paid.set_wallet(checkpoint_balance=1)

    result = run()

    assert (result.failed, result.causes) == (1, {"integrity": 1})
    assert "run ./econsent verify" in paid.results()[-1][2]
    assert paid.balance() == "49.5500"


def test_late_and_misquoted_charges_are_named(world: World, run: Run) -> None:
    world.company()
    world.usage("late", at=NOON - timedelta(hours=5), quoted_amount=Decimal("0.10"))
    world.usage("misquoted", quoted_amount=Decimal("0.05"))

    run()

    assert [(row[0], row[1]) for row in world.findings()] == [("late", 0), ("wrong_amount", 0)]
    assert "cost 0.1000, and the caller was told 0.0500" in world.findings()[1][2]


def test_a_late_charge_of_a_closed_month_is_booked_in_the_open_one_and_points_at_its_cause(world: World, run: Run) -> None:
    world.company()
    world.usage("in time", at=datetime(2026, 10, 31, 23, 59, tzinfo=UTC))
    run()
    world.database.execute("INSERT INTO econsent.wallet_periods VALUES ('acme', '2026-10-01', now(), 'a person', 0, -0.1, 1)")
    usage = world.usage("late", at=datetime(2026, 10, 31, 23, 59, 30, tzinfo=UTC))
    voided = world.one("SELECT usage_id FROM econsent.usage_events WHERE request_id = 'in time'")
    world.database.execute("UPDATE econsent.usage_events SET status = 'voided' WHERE usage_id = %s", [voided])
    world.retained(1_001, period="2026-10-01")

    run()

    rows = world.rows("SELECT entry_type, period, usage_id, occurred_at < '2026-11-01Z' FROM econsent.wallet_ledger ORDER BY entry_no")
    assert rows == [
        ("usage_charge", date(2026, 10, 1), voided, True),
        ("usage_charge", date(2026, 11, 1), usage, True),
        ("reversal", date(2026, 11, 1), voided, True),
        ("overage_charge", date(2026, 11, 1), None, True),
    ]
    assert [row[0] for row in world.findings() if "is closed" in row[2]] == ["out_of_period"] * 3


def test_a_closed_month_stays_closed(world: World) -> None:
    world.company()
    world.database.execute("INSERT INTO econsent.wallet_periods VALUES ('acme', '2026-10-01', now(), 'a person', 0, 0, 0)")
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        world.database.execute("DELETE FROM econsent.wallet_periods")


def test_the_same_key_with_other_content_is_refused_and_with_the_same_is_one_entry(world: World) -> None:
    world.company()
    post = """
        SELECT entry_no, is_new FROM econsent.post_entries('acme', ARRAY[
            ROW('adjustment', %s, NULL, NULL, NULL, NULL, NULL, NULL, 'adjustment:1', '2026-11-01Z', 'a gift')::econsent.ledger_request
        ], 'ann@example.com', NULL)
    """
    assert world.rows(post, [Decimal(5)]) == [(1, True)]
    assert world.rows(post, [Decimal(5)]) == [(1, False)]
    with pytest.raises(psycopg.errors.UniqueViolation, match="in the ledger with other content"):
        world.rows(post, [Decimal(6)])
    assert world.amounts() == ["adjustment 5.0000"]
    assert world.is_whole()


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param("'adjustment', 5, NULL, NULL, NULL, NULL, NULL, NULL, 'k', now(), NULL", id="an adjustment without a reason"),
        pytest.param("'usage_charge', -1, 'otp', 1, 1, 1, NULL, NULL, 'k', now(), NULL", id="another company's usage"),
        pytest.param("'reversal', 0.2, 'otp', 1, 0.1, NULL, NULL, 1, 'k', now(), NULL", id="a reversal of another amount"),
        pytest.param("'reversal', 0.1, 'otp', 1, 0.1, NULL, NULL, 99, 'k', now(), NULL", id="a reversal of nothing"),
    ],
)
def test_entries_that_do_not_fit_their_cause_are_refused(world: World, run: Run, entry: str) -> None:
    world.company("other")
    world.usage("r-1", company_id="other")
    run()
    world.company()
    with pytest.raises(psycopg.errors.CheckViolation, match="does not fit its cause"):
        world.rows(f"SELECT * FROM econsent.post_entries('acme', ARRAY[ROW({entry})::econsent.ledger_request], 'ann@example.com', NULL)")


def test_prices_of_one_time_do_not_overlap(world: World) -> None:
    with pytest.raises(psycopg.errors.ExclusionViolation, match="price_book_no_overlap"):
        world.database.execute("INSERT INTO econsent.price_book (sku, unit_price, effective_from) VALUES ('otp', 1, '2026-06-01Z')")
    world.database.execute("UPDATE econsent.price_book SET effective_to = '2026-06-01Z' WHERE sku = 'otp'")
    world.database.execute("INSERT INTO econsent.price_book (sku, unit_price, effective_from) VALUES ('otp', 1, '2026-06-01Z')")


@pytest.mark.parametrize("quantity", [0, -1])
def test_a_quantity_that_is_not_positive_is_refused(world: World, quantity: int) -> None:
    world.company()
    with pytest.raises(psycopg.errors.CheckViolation, match="usage_events_quantity_check"):
        world.usage("r-1", quantity=quantity)


@pytest.mark.parametrize(
    ("before", "after"), [("posted", "unposted"), ("reversed", "unposted"), ("voided", "posted"), ("posted", "quarantined")]
)
def test_usage_does_not_turn_back(world: World, before: str, after: str) -> None:
    world.company()
    usage = world.usage("r-1", status=before)
    with pytest.raises(psycopg.errors.CheckViolation, match="cannot become"):
        world.database.execute("UPDATE econsent.usage_events SET status = %s WHERE usage_id = %s", [after, usage])


def test_wallets_go_on_while_charges_arrive(world: World, run: Run, another_connection: psycopg.Connection[object], moment: Moment) -> None:
    """Usage is written without the wallet's lock, so a locked wallet keeps nobody waiting."""
    world.company()
    with world.database.transaction():
        world.database.execute("SELECT FROM econsent.wallets WHERE company_id = 'acme' FOR UPDATE")
        another_connection.execute("SET lock_timeout = '100ms'")
        another_connection.execute(
            "INSERT INTO econsent.usage_events (company_id, sku, request_id, occurred_at) VALUES ('acme', 'otp', 'r-1', %s)", [NOON]
        )
    moment.forward(hours=1)
    assert run().changed == 1
