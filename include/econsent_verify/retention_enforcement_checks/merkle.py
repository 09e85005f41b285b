"""The log's hashes, written down a second time: the job's own are what is being checked."""

import hashlib
from collections.abc import Mapping
from typing import Any

from econsent_jobs.core.canonical_json import canonical_json, timestamp_text


def leaf_of(row: Mapping[str, Any]) -> bytes:
    """Return the leaf hash of a tombstone's row."""
    document = {
        "bytes": row["bytes"],
        "companyId": row["company_id"],
        "deletedAt": timestamp_text(row["deleted_at"]),
        "logNo": row["log_no"],
        "objectKey": row["object_key"],
        "rule": row["rule"],
        "runId": row["run_id"],
        "sha256": row["sha256"],
        "versionId": row["version_id"],
    }
    return hashlib.sha256(b"\x00" + canonical_json(document)).digest()


class Growing:
    """A tree that takes leaf after leaf and holds only the roots of its perfect subtrees, the largest first."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        level, found = 0, leaf
        while self._peaks and self._peaks[-1][0] == level:
            found = hashlib.sha256(b"\x01" + self._peaks.pop()[1] + found).digest()
            level += 1
        self._peaks.append((level, found))
        self.size += 1

    def root(self) -> bytes:
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        found = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            found = hashlib.sha256(b"\x01" + peak + found).digest()
        return found


def proves(proof: Mapping[str, Any]) -> bool:
    """Whether a proof, as ``./econsent retention prove`` prints it, leads from its tombstone to its root. Needs nothing else."""
    document = canonical_json(proof["tombstone"])
    found = hashlib.sha256(b"\x00" + document).digest()
    if found.hex() != proof["leaf"] or proof["tombstone"]["logNo"] != proof["place"]:
        return False
    number, last = proof["place"], proof["leaves"] - 1
    for text in proof["path"]:
        sibling = bytes.fromhex(text)
        if last == 0:
            return False
        if number % 2 or number == last:
            found = hashlib.sha256(b"\x01" + sibling + found).digest()
            while number % 2 == 0 and number:
                number, last = number // 2, last // 2
        else:
            found = hashlib.sha256(b"\x01" + found + sibling).digest()
        number, last = number // 2, last // 2
    return last == 0 and found.hex() == proof["root"]
