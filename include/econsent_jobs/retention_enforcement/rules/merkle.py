"""A Merkle log as RFC 9162 (and RFC 6962) hashes it: leaves and nodes apart, and a path that proves one leaf to be in it."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from econsent_jobs.core.canonical_json import canonical_json, timestamp_text
from econsent_jobs.retention_enforcement.model import Tombstone

CHUNK: Final = 256  # leaves whose common hash is kept, so that roots and proofs of a long log read little
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def leaf_document(tombstone: Tombstone) -> dict[str, Any]:
    """Return what a leaf says, for people and for the hash."""
    return {
        "logNo": tombstone.log_no,
        "companyId": tombstone.company_id,
        "objectKey": tombstone.object_key,
        "versionId": tombstone.version_id,
        "bytes": tombstone.size_bytes,
        "sha256": tombstone.sha256,
        "rule": tombstone.rule,
        "runId": tombstone.run_id,
        "deletedAt": timestamp_text(tombstone.deleted_at),
    }


def leaf_hash(tombstone: Tombstone) -> bytes:
    return hashlib.sha256(b"\0" + canonical_json(leaf_document(tombstone))).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def split(size: int) -> int:
    """Return the largest power of two below ``size`` (2 and up)."""
    return 1 << (size - 1).bit_length() - 1


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash of a list of leaf hashes, or of the hashes of equal chunks of leaves (the last one may be shorter)."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        paired = [node_hash(level[place], level[place + 1]) for place in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log of ``size`` leaves. ``chunks``: the hashes of its complete chunks. ``leaves``: reads leaf hashes from one place to another."""

    size: int
    chunks: Sequence[bytes]
    leaves: Callable[[int, int], Sequence[bytes]]

    def root(self) -> bytes:
        return self.range_hash(0, self.size)

    def range_hash(self, begin: int, end: int) -> bytes:
        """Return the hash of the leaves ``begin`` to ``end`` (without it). ``begin`` has to be where a subtree begins."""
        if end - begin < CHUNK:
            return root_of(self.leaves(begin, end))
        whole = end - end % CHUNK
        tail = [root_of(self.leaves(whole, end))] if end > whole else []
        return root_of([*self.chunks[begin // CHUNK : whole // CHUNK], *tail])

    def path(self, place: int) -> list[bytes]:
        """Return the inclusion path of the leaf at ``place``, from the leaf up."""
        assert 0 <= place < self.size, f"leaf {place} of {self.size}"
        begin, end, path = 0, self.size, list[bytes]()
        while end - begin > 1:
            middle = begin + split(end - begin)
            if place < middle:
                path.append(self.range_hash(middle, end))
                end = middle
            else:
                path.append(self.range_hash(begin, middle))
                begin = middle
        return path[::-1]


def root_from_path(leaf: bytes, *, place: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that the path leads to (RFC 9162, 2.1.3.2); None where the path does not fit place and size."""
    if not 0 <= place < size:
        return None
    number, last, found = place, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if number & 1 or number == last:
            found = node_hash(sibling, found)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        number, last = number >> 1, last >> 1
    return found if last == 0 else None
