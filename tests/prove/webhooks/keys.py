"""The keys that seal webhook secrets in the proof: what one of them sealed must open after the other became current."""

from collections.abc import Mapping
from typing import Final

from econsent_jobs.webhook_delivery_retry.model import SecretKeys

KEYS: Final[Mapping[str, bytes]] = {"key-1": b"the first key of the proof, 32 b", "key-2": b"the second key of the proof, 32b"}


def keys_with(current: str) -> SecretKeys:
    return SecretKeys(key_id=current, key=KEYS[current], retired={name: key for name, key in KEYS.items() if name != current})
