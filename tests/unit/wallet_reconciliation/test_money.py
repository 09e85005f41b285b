"""Amounts and months: a sentence a row."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from econsent_jobs.wallet_reconciliation.rules.money import charge_amount, dollars, next_month, open_period, period_of

NEW_YORK_WINTER = timezone(timedelta(hours=-5))
NEW_YORK_SUMMER = timezone(timedelta(hours=-4))


@pytest.mark.parametrize(
    ("quantity", "price", "amount"),
    [
        pytest.param(1, "0.015", "-0.0150", id="a verification keeps its half cent"),
        pytest.param(3, "0.015", "-0.0450", id="three of them are exactly three times one"),
        pytest.param(1_000_000, "0.064", "-64000.0000", id="a million units of the last overage tier lose nothing"),
        pytest.param(1, "0.0001", "-0.0001", id="the smallest price is charged"),
    ],
)
def test_charge_amount(quantity: int, price: str, amount: str) -> None:
    assert str(charge_amount(quantity, Decimal(price))) == amount


@pytest.mark.parametrize("quantity", [0, -1])
def test_a_charge_needs_a_positive_quantity(quantity: int) -> None:
    with pytest.raises(ValueError, match=f"^a charge needs a positive quantity, not {quantity}$"):
        charge_amount(quantity, Decimal(1))


def test_a_charge_is_not_rounded_either() -> None:
    with pytest.raises(ValueError, match=r"^-0\.00015 has more than four places$"):
        charge_amount(3, Decimal("0.00005"))


def test_money_is_never_rounded_in_silence() -> None:
    assert str(dollars(Decimal("1.5"))) == "1.5000"
    assert str(dollars(Decimal("-1.50000"))) == "-1.5000"
    with pytest.raises(ValueError, match=r"^1\.00005 has more than four places$"):
        dollars(Decimal("1.00005"))


@pytest.mark.parametrize(
    ("at", "period"),
    [
        pytest.param(datetime(2026, 10, 31, 23, 59, 59, 999_999, tzinfo=UTC), date(2026, 10, 1), id="the last microsecond of October"),
        pytest.param(datetime(2026, 11, 1, tzinfo=UTC), date(2026, 11, 1), id="the first one of November"),
        pytest.param(
            datetime(2026, 10, 31, 20, 0, tzinfo=NEW_YORK_SUMMER), date(2026, 11, 1), id="eight in the evening, New York summer time"
        ),
        pytest.param(
            datetime(2026, 11, 30, 20, 0, tzinfo=NEW_YORK_WINTER), date(2026, 12, 1), id="eight in the evening, New York winter time"
        ),
        pytest.param(datetime(2026, 11, 30, 18, 59, tzinfo=NEW_YORK_WINTER), date(2026, 11, 1), id="an hour earlier it is November"),
        pytest.param(datetime(2028, 2, 29, 12, tzinfo=UTC), date(2028, 2, 1), id="a leap day"),
    ],
)
def test_period_of(at: datetime, period: date) -> None:
    assert period_of(at) == period


def test_a_time_without_its_zone_lies_in_no_month() -> None:
    with pytest.raises(ValueError, match=r"^a time without its zone lies in no month: datetime\.datetime\(2026, 11, 1, 0, 0\)$"):
        period_of(datetime(2026, 11, 1))  # noqa: DTZ001  # the point of it


@pytest.mark.parametrize(
    ("closed_until", "period"),
    [
        pytest.param(None, date(2026, 10, 1), id="nothing is closed: its own month"),
        pytest.param(date(2026, 9, 1), date(2026, 10, 1), id="an earlier month is closed: its own month"),
        pytest.param(date(2026, 10, 1), date(2026, 11, 1), id="its own month is closed: the next one"),
        pytest.param(date(2026, 12, 1), date(2027, 1, 1), id="closed to the end of the year: January"),
    ],
)
def test_open_period(closed_until: date | None, period: date) -> None:
    assert open_period(datetime(2026, 10, 15, tzinfo=UTC), closed_until) == period


@pytest.mark.parametrize("month", range(1, 12))
def test_the_next_month_is_of_the_same_year(month: int) -> None:
    assert next_month(date(2026, month, 1)) == date(2026, month + 1, 1)


def test_december_is_followed_by_january() -> None:
    assert next_month(date(2026, 12, 1)) == date(2027, 1, 1)
