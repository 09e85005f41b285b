"""Amounts and months."""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

PLACES: Final = Decimal("0.0001")
DECEMBER: Final = 12


def dollars(amount: Decimal) -> Decimal:
    """Return ``amount`` with its four places. Raises ValueError where that would drop a part of it: money is never rounded in silence."""
    fixed = amount.quantize(PLACES, rounding=ROUND_HALF_EVEN)
    if fixed != amount:
        raise ValueError(f"{amount} has more than four places")
    return fixed


def charge_amount(quantity: int, unit_price: Decimal) -> Decimal:
    """Return what ``quantity`` units cost, as the negative amount of their entry."""
    if quantity <= 0:
        raise ValueError(f"a charge needs a positive quantity, not {quantity}")
    return dollars(-quantity * unit_price)


def period_of(at: datetime) -> date:
    """Return the first day of the month of ``at`` in UTC: a month begins at midnight UTC, whatever a country's clocks do that night."""
    if at.tzinfo is None:
        raise ValueError(f"a time without its zone lies in no month: {at!r}")
    return at.astimezone(UTC).date().replace(day=1)


def next_month(period: date) -> date:
    return date(period.year + period.month // DECEMBER, period.month % DECEMBER + 1, 1)


def open_period(at: datetime, closed_until: date | None) -> date:
    """Return the month in which an entry of ``at`` is booked: its own, or the first one after the last closed month."""
    own = period_of(at)
    return own if closed_until is None or own > closed_until else next_month(closed_until)
