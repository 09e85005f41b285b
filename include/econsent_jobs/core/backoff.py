"""How long to wait after failures in a row."""

from datetime import timedelta
from typing import Final

MOST_DOUBLINGS: Final = 30  # no longest wait is reached later, and the number stays small


def doubled(failures: int, *, first: timedelta, longest: timedelta) -> timedelta:
    """Return the wait after the ``failures``-th failure in a row (1 and up): ``min(longest, first * 2^(failures-1))``."""
    assert failures >= 1, failures
    return min(longest, first * 2 ** min(failures - 1, MOST_DOUBLINGS))
