"""What happened to one thing, in dated lines that people read."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One step. ``at`` is when it happened, in UTC."""

    at: datetime
    text: str

    def __str__(self) -> str:
        return f"{clock_text(self.at)}  {self.text}"


def clock_text(at: datetime | None) -> str:
    """A time that people read: UTC, to the second."""
    return "an unknown time" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
