"""When a cron schedule is due, as Airflow's ``CronTriggerTimetable`` means it.

Where the hour field is ``*`` the schedule goes on by elapsed time, so a quarter-hourly job loses and doubles nothing on the night when
clocks change. Any other schedule is due at its time on the wall: once where that hour comes twice (the later one), and an hour later where
it does not exist.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from croniter import croniter

CHANGE: Final = timedelta(hours=3)  # longer than any change of clocks


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron expression of five fields in a time zone's wall clock."""

    cron: str
    timezone: str = "UTC"

    def after(self, at: datetime) -> datetime:
        """Return the first due time later than ``at``, aware UTC."""
        return self._after(at.astimezone(UTC).replace(second=0, microsecond=0))

    @lru_cache(maxsize=1024)  # noqa: B019 a schedule is a value; what follows a minute is asked for again and again
    def _after(self, minute: datetime) -> datetime:
        return next(self._due(minute, forwards=True))

    def up_to(self, at: datetime, count: int) -> tuple[datetime, ...]:
        """Return the last ``count`` due times that are not later than ``at``, oldest first."""
        return self._up_to(at.astimezone(UTC).replace(second=0, microsecond=0), count)

    @lru_cache(maxsize=128)  # noqa: B019 a schedule is a value; its ticks are asked for again and again within a minute
    def _up_to(self, minute: datetime, count: int) -> tuple[datetime, ...]:
        return tuple(islice(self._due(minute + timedelta(minutes=1), forwards=False), count))[::-1]

    def _due(self, at: datetime, *, forwards: bool) -> Iterator[datetime]:
        """Yield the due times after or before ``at``, which is UTC in whole minutes, as due times are."""
        zone = ZoneInfo(self.timezone)
        wall = at.astimezone(zone).replace(tzinfo=None)
        by_elapsed_time = self.cron.split()[1] == "*"
        # The wall clock may be put back or on near here, so a search by it begins on the far side of any such change.
        margin = timedelta() if by_elapsed_time else -CHANGE if forwards else CHANGE
        cron = croniter(self.cron, start_time=wall + margin)
        while True:
            due_wall: datetime = cron.get_next(datetime) if forwards else cron.get_prev(datetime)
            due = at + (due_wall - wall) if by_elapsed_time else instant_of(due_wall, zone)
            if due > at if forwards else due < at:
                at, wall = due, due_wall
                yield due


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment, UTC, at which a clock in ``zone`` shows ``wall``: the later of two; where there is none, shifted by the gap."""
    later = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if later.astimezone(zone).replace(tzinfo=None) == wall:
        return later
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
