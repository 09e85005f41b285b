"""What an attempt's outcome means for its delivery."""

from datetime import datetime
from typing import Final

from econsent_jobs.core.errors import ErrorClass
from econsent_jobs.webhook_delivery_retry.model import Attempted, Claimed, Outcome, Settled, Verdict
from econsent_jobs.webhook_delivery_retry.rules.backoff import MOST_RETRIES, delay, parse_retry_after

MOST_LOST_LEASES: Final = 3
SERIES: Final = MOST_RETRIES + 1  # attempts that a delivery, and each replay of it, may have
ASKS_TO_WAIT: Final = frozenset({429, 503})  # the only answers whose Retry-After counts


def outcome_of(status_code: int, *, truncated: bool, encoded: bool) -> Outcome:
    """Name the outcome of a complete answer. Redirects are failures: following one would leave the checked address."""
    match status_code // 100:
        case 2 if encoded:
            return Outcome.SUCCESS_OPAQUE
        case 2:
            return Outcome.SUCCESS_TRUNCATED if truncated else Outcome.SUCCESS
        case 3:
            return Outcome.REDIRECT
        case _:
            return Outcome.GONE if status_code == 410 else Outcome.HTTP_ERROR


def settle(claimed: Claimed, attempted: Attempted, *, now: datetime, jitter: float, ago_seconds: float) -> Settled:
    """Say what becomes of the delivery: delivered, tried again and when, or a dead letter."""
    if attempted.delivered:
        return Settled(claimed=claimed, status="delivered", attempted=attempted, at=now, ago_seconds=ago_seconds)
    last = claimed.attempt_no >= claimed.max_attempts
    sentence = attempted.error or f"the receiver answered {attempted.status_code}"
    if last or attempted.outcome is Outcome.GONE:
        return Settled(
            claimed=claimed,
            status="exhausted",
            attempted=attempted,
            at=now,
            ago_seconds=ago_seconds,
            error_class=ErrorClass.HTTP_DELIVERY,
            error=sentence,
        )
    asked = parse_retry_after(attempted.retry_after, now=now) if attempted.status_code in ASKS_TO_WAIT else None
    return Settled(
        claimed=claimed,
        status="retrying",
        attempted=attempted,
        at=now,
        ago_seconds=ago_seconds,
        delay=delay(retry_no_of(claimed), jitter=jitter, retry_after=asked),
        error_class=ErrorClass.HTTP_DELIVERY,
        error=sentence,
    )


def retry_no_of(claimed: Claimed) -> int:
    """Number the retry that follows this attempt. A replay begins a new series of 16 attempts, and its waits begin with the first again."""
    return max(1, claimed.attempt_no - (claimed.max_attempts - SERIES))


def verdict_of(attempted: Attempted, *, at: datetime) -> Verdict:
    """Say what an attempt that ended ``at`` tells about its endpoint."""
    asked = parse_retry_after(attempted.retry_after, now=at) if attempted.status_code in ASKS_TO_WAIT else None
    return Verdict(at=at, delivered=attempted.delivered, gone=attempted.outcome is Outcome.GONE, hold=asked)


def unsendable(claimed: Claimed) -> Settled | None:
    """Return the end of a delivery that must not be sent: it may be what ends workers, or its body is gone. None for all others."""
    if claimed.lost_leases >= MOST_LOST_LEASES:
        return dead(claimed, ErrorClass.TIMEOUT, f"{claimed.lost_leases} workers ended while this delivery was in hand; look at their logs")
    if claimed.body is None:
        return dead(claimed, ErrorClass.DATA, "the event's body was dropped, so there is nothing left to send")
    if claimed.attempts >= claimed.max_attempts:
        return dead(claimed, ErrorClass.HTTP_DELIVERY, f"all {claimed.max_attempts} attempts were made")
    return None


def dead(claimed: Claimed, error_class: ErrorClass, error: str) -> Settled:
    return Settled(
        claimed=claimed, status="exhausted", attempted=None, at=claimed.read_at, ago_seconds=0, error_class=error_class, error=error
    )
