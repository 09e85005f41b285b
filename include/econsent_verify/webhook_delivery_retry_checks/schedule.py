"""When the next attempt may come: ``min(12 h, 60 s · 2^(n-1))`` after attempt n, ±25 %, or what the receiver asked for."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from econsent_verify.findings import Difference
from econsent_verify.webhook_delivery_retry_checks.findings import Trouble

Row = dict[str, Any]

FIRST: Final = timedelta(seconds=60)
LONGEST: Final = timedelta(hours=12)
JITTER: Final = 0.25
TRIES: Final = 16
"""The first attempt and 15 retries; a replay adds as many."""
ASKED_FOR: Final = frozenset({429, 503})
"""Statuses whose Retry-After counts."""
CLOCKS_APART: Final = timedelta(seconds=2)
"""Two processes' clocks, and milliseconds that were cut."""
WRITTEN_DOWN: Final = timedelta(minutes=10)
"""So much later than its end an attempt may be written down; the wait begins then. No run lasts longer."""


def wait_after(attempt_no: int) -> timedelta:
    """The wait without jitter after the attempt of this number, 1 upwards within one series."""
    return min(LONGEST, FIRST * 2 ** min(attempt_no - 1, 20))


def bounds(attempt: Row, *, number: int, written_down: timedelta = WRITTEN_DOWN) -> tuple[datetime, datetime]:
    """The earliest and the latest moment of the attempt that follows ``attempt``, the ``number``-th of its series."""
    end = ended_at(attempt)
    wait = wait_after(number)
    latest = wait * (1 + JITTER)
    if attempt["status_code"] in ASKED_FOR:
        latest = max(latest, LONGEST)
    return end + wait * (1 - JITTER) - CLOCKS_APART, end + latest + written_down


def ended_at(attempt: Row) -> datetime:
    return attempt["started_at"] + timedelta(milliseconds=attempt["duration_ms"])


def check_waits(attempts: Sequence[Row], *, reopened: bool) -> Iterator[Difference]:
    """Each attempt comes after the one before it, and not before its wait is over; a person who reopened a delivery may have cut waits."""
    for before, attempt in pairwise(attempts):
        earliest, _ = bounds(before, number=before["attempt_no"])
        if reopened:
            earliest = before["started_at"]
        if attempt["started_at"] < earliest:
            yield Difference(
                trouble=Trouble.SCHEDULE,
                what=f"attempt {attempt['attempt_no']}",
                expected=f"at or after {earliest.isoformat(timespec='seconds')}",
                found=attempt["started_at"].isoformat(timespec="seconds"),
            )


def check_backoffs(attempts: Sequence[Row], *, reopened: bool, waiting: bool) -> Iterator[Difference]:
    """Each failed attempt that another one follows notes the backoff that its number has; the last one too while a retry is waited for."""
    for attempt in attempts if waiting else attempts[:-1]:
        number = attempt["attempt_no"]
        expected = int(wait_after(number).total_seconds())
        if not reopened and attempt["backoff_seconds"] != expected:
            yield Difference(
                trouble=Trouble.SCHEDULE,
                what=f"attempt {number}, backoff_seconds",
                expected=str(expected),
                found=str(attempt["backoff_seconds"]),
            )


def check_next(delivery: Row, attempts: Sequence[Row], *, reopened: bool, written_down: timedelta) -> Iterator[Difference]:
    """A delivery that waits for a retry waits as long as its backoff says."""
    if delivery["status"] != "retrying" or not attempts or reopened:
        return
    earliest, latest = bounds(attempts[-1], number=attempts[-1]["attempt_no"], written_down=written_down)
    asked = attempts[-1]["retry_after_seconds"]
    if asked is not None:
        earliest = max(earliest, ended_at(attempts[-1]) + timedelta(seconds=asked) - CLOCKS_APART)
    if not earliest <= delivery["next_attempt_at"] <= latest:
        yield Difference(
            trouble=Trouble.SCHEDULE,
            what="webhook_deliveries.next_attempt_at",
            expected=f"between {earliest.isoformat(timespec='seconds')} and {latest.isoformat(timespec='seconds')}",
            found=delivery["next_attempt_at"].isoformat(timespec="seconds"),
        )
