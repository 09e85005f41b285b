"""Due times are Airflow's: this asks its own timetable."""

from datetime import UTC, datetime, timedelta

import pytest
from airflow.timetables._cron import CronMixin
from pendulum import instance

from econsent_airflow.cron_management.schedule import Schedule

CRONS = ("*/3 * * * *", "7 * * * *", "15 3 * * *", "0 9 * * 1-5", "0 0 29 2 *")
NIGHTS = ("2026-03-28T20:07:30", "2026-10-24T20:00:00", "2028-02-28T22:59:59.5", "2026-12-31T23:58:00")


@pytest.mark.parametrize("cron", CRONS)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Zurich"])
def test_ten_ticks_are_those_of_airflow(cron: str, zone: str) -> None:
    timetable = CronMixin(cron, timezone=zone)
    for night in NIGHTS:
        at = datetime.fromisoformat(night).replace(tzinfo=UTC)
        for _ in range(10):
            due = Schedule(cron, zone).after(at)
            assert due == timetable._get_next(instance(at))
            assert Schedule(cron, zone).up_to(due, 1) == (due,)
            at = due


def test_the_hour_that_comes_twice_has_one_tick_and_the_one_that_is_missing_too() -> None:
    autumn = Schedule("30 1 * * *", "America/New_York").up_to(datetime(2026, 11, 2, tzinfo=UTC), 1)
    spring = Schedule("30 2 * * *", "America/New_York").up_to(datetime(2026, 3, 9, tzinfo=UTC), 2)

    assert autumn == (datetime(2026, 11, 1, 6, 30, tzinfo=UTC),)
    assert spring == (datetime(2026, 3, 7, 7, 30, tzinfo=UTC), datetime(2026, 3, 8, 7, 30, tzinfo=UTC))


def test_ticks_up_to_a_moment_end_with_it() -> None:
    at = datetime(2026, 11, 25, 12, 6, tzinfo=UTC)

    assert Schedule("*/3 * * * *").up_to(at, 2) == (at - timedelta(minutes=3), at)
    assert Schedule("*/3 * * * *").up_to(at - timedelta(microseconds=1), 1) == (at - timedelta(minutes=3),)
