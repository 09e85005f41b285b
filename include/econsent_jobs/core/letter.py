"""What a mail says, whoever sends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """``message_id`` may hold any text and is the same at every try, so that a second copy is known for one."""

    message_id: str
    recipients: Sequence[str]
    subject: str
    body: str
    created_at: datetime
