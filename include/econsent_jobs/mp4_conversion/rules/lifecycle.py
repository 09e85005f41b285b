"""When a session's recording may be converted, when it is tried again, and what the video's lock may be."""

from datetime import datetime, timedelta
from typing import Final

from econsent_jobs.core.backoff import doubled
from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.mp4_conversion.model import Session

MOST_ATTEMPTS: Final = 5
MOST_LOST_LEASES: Final = 3
FIRST_RETRY: Final = timedelta(minutes=2)
LONGEST_RETRY: Final = timedelta(minutes=16)
OVER_AFTER: Final = timedelta(minutes=30)  # a session without a chunk for so long is closed
LOOK_AGAIN: Final = timedelta(minutes=1)
REFUSALS: Final = frozenset({ErrorClass.DATA, ErrorClass.INTEGRITY})  # what was made is not wanted, or not as it has to be


def retry_delay(attempts: int) -> timedelta:
    """Return how long to wait after the ``attempts``-th transient failure (1 and up): 2, 4, 8, 16 minutes."""
    return doubled(attempts, first=FIRST_RETRY, longest=LONGEST_RETRY)


def convertible_at(session: Session) -> datetime:
    """Say when the recording may be converted; a time that has passed means now.

    An open session may still grow, and a certificate that is not finalised yet has neither an id nor a lock date.
    """
    if session.closed_at is None:
        over_at = (session.last_chunk_at or session.started_at) + OVER_AFTER
        if over_at > session.read_at:
            return over_at
    return session.read_at + LOOK_AGAIN if session.unfinished_certificates else session.read_at


def check_wanted(session: Session) -> None:
    """Raise BadItem (data) for a session whose video nobody may keep any more."""
    if session.retention_status != "retained":
        raise BadItem(ErrorClass.DATA, f"the session is {session.retention_status} and not retained, so it gets no video")
    if session.retain_until <= session.read_at:
        raise BadItem(
            ErrorClass.DATA, f"the evidence's lock ended at {session.retain_until.isoformat()}, so its video could not be locked any more"
        )
