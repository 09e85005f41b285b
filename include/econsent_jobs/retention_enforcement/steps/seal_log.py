"""After the deletions: put the night's root, and the certificates of months that are over, under lock.

1. Seal the root of the log as it stands, if it grew: the exact bytes are committed before they are sent.
2. Seal a certificate of destruction for each company and month that is over.
3. Send what is sealed, each once, under a lock of seven years.
"""

from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.results import JobResult
from econsent_jobs.io.object_store import LockedObject
from econsent_jobs.retention_enforcement.log import log_of
from econsent_jobs.retention_enforcement.model import Tombstone
from econsent_jobs.retention_enforcement.rules.destruction import (
    certificate_document,
    certificate_key,
    kept_until,
    root_document,
    root_key,
)
from econsent_jobs.retention_enforcement.store import Row
from econsent_jobs.retention_enforcement.turn import Run, Turn, count


def seal_log(run: Run) -> JobResult:
    store = run.tools.store
    end = store.one("read_log_end")
    if end["leaves"] > end["rooted"]:
        seal_root(run, end["leaves"])
    for company in run.companies():
        if run.in_time() and end["leaves"]:
            seal_months(run.turn(company), end["leaves"])
    result = JobResult()
    while run.in_time():
        rows = store.rows("find_unsent", batch_size=run.batch_size)
        for row in rows:
            send(run, row)
        result += count(changed=len(rows))
        if len(rows) < run.batch_size or run.tools.settings.dry:
            break
    return result


def seal_root(run: Run, leaves: int) -> None:
    root = log_of(run.tools.store, leaves).root().hex()
    document = root_document(leaves=leaves, root_sha256=root, made_at=run.now)
    document_sha256 = sha256_hex(document)
    run.tools.store.run(
        "seal_root",
        leaves=leaves,
        root_sha256=root,
        run_id=run.tools.settings.run_id,
        made_at=run.now,
        object_key=root_key(leaves, document_sha256=document_sha256),
        document=document,
        document_sha256=document_sha256,
        retain_until=kept_until(run.now),
    )
    run.tools.tally.add((run.step, "", "root"), objects=1, size_bytes=len(document))


def seal_months(turn: Turn, leaves: int) -> None:
    """Certify the company's months that are over."""
    store = turn.tools.store
    months = store.rows("find_months", company_id=turn.company_id, now=turn.now)
    for row in months:
        found = store.rows("list_tombstones", company_id=turn.company_id, month=row["month"], leaves=leaves)
        tombstones = [Tombstone(**each) for each in found]
        document = certificate_document(
            tombstones,
            company_id=turn.company_id,
            month=row["month"],
            leaves=leaves,
            root_sha256=log_of(store, leaves).root().hex(),
            made_at=turn.now,
        )
        document_sha256 = sha256_hex(document)
        store.rows(
            "seal_destruction",
            company_id=turn.company_id,
            month=row["month"],
            leaves=leaves,
            made_at=turn.now,
            object_key=certificate_key(turn.company_id, row["month"], document_sha256=document_sha256),
            document=document,
            document_sha256=document_sha256,
            retain_until=kept_until(turn.now),
        )
        turn.note("certificate of destruction", objects=1, size_bytes=len(document))


def send(run: Run, row: Row) -> None:
    """Store one sealed document, or adopt what an earlier try stored, and note its version."""
    version_id = run.tools.audit.put_once(
        LockedObject(
            key=row["object_key"],
            body=bytes(row["document"]),
            sha256=row["document_sha256"],
            content_type="application/json",
            retain_until=row["retain_until"],
        )
    )
    query = "note_root_stored" if row["what"] == "root" else "note_certificate_stored"
    run.tools.store.run(query, object_key=row["object_key"], bucket=run.tools.audit.bucket, version_id=version_id)
