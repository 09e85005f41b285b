"""The one form of a document that is hashed and signed: RFC 8785, with times as text."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, Final, cast

import rfc8785

from econsent_jobs.core.errors import BadItem, ErrorClass

LARGEST_INTEGER: Final = 2**53 - 1  # what a double still tells apart
LEAST_WITHOUT_EXPONENT: Final = 1e-4
WRITTEN_ALIKE: Final = {str, bool, type(None)}
ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, sort_keys=True, separators=(",", ":"))


def canonical_json(document: Any) -> bytes:
    """Return the RFC 8785 bytes of ``document``.

    Raises BadItem (data) for lone surrogates, huge integers, NaN, and more levels than Python can follow. The standard library's encoder
    is many times as fast as ``rfc8785``, and writes the same bytes for all that ``plain`` lets through.
    """
    try:
        try:
            return ENCODER.encode(plain(document)).encode()
        except NotPlain:
            return rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise BadItem(ErrorClass.DATA, f"the document cannot be written as canonical JSON: {error}") from error
    except RecursionError as error:
        raise BadItem(ErrorClass.DATA, "the document has too many levels to be written as canonical JSON") from error


class NotPlain(Exception):
    """The standard library might write this value in another way than RFC 8785 asks for."""


def plain(value: Any) -> Any:
    """Return ``value`` as the standard library's encoder writes it in RFC 8785's way. Raises NotPlain where it might not.

    That is: keys in ASCII, which sort alike by code point and by UTF-16; whole numbers as integers; fractions that need no exponent.
    """
    if type(value) in WRITTEN_ALIKE:
        return value
    if isinstance(value, dict):
        fields = cast("dict[Any, Any]", value)
        if not set(map(type, fields)) <= {str} or not "".join(fields).isascii():
            raise NotPlain
        return {key: plain(item) for key, item in fields.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, int | float) and -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        if value == (whole := int(value)):
            return whole
        if abs(value) >= LEAST_WITHOUT_EXPONENT:
            return value
    if isinstance(value, str):
        return value
    raise NotPlain


def sha256_hex(data: bytes) -> str:
    """Return the lower-case hexadecimal SHA-256, 64 characters."""
    return hashlib.sha256(data).hexdigest()


def timestamp_text(at: datetime) -> str:
    """Return ``YYYY-MM-DDTHH:MM:SS.mmmZ`` for an aware time, cut (not rounded) to milliseconds, so that no time moves into the future."""
    if at.tzinfo is None:
        raise ValueError(f"a time without its zone cannot become evidence: {at!r}")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
