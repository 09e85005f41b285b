"""How many objects a batch of deletions takes: as many as fit into the time that whoever places a hold may have to wait."""

from typing import Final

FIRST: Final = 250
LEAST: Final = 25
MOST: Final = 1_000  # what one DeleteObjects takes
QUICK_SECONDS: Final = 4.0
SLOW_SECONDS: Final = 10.0  # a third of what a hold waits at most


def next_size(size: int, *, seconds: float) -> int:
    """Return the size of the next batch after one of ``size`` took ``seconds``."""
    if seconds > SLOW_SECONDS:
        return max(LEAST, size // 2)
    return min(MOST, size * 2) if seconds < QUICK_SECONDS else size
