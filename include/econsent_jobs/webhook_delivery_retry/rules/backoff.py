"""When an attempt is made again: 1, 2, 4 … 512, then 720 minutes, a quarter more or less by chance, or when the receiver asked for it."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from econsent_jobs.core.backoff import doubled
from econsent_jobs.webhook_delivery_retry.model import Delay

FIRST_RETRY: Final = timedelta(seconds=60)
LONGEST_RETRY: Final = timedelta(hours=12)
MOST_RETRIES: Final = 15  # about 77 hours in all, so that a weekend is survived
JITTER: Final = 0.25  # of the backoff, either way: what failed together must not come back together
LATER: Final = 0.1  # of what the receiver asked for, on top: never sooner, and not all at once

SECONDS: Final = re.compile(r"[0-9]{1,10}")


def backoff(retry_no: int) -> timedelta:
    """Return the delay before retry ``retry_no`` (1 and up), before jitter: ``min(12 h, 60 s * 2^(n-1))``."""
    return doubled(retry_no, first=FIRST_RETRY, longest=LONGEST_RETRY)


def delay(retry_no: int, *, jitter: float, retry_after: timedelta | None = None) -> Delay:
    """Return how long to wait before retry ``retry_no``. ``jitter`` lies in [-1, 1].

    What the receiver asked for counts where it is longer than the backoff; up to 12 hours of it.
    """
    assert -1 <= jitter <= 1, jitter
    plain = backoff(retry_no)
    seconds = plain.total_seconds() * (1 + JITTER * jitter)
    asked = None if retry_after is None else min(retry_after, LONGEST_RETRY).total_seconds()
    if asked is None or asked <= seconds:
        return Delay(
            seconds=seconds,
            backoff_seconds=round(plain.total_seconds()),
            jitter_percent=round(100 * JITTER * jitter),
            retry_after_seconds=None,
        )
    spread = LATER * (jitter + 1) / 2
    longest = LONGEST_RETRY.total_seconds()
    return Delay(
        seconds=asked if asked == longest else min(longest, asked * (1 + spread)),
        backoff_seconds=round(plain.total_seconds()),
        jitter_percent=round(100 * spread),
        retry_after_seconds=round(asked),
    )


def parse_retry_after(text: str | None, *, now: datetime) -> timedelta | None:
    """Read a Retry-After header (RFC 9110, 10.2.3): seconds, or a date. None for none, for a past date, and for what is neither."""
    if text is None:
        return None
    if SECONDS.fullmatch(text.strip()):
        return timedelta(seconds=int(text))
    try:
        at = parsedate_to_datetime(text.strip())
    except (ValueError, TypeError, OverflowError):
        return None
    wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    return wait if wait > timedelta() else None
