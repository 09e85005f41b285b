"""Retentions above the quota, cut into tiers: a sentence a row. The tiers are those of the price book as it is delivered."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.wallet_reconciliation.model import OverageCharge, Tier, Units
from econsent_jobs.wallet_reconciliation.rules.overage import price_overage

AT = datetime(2026, 11, 3, tzinfo=UTC)
PRICES = ((0, "0.12"), (10_000, "0.10"), (25_000, "0.08"), (50_000, "0.064"))
TIERS = [Tier(tier_from=start, unit_price=Decimal(price)) for start, price in PRICES]


def cut(*groups: tuple[int, int], tiers: list[Tier] = TIERS) -> list[tuple[int, int, str]]:
    charges = price_overage([Units(first=first, count=count, occurred_at=AT, tiers=tiers) for first, count in groups])
    return [(charge.first, charge.last, str(charge.amount)) for charge in charges]


@pytest.mark.parametrize(
    ("first", "count", "charges"),
    [
        pytest.param(0, 0, [], id="nothing above the quota costs nothing"),
        pytest.param(0, 1, [(0, 0, "-0.1200")], id="the first unit above the quota costs the first tier"),
        pytest.param(0, 10_000, [(0, 9_999, "-1200.0000")], id="the first tier to its last unit"),
        pytest.param(0, 10_001, [(0, 9_999, "-1200.0000"), (10_000, 10_000, "-0.1000")], id="one unit into the second tier"),
        pytest.param(9_999, 2, [(9_999, 9_999, "-0.1200"), (10_000, 10_000, "-0.1000")], id="over the edge from where the last bill ended"),
        pytest.param(24_999, 1, [(24_999, 24_999, "-0.1000")], id="the last unit of the second tier"),
        pytest.param(25_000, 1, [(25_000, 25_000, "-0.0800")], id="the first unit of the third"),
        pytest.param(50_000, 3, [(50_000, 50_002, "-0.1920")], id="the last tier keeps its tenth of a cent, and has no end"),
        pytest.param(
            0,
            60_000,
            [(0, 9_999, "-1200.0000"), (10_000, 24_999, "-1500.0000"), (25_000, 49_999, "-2000.0000"), (50_000, 59_999, "-640.0000")],
            id="all four tiers at once",
        ),
    ],
)
def test_tiers(first: int, count: int, charges: list[tuple[int, int, str]]) -> None:
    assert cut((first, count)) == charges


def test_bills_in_any_steps_cost_the_same() -> None:
    whole = sum(Decimal(amount) for *_, amount in cut((0, 60_000)))
    steps = [(first, 7) for first in range(0, 59_990, 7)] + [(59_990, 10)]

    assert sum(Decimal(amount) for step in steps for *_, amount in cut(step)) == whole


def test_units_of_another_price_list_are_charged_by_theirs() -> None:
    later = AT + timedelta(days=1)
    dearer = [Tier(tier_from=0, unit_price=Decimal("0.13"))]
    groups = [Units(first=9_998, count=3, occurred_at=AT, tiers=TIERS), Units(first=10_001, count=1, occurred_at=later, tiers=dearer)]

    assert price_overage(groups) == [
        OverageCharge(first=9_998, last=9_999, unit_price=Decimal("0.12"), amount=Decimal("-0.2400"), occurred_at=AT),
        OverageCharge(first=10_000, last=10_000, unit_price=Decimal("0.10"), amount=Decimal("-0.1000"), occurred_at=AT),
        OverageCharge(first=10_001, last=10_001, unit_price=Decimal("0.13"), amount=Decimal("-0.1300"), occurred_at=later),
    ]


def test_tiers_may_come_in_any_order() -> None:
    assert cut((9_999, 2), tiers=TIERS[::-1]) == cut((9_999, 2))


@pytest.mark.parametrize("tiers", [pytest.param([], id="no tier at all"), pytest.param(TIERS[1:], id="none from the first unit on")])
def test_no_price_is_refused_by_name(tiers: list[Tier]) -> None:
    with pytest.raises(BadItem) as refused:
        cut((5, 1), tiers=tiers)

    assert refused.value.error_class is ErrorClass.DATA
    assert refused.value.reason == "the price book has no overage price for unit 5 then; the next run bills it"
