"""A proof that a deletion stands in the log: leaf, path and root, and where the root lies under lock. It verifies offline."""

from typing import Any, Final

from econsent_jobs.retention_enforcement.log import log_of
from econsent_jobs.retention_enforcement.model import Tombstone
from econsent_jobs.retention_enforcement.rules.merkle import leaf_document, leaf_hash
from econsent_jobs.retention_enforcement.tools import Tools

HOW: Final = (
    "leaf = SHA-256(0x00 || canonical JSON (RFC 8785) of tombstone); each node = SHA-256(0x01 || left || right);"
    " the path leads from the leaf to the root as in RFC 9162, 2.1.3.2;"
    " the root is the one in the named object, which lies under a COMPLIANCE lock."
)


def prove(tools: Tools, name: str) -> list[dict[str, Any]]:
    """Return a proof for each tombstone of this name that a stored root covers."""
    store = tools.store
    proofs: list[dict[str, Any]] = []
    for row in store.rows("find_tombstones", name=name):
        tombstone = Tombstone(**row)
        roots = store.rows("read_root", at_least=tombstone.log_no + 1)
        if not roots:
            continue
        root = roots[0]
        log = log_of(store, root["leaves"])
        proofs.append(
            {
                "tombstone": leaf_document(tombstone),
                "leaf": leaf_hash(tombstone).hex(),
                "place": tombstone.log_no,
                "leaves": root["leaves"],
                "path": [each.hex() for each in log.path(tombstone.log_no)],
                "root": root["root_sha256"],
                "rootObject": {"bucket": root["bucket"], "key": root["object_key"], "versionId": root["version_id"]},
                "how": HOW,
            }
        )
    return proofs
