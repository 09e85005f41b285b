"""What a run posts, and what it leaves alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest

from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from tests.integration.wallet_reconciliation.conftest import ACME, NOON, Moment, World

Run = Callable[..., JobResult]


def test_usage_is_charged_once_at_its_price(world: World, run: Run) -> None:
    world.company()
    world.usage("r-1", sku="verification")
    world.usage("r-2", sku="debt_lookup", quantity=3)
    world.usage("r-3", sku="session_retention", session_id="s-1")

    results = [run(), run()]

    assert world.amounts() == ["usage_charge -0.0150", "usage_charge -1.0500", "retention_charge -0.1000"]
    assert world.balance() == "-1.1650"
    assert [(each.changed, each.skipped) for each in results] == [(1, 0), (0, 1)]
    assert world.is_whole()


def test_usage_of_the_last_five_minutes_waits(world: World, run: Run, moment: Moment) -> None:
    world.company()
    world.usage("r-1", at=moment.at - timedelta(minutes=4))

    run()
    assert world.entries() == []
    moment.forward(minutes=2)
    run()
    assert world.amounts() == ["usage_charge -0.1000"]


def test_a_price_change_within_the_hour_charges_each_usage_at_its_own_price(world: World, run: Run) -> None:
    world.company()
    change = NOON - timedelta(minutes=30)
    world.database.execute("UPDATE econsent.price_book SET effective_to = %s WHERE sku = 'otp'", [change])
    world.database.execute("INSERT INTO econsent.price_book (sku, unit_price, effective_from) VALUES ('otp', 0.0640, %s)", [change])
    world.usage("before", at=change - timedelta(microseconds=1))
    world.usage("after", at=change)

    run()

    assert world.amounts() == ["usage_charge -0.1000", "usage_charge -0.0640"]


def test_voided_usage_is_reversed_once_and_points_at_its_charge(world: World, run: Run) -> None:
    world.company()
    posted, unposted = world.usage("r-1"), world.usage("r-2")
    world.database.execute("UPDATE econsent.usage_events SET status = 'voided' WHERE usage_id = %s", [unposted])
    run()
    world.database.execute("UPDATE econsent.usage_events SET status = 'voided' WHERE usage_id = %s", [posted])

    result = run()
    run()

    assert world.amounts() == ["usage_charge -0.1000", "reversal 0.1000"]
    pointed = world.rows(
        "SELECT charge.entry_no FROM econsent.wallet_ledger AS entry"
        " JOIN econsent.wallet_ledger AS charge ON charge.ledger_id = entry.reverses_ledger_id"
    )
    assert pointed == [(1,)]
    assert world.rows("SELECT status FROM econsent.usage_events ORDER BY usage_id") == [("reversed",), ("voided",)]
    assert result.changed == 1
    assert world.is_whole()


def test_of_two_usage_rows_of_one_request_the_later_is_not_charged(world: World, run: Run) -> None:
    world.company()
    late = world.usage("r-1", at=NOON - timedelta(minutes=20))
    early = world.usage("r-1", at=NOON - timedelta(minutes=40))

    run()

    assert [row[4] for row in world.entries()] == [f"usage:{early}"]
    assert world.rows("SELECT status, last_error FROM econsent.usage_events WHERE usage_id = %s", [late]) == [
        ("reversed", f"the same request as usage {early}, which is the one that is charged")
    ]


def test_a_row_is_no_duplicate_of_one_that_is_set_aside(world: World, run: Run) -> None:
    world.company()
    begins = NOON - timedelta(minutes=30)
    world.database.execute("UPDATE econsent.price_book SET effective_from = %s WHERE sku = 'otp'", [begins])
    unpriced = world.usage("r-1", at=begins - timedelta(minutes=10))
    priced = world.usage("r-1", at=begins + timedelta(minutes=10))

    run()

    assert dict(world.rows("SELECT usage_id, status FROM econsent.usage_events")) == {unpriced: "quarantined", priced: "posted"}
    assert world.amounts() == ["usage_charge -0.1000"]


def test_a_duplicate_that_comes_after_the_charge_is_not_charged_either(world: World, run: Run) -> None:
    world.company()
    world.usage("r-1", at=NOON - timedelta(minutes=20))
    run()
    world.usage("r-1", at=NOON - timedelta(minutes=40))
    run()

    assert world.amounts() == ["usage_charge -0.1000"]


def test_of_two_charges_of_one_request_the_later_is_reversed(world: World, run: Run) -> None:
    """No path of the job leads there, so the second charge is made by hand."""
    world.company()
    world.usage("r-1")
    run()
    second = world.usage("r-1", at=NOON - timedelta(minutes=10))
    world.database.execute(
        """
        WITH entry AS (
            SELECT entry.* FROM econsent.post_entries('acme', ARRAY[ROW('usage_charge', -0.1, 'otp', 1, 0.1, %(usage)s, NULL, NULL,
            'usage:' || %(usage)s, now(), NULL)::econsent.ledger_request], 'system:scheduler', NULL) AS entry
        )
        UPDATE econsent.usage_events SET status = 'posted', ledger_id = entry.ledger_id FROM entry
        WHERE usage_events.usage_id = %(usage)s
        """,
        {"usage": second},
    )

    run()

    assert world.amounts() == ["usage_charge -0.1000", "usage_charge -0.1000", "reversal 0.1000"]
    assert world.rows("SELECT status FROM econsent.usage_events ORDER BY usage_id") == [("posted",), ("reversed",)]
    assert world.is_whole()


def test_a_session_is_not_charged_twice_for_its_retention(world: World, run: Run) -> None:
    world.company()
    world.usage("r-1", sku="session_retention", session_id="s-1")
    with pytest.raises(psycopg.errors.UniqueViolation, match="usage_events_company_id_session_id_idx"):
        world.usage("r-2", sku="session_retention", session_id="s-1")
    run()
    with pytest.raises(psycopg.errors.UniqueViolation, match="usage_events_company_id_session_id_idx"):
        world.usage("r-3", sku="session_retention", session_id="s-1")


def test_bad_usage_is_set_aside_by_name_and_the_rest_goes_on(world: World, run: Run) -> None:
    world.company()
    unknown = world.usage("r-1", sku="teleport")
    too_early = world.usage("r-2", at=datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC))
    overage = world.usage("r-3", sku="retention_overage")
    world.database.execute("INSERT INTO econsent.price_book (sku, unit_price) VALUES ('gold', 999999)")
    huge = world.usage("r-4", sku="gold", quantity=2_000_000_000)
    world.usage("r-5")

    result = run()

    assert dict(world.rows("SELECT usage_id, last_error FROM econsent.usage_events WHERE status = 'quarantined'")) == {
        unknown: "the price book does not know the sku teleport",
        too_early: "the price book has no price of otp at that time",
        overage: "the price book does not know the sku retention_overage",
        huge: "2000000000 units at 999999.0000 are more than an entry can hold",
    }
    assert world.amounts() == ["usage_charge -0.1000"]
    assert (result.changed, result.quarantined, result.failed, result.causes) == (1, 4, 0, {"data": 4})
    assert run() == JobResult(examined=1, skipped=1)


def test_set_aside_usage_is_charged_when_its_cause_was_mended(world: World, run: Run) -> None:
    world.company()
    usage = world.usage("r-1", sku="teleport")
    run()
    world.database.execute("INSERT INTO econsent.price_book (sku, unit_price) VALUES ('teleport', 0.5)")
    world.database.execute("UPDATE econsent.usage_events SET status = 'unposted' WHERE usage_id = %s", [usage])

    run()

    assert world.amounts() == ["usage_charge -0.5000"]
    assert world.rows("SELECT status, error_class, last_error FROM econsent.usage_events") == [("posted", None, None)]


def test_what_is_free_is_posted_without_an_entry(world: World, run: Run) -> None:
    world.company()
    world.database.execute("INSERT INTO econsent.price_book (sku, unit_price) VALUES ('free', 0)")
    world.usage("r-1", sku="free")

    assert run().changed == 1
    assert world.entries() == []
    assert world.rows("SELECT status, ledger_id FROM econsent.usage_events") == [("posted", None)]


def test_payments_refunds_and_disputes_are_posted_once(world: World, run: Run) -> None:
    world.company()
    world.paid("p-1", "50.00")
    world.paid("p-2", "20.00")
    world.paid("p-3", "9.99", status="failed")
    world.sent_back("re-1", "p-1", "10.00")
    world.sent_back("dp-1", "p-2", "20.00", "dispute")

    run()
    run()

    assert [row[1:3] + row[4:] for row in world.entries()] == [
        ("recharge", Decimal("50.0000"), "payment:p-1"),
        ("recharge", Decimal("20.0000"), "payment:p-2"),
        ("dispute", Decimal("-20.0000"), "dispute:dp-1"),
        ("refund", Decimal("-10.0000"), "refund:re-1"),
    ]
    assert world.rows("SELECT payment_id, status, refunded_amount FROM econsent.payments ORDER BY payment_id") == [
        ("p-1", "succeeded", Decimal("10.0000")),
        ("p-2", "disputed", Decimal("20.0000")),
        ("p-3", "failed", Decimal("0.0000")),
    ]
    assert world.balance() == "40.0000"
    assert world.is_whole()


def test_more_than_the_quota_is_billed_by_tier_to_the_unit(world: World, run: Run) -> None:
    world.company()
    world.retained(11_005, period="2026-11-01")
    run()
    assert [row[2:3] + row[4:] for row in world.entries()] == [
        (Decimal("-1200.0000"), "overage:acme:2026-11-01:0-9999"),
        (Decimal("-0.5000"), "overage:acme:2026-11-01:10000-10004"),
    ]
    world.retained(2, period="2026-11-01", label="more")

    run()
    run()

    assert world.entries()[2:] == [(3, "overage_charge", Decimal("-0.2000"), Decimal("-1200.7000"), "overage:acme:2026-11-01:10005-10006")]
    assert world.is_whole()


def test_every_month_that_is_not_fully_billed_is_billed_after_an_outage(world: World, run: Run) -> None:
    world.company()
    for period, count in (("2026-09-01", 1_001), ("2026-10-01", 1_002), ("2026-11-01", 1_000)):
        world.retained(count, period=period)

    run()

    assert [row[4] for row in world.entries()] == ["overage:acme:2026-09-01:0-0", "overage:acme:2026-10-01:0-1"]
    assert world.balance() == "-0.3600"


def test_a_quota_that_was_cut_makes_no_old_month_dearer(world: World, run: Run) -> None:
    world.company(plan="growth")
    world.retained(2_000, period="2026-10-01")
    world.retained(2_000, period="2026-11-01")
    run()
    world.database.execute("UPDATE econsent.retention_settings SET monthly_quota = 1000")

    run()

    assert world.entries() == []


def test_one_companys_failure_leaves_the_others_done_and_is_named(world: World, run: Run) -> None:
    for company_id in ("a", "b", "c"):
        world.company(company_id)
        world.usage("r-1", company_id=company_id)
    usage = world.one("SELECT usage_id FROM econsent.usage_events WHERE company_id = 'b'")
    world.database.execute(
        """
        SELECT econsent.post_entries('b', ARRAY[ROW('usage_charge', -0.2, 'otp', 1, 0.2, %(usage)s, NULL, NULL, 'usage:' || %(usage)s,
        now(), NULL)::econsent.ledger_request], 'system:scheduler', NULL)
        """,
        {"usage": usage},
    )

    result = run()

    assert (result.examined, result.changed, result.failed, result.causes) == (3, 2, 1, {"data": 1})
    assert world.amounts("a") == world.amounts("c") == ["usage_charge -0.1000"]
    assert world.amounts("b") == ["usage_charge -0.2000"]
    failed = world.results("b")[0]
    assert failed[0] == "failed"
    assert "wallet_ledger_same_key_other_content" in failed[2]
    assert world.rows("SELECT lease_token FROM econsent.wallets WHERE company_id = 'b'") == [(None,)]


def test_much_usage_is_posted_in_slices_in_its_order(world: World, run: Run) -> None:
    world.company()
    world.database.execute(
        """
        INSERT INTO econsent.usage_events (company_id, sku, request_id, occurred_at)
        SELECT %s, 'verification', 'r-' || n, %s::timestamptz - n * interval '1 second' FROM generate_series(1, 5000) AS n
        """,
        [ACME, NOON - timedelta(hours=1)],
    )

    result = run(limits=Limits(batch_size=700, run_seconds=60))

    assert world.balance() == "-75.0000"
    assert result.backlog == 0
    assert world.rows("SELECT count(*), count(*) FILTER (WHERE late) FROM (SELECT occurred_at < lag(occurred_at) OVER"
                      " (ORDER BY entry_no) AS late FROM econsent.wallet_ledger) AS ordered") == [(5000, 0)]  # fmt: skip
    assert world.is_whole()
