"""When an attempt is made again."""

from collections import Counter
from datetime import timedelta
from random import Random

import pytest

from econsent_jobs.webhook_delivery_retry.rules.backoff import MOST_RETRIES, backoff, delay, parse_retry_after
from tests.unit.webhook_delivery_retry.examples import NOW

MINUTES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 720, 720, 720, 720, 720]


def test_the_waits_double_up_to_twelve_hours() -> None:
    assert [backoff(number) for number in range(1, MOST_RETRIES + 1)] == [timedelta(minutes=minutes) for minutes in MINUTES]
    assert sum(MINUTES) / 60 == pytest.approx(77, abs=0.1)


@pytest.mark.parametrize(("jitter", "seconds", "percent"), [(-1, 45, -25), (0, 60, 0), (0.24, 63.6, 6), (1, 75, 25)])
def test_chance_takes_or_adds_up_to_a_quarter(jitter: float, seconds: float, percent: int) -> None:
    found = delay(1, jitter=jitter)

    assert (found.seconds, found.backoff_seconds, found.jitter_percent) == (pytest.approx(seconds), 60, percent)


@pytest.mark.parametrize(
    ("asked", "jitter", "seconds", "noted"),
    [
        pytest.param(timedelta(seconds=30), 0, 60, None, id="less than the backoff: the backoff holds"),
        pytest.param(timedelta(hours=1), -1, 3_600, 3_600, id="longer: never sooner than asked"),
        pytest.param(timedelta(hours=1), 1, 3_960, 3_600, id="longer: up to a tenth later, so that not all come at once"),
        pytest.param(timedelta(hours=12), 1, 43_200, 43_200, id="twelve hours are the most"),
        pytest.param(timedelta(days=30), 0, 43_200, 43_200, id="a month counts as twelve hours"),
    ],
)
def test_what_the_receiver_asks_for_counts_where_it_is_longer(asked: timedelta, jitter: float, seconds: float, noted: int | None) -> None:
    found = delay(1, jitter=jitter, retry_after=asked)

    assert (found.seconds, found.retry_after_seconds) == (pytest.approx(seconds), noted)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        (None, None),
        ("120", timedelta(seconds=120)),
        (" 120 ", timedelta(seconds=120)),
        ("0", timedelta()),
        ("9" * 400, None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("Mon, 02 Mar 2026 15:00:00 GMT", timedelta(hours=1)),
        ("Monday, 02-Mar-26 15:00:00 GMT", timedelta(hours=1)),
        ("Mon, 02 Mar 2026 13:00:00 GMT", None),
        ("Mon, 31 Feb 2031 25:61:61 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, wait: timedelta | None) -> None:
    assert parse_retry_after(text, now=NOW) == wait


@pytest.mark.parametrize("number", [1, 3, 6])
def test_the_wave_after_an_outage_is_spread(number: int) -> None:
    """In bins of a second over one delay the peak is at most three times the mean."""
    chance, span = Random(7), int(backoff(number).total_seconds())
    mean = 60
    bins = Counter(int(delay(number, jitter=chance.uniform(-1, 1)).seconds) for _ in range(mean * span))

    assert max(bins.values()) <= 3 * mean
