"""Endpoints' signing secrets at rest: AES-256-GCM under a key that is not in the database.

The cipher text is bound to its endpoint and number, so that one row's secret cannot be moved into another's.
"""

import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.webhook_delivery_retry.model import Secret, SecretKeys, StoredSecret

NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32
PURPOSE: Final = b"econsent webhook secrets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What a row of ``webhook_secrets`` holds: nonce, cipher text and tag in one, and the id of the key."""

    ciphertext: bytes = field(repr=False)
    key_id: str


def seal_secret(keys: SecretKeys, *, endpoint_id: str, secret_no: int, secret: str) -> Sealed:
    """Encrypt a secret under the current key."""
    nonce = os.urandom(NONCE_BYTES)
    cipher = AESGCM(derived_key(keys.key))
    return Sealed(ciphertext=nonce + cipher.encrypt(nonce, secret.encode(), bound_to(endpoint_id, secret_no)), key_id=keys.key_id)


def open_secret(keys: SecretKeys, stored: StoredSecret) -> Secret:
    """Decrypt a secret. Raises BadItem (config) where its key is not known, (integrity) where the row is not what was sealed."""
    key = keys.key if stored.key_id == keys.key_id else keys.retired.get(stored.key_id)
    if key is None:
        raise BadItem(
            ErrorClass.CONFIG,
            f"the signing secret {stored.secret_no} of {stored.endpoint_id} was sealed by the key {stored.key_id!r}, which is unknown here:"
            " add it under retired to the Connection econsent_webhook_key",
        )
    try:
        value = AESGCM(derived_key(key)).decrypt(
            stored.ciphertext[:NONCE_BYTES], stored.ciphertext[NONCE_BYTES:], bound_to(stored.endpoint_id, stored.secret_no)
        )
    except (InvalidTag, ValueError) as error:
        raise BadItem(
            ErrorClass.INTEGRITY,
            f"the signing secret {stored.secret_no} of {stored.endpoint_id} is not what was sealed by the key {stored.key_id!r}:"
            " the row or the key was changed",
        ) from error
    return Secret(value=value, documented_header=stored.documented_header, ends_at=stored.ends_at)


@lru_cache(maxsize=64)
def derived_key(key: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=PURPOSE).derive(key)


def bound_to(endpoint_id: str, secret_no: int) -> bytes:
    return f"{endpoint_id}\x1f{secret_no}".encode()
