"""What a mail is, and when it is tried again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from econsent_jobs.core.backoff import doubled
from econsent_jobs.core.letter import Letter

MOST_ATTEMPTS: Final = 30  # with the waits below, a day and a bit: a mail server that is down over night loses nothing
FIRST_RETRY: Final = timedelta(minutes=1)
LONGEST_RETRY: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One row of the outbox, leased under ``lease_token``. ``attempts`` counts this one too."""

    message_id: str
    recipients: Sequence[str]
    subject: str
    body: str
    attempts: int
    created_at: datetime
    lease_token: UUID

    @property
    def letter(self) -> Letter:
        """What goes to the mail server."""
        return Letter(
            message_id=self.message_id, recipients=self.recipients, subject=self.subject, body=self.body, created_at=self.created_at
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Mail that is due, and how long the oldest of it has been."""

    due: int
    oldest_seconds: int


def retry_delay(attempts: int) -> timedelta:
    """Return how long to wait after the ``attempts``-th failure (1 and up): ``min(1 h, 60 s * 2^(attempts-1))``."""
    return doubled(attempts, first=FIRST_RETRY, longest=LONGEST_RETRY)
