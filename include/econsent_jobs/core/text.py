"""Text as it is hashed, where two spellings must give one hash, and as people read it."""

import unicodedata


def norm_text(text: str) -> str:
    """Return ``text`` in Unicode NFC, every run of white space as one space, trimmed."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return ``1 payment`` or ``2 payments``; ``many`` where it is not ``one`` with an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
