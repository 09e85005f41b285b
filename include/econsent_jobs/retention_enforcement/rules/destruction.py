"""What proves deletions: the root of the log, and each month's certificate of destruction."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from econsent_jobs.core.canonical_json import canonical_json, timestamp_text
from econsent_jobs.core.identifiers import path_segment
from econsent_jobs.retention_enforcement.model import Tombstone
from econsent_jobs.retention_enforcement.rules.calendar import plus_years
from econsent_jobs.retention_enforcement.rules.merkle import leaf_document, leaf_hash

KEPT_YEARS: Final = 7
KEY_DIGITS: Final = 16


def root_document(*, leaves: int, root_sha256: str, made_at: datetime) -> bytes:
    return canonical_json({"schema": 1, "what": "root", "leaves": leaves, "root": root_sha256, "madeAt": timestamp_text(made_at)})


def root_key(leaves: int, *, document_sha256: str) -> str:
    """Name a root's object, in the order of the log, and by its bytes: a database restored from an older back-up makes another root of as
    many leaves, and the one under lock is never overwritten.
    """
    return f"tombstones/roots/{leaves:012d}-{document_sha256[:KEY_DIGITS]}.json"


def certificate_document(
    tombstones: Sequence[Tombstone], *, company_id: str, month: date, leaves: int, root_sha256: str, made_at: datetime
) -> bytes:
    """Return a certificate of destruction: what was deleted, by which rule, and the root that proves it."""
    rules = Counter(tombstone.rule for tombstone in tombstones)
    document: dict[str, Any] = {
        "schema": 1,
        "what": "certificate of destruction",
        "companyId": company_id,
        "month": f"{month:%Y-%m}",
        "madeAt": timestamp_text(made_at),
        "objects": len(tombstones),
        "bytes": sum(tombstone.size_bytes for tombstone in tombstones),
        "byRule": dict(sorted(rules.items())),
        "leaves": leaves,
        "root": root_sha256,
        "deleted": [{**leaf_document(tombstone), "leaf": leaf_hash(tombstone).hex()} for tombstone in tombstones],
    }
    return canonical_json(document)


def certificate_key(company_id: str, month: date, *, document_sha256: str) -> str:
    """Name a certificate's object by its bytes too, for the same reason."""
    return f"tombstones/certificates/{path_segment(company_id)}/{month:%Y-%m}-{document_sha256[:KEY_DIGITS]}.json"


def kept_until(made_at: datetime) -> datetime:
    """Seven calendar years, in the whole seconds that S3 keeps."""
    return plus_years(made_at, KEPT_YEARS).replace(microsecond=0)
