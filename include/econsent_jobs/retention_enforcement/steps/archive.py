"""Step 2: lock the recordings of retained sessions. The first moment at which a recording is locked.

1. Read the recording, compress it so that the same bytes come out every time, and stage it.
2. Seal: key, hash and lock date are committed before anything is sent.
3. Send it once, under its lock; what an earlier try left there is read back and adopted.
4. Write its row, and forget the seal and the staged file.
"""

import gzip
import logging
from typing import Any, Final

from econsent_jobs.core.archive_layout import STAGED_RECORDINGS, session_prefix
from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.core.identifiers import path_segment
from econsent_jobs.core.results import JobResult
from econsent_jobs.io.object_store import LockedObject
from econsent_jobs.retention_enforcement.model import Recording
from econsent_jobs.retention_enforcement.store import Row, recording_of
from econsent_jobs.retention_enforcement.turn import Turn, count

CONTENT_TYPE: Final = "application/gzip"
SCHEMA_VERSION: Final = "1"

log = logging.getLogger(__name__)


def archive(turn: Turn) -> JobResult:
    result = JobResult()
    for rows in turn.pages("find_unarchived", by="session_id", first=""):
        for row in rows:
            if not turn.in_time():
                return result
            result += archive_one(turn, recording_of(row))
    return result


def archive_one(turn: Turn, recording: Recording) -> JobResult:
    """Archive one recording; what is wrong with it is its own trouble."""
    try:
        if recording.retain_until <= turn.now:
            turn.note("already expired", objects=1)
            return count(skipped=1)
        if recording.retain_until > recording.lock_ceiling_at:
            raise BadItem(
                ErrorClass.INTEGRITY, f"the lock date {recording.retain_until.isoformat()} is more than seven years after the consent"
            )
        size_bytes = store_one(turn, recording)
    except BadItem as error:
        log.warning("Company %s: recording of session %s: %s", turn.company_id, recording.session_id, error.reason)
        return count(quarantined=1, causes={error.error_class: 1})
    turn.note("archive", objects=1, size_bytes=size_bytes)
    return count(changed=1)


def store_one(turn: Turn, recording: Recording) -> int:
    """Steps 1 to 4; return the stored size. Raises BadItem, and TransientError as the stores do."""
    store, files = turn.tools.store, turn.files
    raw = files.read(files.key_of(recording.recording_path or ""))
    sha256 = sha256_hex(raw)
    if recording.recording_sha256 is not None and recording.recording_sha256 != sha256:
        raise BadItem(
            ErrorClass.INTEGRITY, f"its bytes (sha256 {sha256}) are not those of the closed session ({recording.recording_sha256})"
        )
    prefix = session_prefix(recording.company_id, recording.property_id, day=recording.started_at, reference=recording.session_id)
    object_key = f"{prefix}/recordings/{sha256}.json.gz"
    body = gzip.compress(raw, mtime=0)
    staged = f"{path_segment(recording.company_id)}/{STAGED_RECORDINGS}/{sha256}.json.gz"
    sealed = sealed_of(turn, recording, object_key=object_key, staged=staged, body=body)
    body = body if sha256_hex(body) == sealed["sha256"] else files.read(sealed["staging_path"])
    version_id = turn.tools.archive.put_once(
        LockedObject(
            key=object_key,
            body=body,
            sha256=sealed["sha256"],
            content_type=sealed["content_type"],
            retain_until=sealed["retain_until"],
            metadata=(("schema", SCHEMA_VERSION), ("company-id", path_segment(recording.company_id))),
        )
    )
    row: dict[str, Any] = {name: sealed[name] for name in ("bytes", "sha256", "content_type", "retain_until")}
    with store.transaction():
        store.run(
            "record_recording",
            company_id=recording.company_id,
            session_id=recording.session_id,
            bucket=turn.tools.archive.bucket,
            object_key=object_key,
            version_id=version_id,
            **row,
        )
        store.run("forget_sealed", company_id=recording.company_id, object_key=object_key)
    files.remove(sealed["staging_path"])
    return sealed["bytes"]


def sealed_of(turn: Turn, recording: Recording, *, object_key: str, staged: str, body: bytes) -> Row:
    """Seal, or return what an earlier try sealed: a new library or policy between two tries changes nothing."""
    store = turn.tools.store
    known = store.rows("read_sealed", company_id=recording.company_id, object_key=object_key)
    if known:
        return known[0]
    turn.files.write(staged, body)
    store.run(
        "seal_recording",
        company_id=recording.company_id,
        session_id=recording.session_id,
        object_key=object_key,
        staging_path=staged,
        bytes=len(body),
        sha256=sha256_hex(body),
        content_type=CONTENT_TYPE,
        retain_until=recording.retain_until,
    )
    return store.one("read_sealed", company_id=recording.company_id, object_key=object_key)
