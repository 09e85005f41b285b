"""The one form of a document that is hashed and signed: RFC 8785, with times as text."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import rfc8785

from econsent_jobs.core.errors import BadItem, ErrorClass


def canonical_json(document: Any) -> bytes:
    """Return the RFC 8785 bytes of ``document``. Raises BadItem (data) for lone surrogates, huge integers and NaN."""
    try:
        return rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise BadItem(ErrorClass.DATA, f"the document cannot be written as canonical JSON: {error}") from error


def sha256_hex(data: bytes) -> str:
    """Return the lower-case hexadecimal SHA-256, 64 characters."""
    return hashlib.sha256(data).hexdigest()


def timestamp_text(at: datetime) -> str:
    """Return ``YYYY-MM-DDTHH:MM:SS.mmmZ`` for an aware time, cut (not rounded) to milliseconds, so that no time moves into the future."""
    if at.tzinfo is None:
        raise ValueError(f"a time without its zone cannot become evidence: {at!r}")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
