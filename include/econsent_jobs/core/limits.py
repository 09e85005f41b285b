"""The bounds of one run. Every loop has one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """``batch_size``: items claimed at a time. ``run_seconds``: no new batch begins after this."""

    batch_size: int
    run_seconds: float

    def __post_init__(self) -> None:
        if self.batch_size <= 0 or self.run_seconds <= 0:
            raise ValueError(f"limits must be positive: {self}")
