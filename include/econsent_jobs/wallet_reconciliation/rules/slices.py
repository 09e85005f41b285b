"""How much is posted under one hold of a wallet's lock."""


def next_slice(size: int, seconds: float, *, wanted_seconds: float, smallest: int, largest: int) -> int:
    """Return the size of the slice after one of ``size`` that held the lock for ``seconds``: at most twice that, never above ``largest``.

    A lock is to be held for about ``wanted_seconds``; the machine's speed today is what the last slice showed.
    """
    fitting = size * 2 if seconds <= 0 else int(size * wanted_seconds / seconds)
    return max(smallest, min(largest, fitting, size * 2))
