"""Whose trouble it is when nobody is reached: the receivers', or that of this machine's own way out.

Receivers at several places that answered within the last hour do not all go at one moment. When none of them can be reached and nobody else
answers either, it is our network or our DNS, and no delivery may lose an attempt to that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from econsent_jobs.webhook_delivery_retry.model import Outcome

FEWEST_PLACES: Final = 5  # fewer may well fail together
PATIENCE_SECONDS: Final = 2.5  # for an answer from anywhere, before it is decided
UNREACHED: Final = frozenset({Outcome.DNS, Outcome.DNS_TIMEOUT, Outcome.CONNECT, Outcome.CONNECT_TIMEOUT})


class WayOut(Enum):
    OPEN = auto()
    DOUBTFUL = auto()
    BROKEN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreached:
    """An attempt that reached nobody. ``place``: host and port of a receiver that answered well lately. ``at``: its end, monotonic."""

    place: str
    at: float


def judge(
    unreached: Sequence[Unreached], *, reached_at: float, now: float, under_way: int, patience_seconds: float = PATIENCE_SECONDS
) -> WayOut:
    """Say what attempts that reached nobody tell. ``reached_at``: when anybody last answered anything, even nonsense."""
    if not unreached:
        return WayOut.OPEN
    first = min(each.at for each in unreached)
    if reached_at >= first:
        return WayOut.OPEN
    if under_way and now - first < patience_seconds:
        return WayOut.DOUBTFUL
    return WayOut.BROKEN if len({each.place for each in unreached}) >= FEWEST_PLACES else WayOut.OPEN
