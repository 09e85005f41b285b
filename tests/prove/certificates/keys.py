"""The signing keys of the proof: what one of them signed must verify after the other became current."""

from collections.abc import Mapping
from typing import Final

KEYS: Final[Mapping[str, str]] = {"key-1": "the first key of the proof, 32 b", "key-2": "the second key of the proof, 32b"}
