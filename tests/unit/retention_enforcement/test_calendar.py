"""Months and years as the calendar, and PostgreSQL, count them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from econsent_jobs.retention_enforcement.rules.calendar import plus_months, plus_years


@pytest.mark.parametrize(
    ("at", "months", "expected"),
    [
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2024-02-29", 60, "2029-02-28"),
        ("2024-02-29", 84, "2031-02-28"),
        ("2023-02-28", 12, "2024-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-01-31", 2, "2024-03-31"),
        ("2024-03-31", 1, "2024-04-30"),
        ("2023-08-31", 18, "2025-02-28"),
        ("2023-12-31", 2, "2024-02-29"),
        ("2023-11-30", 1, "2023-12-30"),
        ("2023-12-15", 1, "2024-01-15"),
        ("2023-12-31", 0, "2023-12-31"),
        ("2023-01-01", 11, "2023-12-01"),
        ("2023-01-01", 12, "2024-01-01"),
        ("2096-02-29", 60, "2101-02-28"),
        ("2096-02-29", 48, "2100-02-28"),
        ("1996-02-29", 48, "2000-02-29"),
        ("2024-03-31", -1, "2024-02-29"),
        ("2024-01-15", -1, "2023-12-15"),
    ],
)
def test_a_month_has_its_own_length(at: str, months: int, expected: str) -> None:
    began, ended = (datetime.fromisoformat(f"{text}T23:59:59.999999+00:00") for text in (at, expected))

    assert plus_months(began, months) == ended


@pytest.mark.parametrize(
    ("at", "years", "expected"),
    [
        ("2024-02-29", 1, "2025-02-28"),
        ("2024-02-29", 4, "2028-02-29"),
        ("2024-02-29", 5, "2029-02-28"),
        ("2024-02-29", 7, "2031-02-28"),
        ("2025-02-28", 7, "2032-02-28"),
        ("2023-03-01", 5, "2028-03-01"),
        ("2026-12-31", 5, "2031-12-31"),
        ("2026-12-31", 7, "2033-12-31"),
        ("2093-02-28", 7, "2100-02-28"),
        ("2095-03-01", 5, "2100-03-01"),
        ("2026-07-15", 0, "2026-07-15"),
    ],
)
def test_a_year_has_its_own_length(at: str, years: int, expected: str) -> None:
    began, ended = (datetime.fromisoformat(f"{text}T00:00:00.000001+00:00") for text in (at, expected))

    assert plus_years(began, years) == ended


def by_definition(at: date, months: int) -> date:
    """Count months one by one, then take the latest day that there is, at most the one that it was."""
    year, month, day = at.year, at.month, at.day
    for _ in range(months):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    while True:
        try:
            return date(year, month, day)
        except ValueError:
            day -= 1


@pytest.mark.parametrize("months", [1, 12, 60, 84])
def test_every_day_of_four_years_agrees_with_counting(months: int) -> None:
    for number in range(4 * 365 + 1):
        at = datetime(2026, 1, 1, 3, 15, tzinfo=UTC) + timedelta(days=number)

        expected = datetime.combine(by_definition(at.date(), months), at.timetz())
        assert plus_months(at, months) == expected
        if months % 12 == 0:
            assert plus_years(at, months // 12) == expected
