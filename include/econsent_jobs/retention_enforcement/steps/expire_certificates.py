"""Step 6: certificates past their time, and with them what is evidence for them. A claimed one has its buyer's time.

1. Lengthen what a longer policy, a later certificate or a claim needs for longer, and its locks.
2. Expire certificates that no hold covers, each with its entry in the audit trail; the index follows by the table's trigger.
3. Register the captured pages that still lie on the shared file system.
4. Mark the archived objects that are due, and those pages.
"""

from econsent_jobs.core.canonical_json import timestamp_text
from econsent_jobs.core.errors import BadItem
from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.lengthening import lengthen_locks
from econsent_jobs.retention_enforcement.marking import mark
from econsent_jobs.retention_enforcement.store import AuditEntry, Row
from econsent_jobs.retention_enforcement.turn import Turn, count


def expire_certificates(turn: Turn) -> JobResult:
    store, result = turn.tools.store, lengthen_locks(turn)
    for rows in turn.pages("find_expired_certificates", by="certificate_pk", everything=False):
        with store.transaction():
            result += expire(turn, rows)
    for rows in turn.pages("find_unlocked", by="object_id"):
        with store.transaction():
            found = mark(turn, [row["object_id"] for row in rows])
        result += count(changed=len(found.marked), skipped=len(rows) - len(found.marked))
    return result


def expire(turn: Turn, rows: list[Row]) -> JobResult:
    """Expire certificates and mark their captured pages, in the caller's transaction."""
    store, ends = turn.tools.store, {row["certificate_pk"]: row["expires_at"] for row in rows}
    expired = store.rows("expire_certificates", company_id=turn.company_id, certificate_pks=list(ends))
    turn.audit([audited(turn, row, expires_at=timestamp_text(ends[row["certificate_pk"]] or turn.now)) for row in expired])
    pks = [row["certificate_pk"] for row in expired]
    register_pages(turn, pks)
    mark(turn, [row["object_id"] for row in store.rows("find_objects", company_id=turn.company_id, certificate_pks=pks, session_ids=[])])
    turn.note("expire", objects=len(expired))
    return count(changed=len(expired), skipped=len(rows) - len(expired))


def audited(turn: Turn, row: Row, *, expires_at: str) -> AuditEntry:
    """The documented action: docs/platform/audit-log."""
    details = {"certificate_id": row["certificate_id"], "certificate_pk": row["certificate_pk"], "expires_at": expires_at}
    key = f"certificate:{row['certificate_pk']}:{turn.company_id}:certificate.expired:{expires_at}"
    return AuditEntry(action="certificate.expired", category="certificates", details=details, dedupe_key=key)


def register_pages(turn: Turn, certificate_pks: list[int]) -> None:
    """Give the captured pages of certificates their rows; one that cannot be read has no size, and goes all the same."""
    store, files = turn.tools.store, turn.files
    pages = store.rows("find_pages", company_id=turn.company_id, certificate_pks=certificate_pks)
    keys = [files.key_of(row["dom_staging_path"]) for row in pages]
    measured = [measure(turn, key) for key in keys]
    if pages:
        store.run(
            "register_pages",
            company_id=turn.company_id,
            certificate_pks=[row["certificate_pk"] for row in pages],
            object_keys=keys,
            sizes=[size for size, _ in measured],
            sha256s=[sha256 for _, sha256 in measured],
        )


EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def measure(turn: Turn, key: str) -> tuple[int, str]:
    try:
        return turn.files.sha256(key)
    except BadItem:
        return 0, EMPTY_SHA256
