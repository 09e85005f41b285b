"""How much goes into one ``_bulk``: it grows while the server is quick, and shrinks at once when it is not."""

from typing import Final

FIRST_BYTES: Final = 1024**2
FEWEST_BYTES: Final = 64 * 1024
MOST_BYTES: Final = 8 * 1024**2
QUICK_SECONDS: Final = 0.5
SLOW_SECONDS: Final = 5.0


def next_bulk_bytes(bulk_bytes: int, *, seconds: float, refused: bool) -> int:
    """Return the size of the next bulk after one of about ``bulk_bytes`` that took ``seconds``; ``refused``: a 429, a 503 or a time-out."""
    if refused or seconds > SLOW_SECONDS:
        return max(FEWEST_BYTES, bulk_bytes // 2)
    if seconds < QUICK_SECONDS:
        return min(MOST_BYTES, bulk_bytes * 3 // 2)
    return bulk_bytes
