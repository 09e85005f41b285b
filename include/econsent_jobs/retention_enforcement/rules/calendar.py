"""Calendar sums as PostgreSQL does them: a month has its own length, and 29 February plus a year is 28 February."""

import calendar
from datetime import datetime


def plus_months(at: datetime, months: int) -> datetime:
    """Return the same day and time so many months later; a day that the month lacks becomes its last."""
    count = at.month - 1 + months
    year, month = at.year + count // 12, count % 12 + 1
    return at.replace(year=year, month=month, day=min(at.day, calendar.monthrange(year, month)[1]))


def plus_years(at: datetime, years: int) -> datetime:
    return plus_months(at, 12 * years)
