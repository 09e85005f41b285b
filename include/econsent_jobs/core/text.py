"""The text forms that are hashed. Two spellings of one text must give one hash."""

import unicodedata


def norm_text(text: str) -> str:
    """Return ``text`` in Unicode NFC, every run of white space as one space, trimmed."""
    return " ".join(unicodedata.normalize("NFC", text).split())
