"""The signature over a webhook's body, written down a second time (docs/helpcenter/5): HMAC-SHA256 over the raw bytes, in hexadecimal.

Golden vectors are RFC 4231's, cases 1, 2 and 6, and three that were computed by ``openssl dgst -sha256 -hmac``.
"""

import hashlib
import hmac
from typing import Final

HEADER: Final = "x-econsent-signature"
PREFIX: Final = "sha256="


def signature_of(secret: bytes, body: bytes) -> str:
    """``sha256=<hex>`` as the documented header carries it."""
    return PREFIX + hmac.new(secret, body, hashlib.sha256).hexdigest()


def is_signed(header: str | None, *, secret: bytes, body: bytes) -> bool:
    return header is not None and hmac.compare_digest(header.encode(), signature_of(secret, body).encode())
