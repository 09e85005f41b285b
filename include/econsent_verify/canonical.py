"""The form in which documents are hashed, by the library alone: what a job wrote is not proven by the job's own encoder."""

from typing import Any

import rfc8785


def canonical(value: Any) -> bytes | None:
    """Return the RFC 8785 bytes, or None for what has no such form (lone surrogates, NaN, huge integers)."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        return None
