"""When a certificate is ripe, when its session is over, when it is tried again, and what its lock may be."""

from datetime import datetime, timedelta
from typing import Final

from econsent_jobs.certificate_processing.model import Pending, Session
from econsent_jobs.core.backoff import doubled
from econsent_jobs.core.errors import BadItem, ErrorClass

QUIET: Final = timedelta(seconds=120)  # chosen: no chunk for so long, and the recording probably ended with the submission
LONGEST_WAIT: Final = timedelta(minutes=30)  # chosen: then the certificate is finalised with the recording as it is
OVER_AFTER: Final = timedelta(minutes=30)  # chosen: a session without a chunk for so long is closed
MOST_ATTEMPTS: Final = 8
MOST_LOST_LEASES: Final = 3
FIRST_RETRY: Final = timedelta(seconds=60)
LONGEST_RETRY: Final = timedelta(hours=1)
CLOCK_TOLERANCE: Final = timedelta(minutes=5)  # a consent further in the future than this was not given yet


def ripe_at(pending: Pending) -> datetime:
    """Say when the certificate may be finalised; a time that has passed means now. Sources without a session are ripe at once."""
    session = pending.session
    if session is None or session.closed_at is not None:
        return pending.submitted_at
    longest = pending.submitted_at + LONGEST_WAIT
    return longest if session.last_chunk_at is None else min(longest, session.last_chunk_at + QUIET)


def is_over(session: Session, *, now: datetime) -> bool:
    """Say whether the session ended: the platform closed it, or no chunk came for 30 minutes."""
    return session.closed_at is not None or (session.last_chunk_at or session.started_at) + OVER_AFTER <= now


def retry_delay(attempts: int) -> timedelta:
    """Return how long to wait after the ``attempts``-th transient failure (1 and up): ``min(1 h, 60 s * 2^(attempts-1))``."""
    return doubled(attempts, first=FIRST_RETRY, longest=LONGEST_RETRY)


def check_consent_time(pending: Pending) -> None:
    """Raise BadItem (data) for a consent that the database's clock says is still to come."""
    if pending.consent_at > pending.read_at + CLOCK_TOLERANCE:
        raise BadItem(
            ErrorClass.DATA,
            f"the consent time {pending.consent_at.isoformat()} lies in the future; the form's server clock may be wrong",
        )


def archivable(pending: Pending) -> bool:
    """Say whether a lock until ``retain_until`` can be set.

    A date that has passed cannot be locked; a date past the seven-year ceiling must never reach S3, for no one could undo it.
    """
    assert pending.retain_until.microsecond == 0, f"a lock date in whole seconds: {pending.retain_until}"
    if pending.retain_until > pending.lock_ceiling_at:
        raise BadItem(ErrorClass.INTEGRITY, f"the lock date {pending.retain_until.isoformat()} is more than seven years after the consent")
    return pending.retain_until > pending.read_at
