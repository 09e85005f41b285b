"""What an endpoint's answers say about the endpoint: when it is left alone, when it is tried again, when it is disabled.

The circuit opens at the fifth failure in a row, or when the receiver asks to be left alone. Once its time is over, one delivery goes as a
probe (*half open*): success closes the circuit, failure opens it for twice as long. Deliveries that wait meanwhile use up no attempts.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from econsent_jobs.core.backoff import doubled
from econsent_jobs.webhook_delivery_retry.model import Health, Verdict

OPENS_AT: Final = 5  # failures in a row
FIRST_OPEN: Final = timedelta(seconds=30)
LONGEST_OPEN: Final = timedelta(minutes=10)
JITTER: Final = 0.25  # so that endpoints of one broken provider are not all probed at once
DISABLED_AFTER: Final = timedelta(hours=72)  # with attempts, and without one success: one bad night disables nothing

ENABLED: Final = "enabled"
DISABLED: Final = "disabled_auto"
CLOSED: Final = "closed"
OPEN: Final = "open"


def after(health: Health, verdict: Verdict, *, jitter: float) -> Health:
    """Return the endpoint's health after one attempt. ``jitter`` lies in [-1, 1]. An endpoint that is not enabled stays as it is."""
    if health.status != ENABLED:
        return health
    if verdict.delivered:
        return replace(
            health,
            circuit=CLOSED,
            circuit_until=None,
            circuit_opened=0,
            consecutive_failures=0,
            first_failure_at=None,
            last_success_at=verdict.at,
        )
    first_failure_at = health.first_failure_at or verdict.at
    if verdict.gone or verdict.at - first_failure_at >= DISABLED_AFTER:
        return replace(health, status=DISABLED, first_failure_at=first_failure_at)
    failed = replace(health, first_failure_at=first_failure_at, consecutive_failures=health.consecutive_failures + 1)
    if failed.circuit == OPEN and failed.circuit_until is not None and failed.circuit_until > verdict.at:
        return failed  # one that was under way when the circuit opened says nothing new
    if failed.circuit == CLOSED and verdict.hold is None and failed.consecutive_failures < OPENS_AT:
        return failed
    pause = open_for(failed.circuit_opened, jitter=jitter)
    return replace(
        failed,
        circuit=OPEN,
        circuit_until=verdict.at + max(pause, min(verdict.hold or pause, LONGEST_OPEN)),
        circuit_opened=min(failed.circuit_opened + 1, 100),
    )


def open_for(opened_before: int, *, jitter: float) -> timedelta:
    """Return how long the circuit stays open: 30 s, doubling to 10 min, a quarter more or less."""
    return doubled(opened_before + 1, first=FIRST_OPEN, longest=LONGEST_OPEN) * (1 + JITTER * jitter)
