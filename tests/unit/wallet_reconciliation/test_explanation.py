"""What ``./econsent wallet explain`` and ``plan`` say, to the letter."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from econsent_jobs.wallet_reconciliation.model import Entry
from econsent_jobs.wallet_reconciliation.rules.explanation import MonthSum, Plan, explain_balance, explain_plan
from tests.unit.wallet_reconciliation.examples import AT, entry, recharge


def month_sum(period: date, entry_type: str, entries: int, amount: str) -> MonthSum:
    return MonthSum(period=period, entry_type=entry_type, entries=entries, amount=Decimal(amount))


OCTOBER = (
    month_sum(date(2026, 10, 1), "recharge", 1, "100.0000"),
    month_sum(date(2026, 10, 1), "usage_charge", 20, "-0.3000"),
)
NOVEMBER = (
    month_sum(date(2026, 11, 1), "adjustment", 1, "0.5000"),
    month_sum(date(2026, 11, 1), "overage_charge", 2, "-120.1000"),
)
DECEMBER = (month_sum(date(2026, 12, 1), "usage_charge", 3, "-0.0450"),)


@pytest.mark.parametrize(
    ("sums", "lines"),
    [
        pytest.param([], ["acme at 2026-11-03 12:00:00 UTC: 0.0000 USD, 0 entries"], id="a new wallet"),
        pytest.param(
            OCTOBER,
            [
                "acme at 2026-11-03 12:00:00 UTC: 99.7000 USD, 21 entries",
                "  2026-10  recharge +100.0000 (1)  usage_charge -0.3000 (20)  = 99.7000",
            ],
            id="one month",
        ),
        pytest.param(
            OCTOBER + NOVEMBER + DECEMBER,
            [
                "acme at 2026-11-03 12:00:00 UTC: -19.9450 USD, 27 entries",
                "  2026-10  recharge +100.0000 (1)  usage_charge -0.3000 (20)  = 99.7000",
                "  2026-11  adjustment +0.5000 (1)  overage_charge -120.1000 (2)  = -19.9000",
                "  2026-12  usage_charge -0.0450 (3)  = -19.9450",
            ],
            id="each month adds to the ones before",
        ),
    ],
)
def test_a_balance_is_added_up_month_by_month(sums: list[MonthSum], lines: list[str]) -> None:
    assert explain_balance("acme", sums, [], at=AT) == lines


def test_the_moment_is_told_in_utc() -> None:
    at = datetime(2026, 11, 3, 7, tzinfo=timezone(timedelta(hours=-5)))

    assert explain_balance("acme", [], [], at=at) == ["acme at 2026-11-03 12:00:00 UTC: 0.0000 USD, 0 entries"]


@pytest.mark.parametrize(
    ("last", "lines"),
    [
        pytest.param(
            [entry(2, "-0.0150", "49.9850"), recharge(1, "50.0000", "50.0000", created_at=AT - timedelta(minutes=3))],
            [
                "  #1  2026-11-03 11:57:00 UTC  +50.0000  = 50.0000  Payment  [payment:p-1]",
                "  #2  2026-11-03 12:00:00 UTC  -0.0150  = 49.9850  Usage  [usage:2]",
            ],
            id="they come newest first and are told in the order of the ledger",
        ),
        pytest.param(
            [entry(7, "-0.0450", "0.5000", sku="verification", quantity=3, unit_price=Decimal("0.015"), memo="by hand")],
            ["  #7  2026-11-03 12:00:00 UTC  -0.0450  = 0.5000  Usage: verification, 3 at 0.0150 (by hand)  [usage:7]"],
            id="with what it is",
        ),
        pytest.param(
            [entry(7, "-0.0450", "0.5000", occurred_at=datetime(2026, 10, 31, 23, 59, tzinfo=UTC))],
            ["  #7  2026-11-03 12:00:00 UTC  -0.0450  = 0.5000  Usage, of 2026-10  [usage:7]"],
            id="and of which month, where that was closed already",
        ),
    ],
)
def test_the_newest_entries_are_told(last: list[Entry], lines: list[str]) -> None:
    head = [
        "acme at 2026-11-03 12:00:00 UTC: -0.0450 USD, 3 entries",
        "  2026-12  usage_charge -0.0450 (3)  = -0.0450",
        "The newest entries:",
    ]
    assert explain_balance("acme", DECEMBER, last, at=AT) == [*head, *lines]


def plan(**changes: Any) -> Plan:
    values: dict[str, Any] = {
        "company_id": "acme",
        "balance": Decimal("43.0000"),
        "drift": Decimal("0.0000"),
        "charges": 0,
        "amount": Decimal("0.0000"),
        "without_price": 0,
        "reversals": 0,
        "payments": 0,
        "open_payments": 0,
        "refunds": 0,
        "overage_units": 0,
    }
    return Plan(**values | changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({}, "nothing to do", id="all is as it should be"),
        pytest.param({"charges": 20, "amount": Decimal("0.3")}, "20 charges of 0.3000", id="usage to post"),
        pytest.param({"without_price": 2}, "2 usage rows without a price to set aside", id="usage without a price"),
        pytest.param({"reversals": 3}, "3 reversals", id="usage that was voided"),
        pytest.param({"payments": 4}, "4 payments", id="payments to post"),
        pytest.param({"refunds": 5}, "5 refunds or disputes", id="money that went back"),
        pytest.param({"open_payments": 6}, "6 open payments to ask about", id="payments in doubt"),
        pytest.param(
            {
                "charges": 1,
                "amount": Decimal("0.015"),
                "without_price": 1,
                "reversals": 1,
                "refunds": 1,
                "open_payments": 1,
                "overage_units": 1,
            },
            "1 charge of 0.0150, 1 usage row without a price to set aside, 1 reversal, 1 refund or dispute, 1 open payment to ask about, "
            "1 retention above the quota",
            id="one of each",
        ),
        pytest.param({"overage_units": 7}, "7 retentions above the quota", id="overage to bill"),
        pytest.param({"drift": Decimal("0.3")}, "a drift of +0.3000 to explain and repair", id="too much in the balance"),
        pytest.param({"drift": Decimal("-0.0001")}, "a drift of -0.0001 to explain and repair", id="too little in it"),
        pytest.param(
            {"payments": 1, "drift": Decimal("1.0000")}, "1 payment, a drift of +1.0000 to explain and repair", id="two things to do"
        ),
        pytest.param(
            {
                "charges": 20,
                "amount": Decimal("0.3000"),
                "without_price": 2,
                "reversals": 3,
                "payments": 4,
                "refunds": 5,
                "open_payments": 6,
                "overage_units": 7,
                "drift": Decimal("-8.0000"),
            },
            "20 charges of 0.3000, 2 usage rows without a price to set aside, 3 reversals, 4 payments, 5 refunds or disputes, "
            "6 open payments to ask about, 7 retentions above the quota, a drift of -8.0000 to explain and repair",
            id="all at once",
        ),
    ],
)
def test_a_plan_says_what_a_run_would_do(changes: dict[str, Any], said: str) -> None:
    assert explain_plan(plan(**changes)) == f"acme: {said}"
