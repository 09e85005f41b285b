"""What can go wrong, in the words that an administrator reads.

A job raises TransientError or PermanentError when the run itself cannot go on. One bad item is no reason to raise: its BadItem is
caught where the item is in hand, written down with its class and sentence, and the run goes on.
"""

from enum import StrEnum


class ErrorClass(StrEnum):
    """The causes that Cron Management names. The first three are the platform's documented ones."""

    DB_CONNECTIVITY = "db_connectivity"
    S3_WRITE = "s3_write"
    QUEUE_CONGESTION = "queue_congestion"
    ES_WRITE = "es_write"
    HTTP_DELIVERY = "http_delivery"
    INTEGRITY = "integrity"
    RENDER = "render"
    DATA = "data"
    CONFIG = "config"
    TIMEOUT = "timeout"
    UNKNOWN = "unknown"


class EconsentError(Exception):
    """The root of all that a job raises on purpose: a class to sort by, and one sentence that says what happened and what to do."""

    def __init__(self, error_class: ErrorClass, reason: str) -> None:
        super().__init__(error_class, reason)
        self.error_class = error_class
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.error_class}: {self.reason}"


class TransientError(EconsentError):
    """It may work next time. ``retry_after_seconds`` is what the other side asked for, None where it asked for nothing."""

    def __init__(self, error_class: ErrorClass, reason: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(error_class, reason)
        self.retry_after_seconds = retry_after_seconds


class PermanentError(EconsentError):
    """Trying again cannot help: somebody has to change something first."""


class LimitExceeded(PermanentError):
    """A bound was reached that a person has to lift. The message names the limit, what was selected and the whole."""

    def __init__(self, error_class: ErrorClass, *, what: str, limit: int, selected: int, whole: int) -> None:
        super().__init__(error_class, f"{what}: {selected} of {whole} selected, at most {limit} allowed")


class BadItem(EconsentError):
    """One item can never succeed as it is. It is quarantined with this class and sentence; nothing else stops."""
