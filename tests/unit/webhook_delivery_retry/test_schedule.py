"""Waits: how they grow, how a wave of them is spread, and what a receiver may ask for."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from econsent_jobs.webhook_delivery_retry.rules.backoff import LONGEST_RETRY, backoff, delay, parse_retry_after
from tests.prove.webhooks.hostile import RETRY_AFTER

WAVE = 20_000
MEAN = 10
"""Deliveries a second, when a wave that failed in one second is spread evenly over the width of its jitter."""


@pytest.mark.parametrize("retry_no", range(1, 16))
def test_a_wave_that_fails_together_comes_back_spread_out(retry_no: int) -> None:
    """In bins of one second over one delay, the fullest holds at most three times the mean."""
    random, width = Random(retry_no), round(backoff(retry_no).total_seconds() * 0.5)
    waits = [delay(retry_no, jitter=random.uniform(-1, 1)).seconds for _ in range(MEAN * width)]
    bins = Counter(int(wait) for wait in waits)

    assert max(bins.values()) <= 3 * MEAN
    assert len(bins) >= width * 0.99


@pytest.mark.parametrize("retry_no", [1, 4, 11])
def test_a_wave_that_is_told_when_to_come_back_is_spread_too(retry_no: int) -> None:
    random = Random(retry_no)
    asked = timedelta(hours=6)
    waits = [delay(retry_no, jitter=random.uniform(-1, 1), retry_after=asked).seconds for _ in range(WAVE)]
    bins = Counter(int(wait) for wait in waits if wait > backoff(retry_no).total_seconds() * 1.25)

    assert min(waits) >= 0.75 * backoff(retry_no).total_seconds()
    assert not bins or max(bins.values()) <= 3 * sum(bins.values()) / len(bins) + 3


def test_fifteen_retries_survive_a_weekend() -> None:
    whole = sum((backoff(retry_no) for retry_no in range(1, 16)), timedelta())

    assert timedelta(hours=76) < whole < timedelta(hours=78)


@pytest.mark.parametrize(("made", "worth"), RETRY_AFTER.values(), ids=RETRY_AFTER)
def test_what_a_receiver_asks_for_counts_up_to_half_a_day(made: object, worth: int | None) -> None:
    assert callable(made)
    now = datetime.now(UTC)
    wait = delay(1, jitter=0.0, retry_after=parse_retry_after(made(), now=now))

    assert wait.seconds <= LONGEST_RETRY.total_seconds()
    if worth is None:
        assert (wait.seconds, wait.retry_after_seconds) == (60, None)
    else:
        assert wait.retry_after_seconds is not None
        assert worth - 2 <= wait.retry_after_seconds <= worth  # a date is cut to whole seconds
        assert worth - 2 <= wait.seconds <= min(worth * 1.1, LONGEST_RETRY.total_seconds())
