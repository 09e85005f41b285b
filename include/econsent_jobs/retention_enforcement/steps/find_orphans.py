"""After a night: does the archive hold exactly what the rows say? One pass over its listing and the table, in bounded memory.

1. List the bucket and read the rows, both in the order of keys, and merge the two streams.
2. Look at each finding once more: rows and objects come and go while they are read.
3. Tell of what is left; repair it only where a person asked for that by the Param. What is younger than the grace is never touched.
4. When the time is over, or enough is told, note the last key: the next run goes on behind it, so that every key has its turn.

Repairing means that a version which no row knows is deleted, with its tombstone, as far as its lock, a hold on its company and the
mass-delete guard allow, and that a delete marker is lifted. A second version of a key that has its row, a key of no company, a row without
its object, and wrong sizes and hashes are for a person.
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from econsent_jobs.core.errors import ErrorClass
from econsent_jobs.core.logs import about
from econsent_jobs.core.results import JobResult
from econsent_jobs.io.object_versions import Head, Version
from econsent_jobs.retention_enforcement.purging import purge
from econsent_jobs.retention_enforcement.rules.orphans import Kind, Listed, Orphan, Recorded, order
from econsent_jobs.retention_enforcement.rules.orphans import find_orphans as merge
from econsent_jobs.retention_enforcement.store import AuditEntry
from econsent_jobs.retention_enforcement.turn import Run, count

PAGE: Final = 5_000
MOST_TOLD: Final = 1_000
KINDS: Final = {"recordings": "recording", "videos": "video", "attestations": "attestation", "snapshots": "dom"}
"""What lies in which folder of a session: only for the row's sake, which nothing else tells it."""

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Stretch:
    """What one run compares: the keys behind ``after``, up to and with ``until``; None: to the end of the bucket."""

    after: str
    until: str | None = None


def find_orphans(run: Run) -> JobResult:
    result, told, adopted = JobResult(), 0, set[str]()
    bucket = run.tools.archive.bucket
    stretch = Stretch(after=run.tools.store.one("read_orphan_round", bucket=bucket)["after_key"])
    for orphan in merge(listing(run, stretch), rows(run, stretch), now=run.now, grace=run.tools.settings.grace):
        if is_still_so(run, orphan):
            told += 1
            result += tell(run, orphan, adopted)
        if told >= MOST_TOLD:
            stretch.until = orphan.key
            break
    for company_id in sorted(adopted):
        for company in run.companies(company_id):
            result += purge(run.turn(company), marked_by=run.step)
    if not run.tools.settings.dry:
        run.tools.store.run("note_orphan_round", bucket=bucket, after_key=stretch.until or "", now=run.now)
    log.info("Compared from %s to %s", stretch.after or "the first key", stretch.until or "the last one: the round is at its end")
    return result


def listing(run: Run, stretch: Stretch) -> Iterator[Listed]:
    """What lies in the bucket, whole keys of it, until the time is over; of a part of it also the hash, which costs a request each."""
    key = ""
    for version in run.tools.archive.listed_from(stretch.after):
        if version.key != key:
            if key and not run.in_time():
                stretch.until = key
                return
            key = version.key
        sha256 = None
        if version.size_bytes is not None and is_drawn(version, run):
            head = run.tools.archive.head(version.key, version.version_id)
            sha256 = head.sha256 if head else None
        yield Listed(
            key=version.key,
            version_id=version.version_id,
            size_bytes=version.size_bytes,
            modified_at=version.modified_at,
            sha256=sha256,
        )


def is_drawn(version: Version, run: Run) -> bool:
    """Another part each day, so that all hashes are asked for in turn."""
    share = run.tools.settings.hash_share
    place = int.from_bytes(hashlib.sha256(version.key.encode()).digest()[:4]) / 2**32
    return (place + run.now.toordinal() * share) % 1 < share


def rows(run: Run, stretch: Stretch) -> Iterator[Recorded]:
    after = stretch.after
    while True:
        page = run.tools.store.rows("list_recorded", bucket=run.tools.archive.bucket, after=after, batch_size=PAGE)
        for row in page:
            if stretch.until is not None and order(row["key"]) > order(stretch.until):
                return
            yield Recorded(**row)
        if len(page) < PAGE:
            return
        after = page[-1]["key"]


def is_still_so(run: Run, orphan: Orphan) -> bool:
    """Look at one finding again, at both sides."""
    store, named = run.tools.store, {"key": orphan.key, "version_id": orphan.version_id}
    recorded = store.rows("is_recorded", bucket=run.tools.archive.bucket, **named)
    there = [version for version in run.tools.archive.left_of([orphan.key]) if version.version_id == orphan.version_id]
    if orphan.kind is Kind.OBJECT_WITHOUT_ROW:
        return bool(there) and not recorded and not store.one("is_sealed", key=orphan.key)["sealed"]
    if orphan.kind is Kind.ROW_WITHOUT_OBJECT:
        return bool(recorded) and not there
    return bool(recorded) and bool(there)


def tell(run: Run, orphan: Orphan, adopted: set[str]) -> JobResult:
    """Tell of one orphan, and repair it where that was asked for and a machine may. ``adopted`` takes companies that are to be purged."""
    with about(company_of(orphan)):
        log.warning("%s: %s: %s", orphan.kind, orphan.key, orphan.sentence)
    run.tools.tally.add((run.step, "", orphan.kind.value), objects=1, size_bytes=0)
    note(run, "retention.orphan_found", orphan, kind=orphan.kind.value)
    if run.tools.settings.repair_orphans and not run.tools.settings.dry and orphan.kind is Kind.OBJECT_WITHOUT_ROW:
        head = run.tools.archive.head(orphan.key, orphan.version_id)
        if head is None:
            return lift_marker(run, orphan)
        if not head.held and (head.retain_until is None or head.retain_until < run.now) and adopt(run, orphan, head):
            adopted.add(company_of(orphan))
            return JobResult()
    return count(quarantined=1, causes={ErrorClass.INTEGRITY: 1})


def adopt(run: Run, orphan: Orphan, head: Head) -> bool:
    """Give it its row, marked; say whether it got one. A purge does the rest, as with everything that is deleted.

    While anything of the company is held it gets none: what it is evidence for is not known, so the hold may be about it.
    """
    if run.tools.store.one("has_holds", company_id=company_of(orphan))["any_hold"]:
        return False
    size_bytes, sha256 = (head.size_bytes, head.sha256) if head.sha256 else run.tools.archive.sha256(orphan.key, orphan.version_id)
    found = run.tools.store.rows(
        "adopt_orphan",
        company_id=company_of(orphan),
        kind=next((kind for folder, kind in KINDS.items() if f"/{folder}/" in orphan.key), "certificate"),
        bucket=run.tools.archive.bucket,
        key=orphan.key,
        version_id=orphan.version_id,
        bytes=size_bytes,
        sha256=sha256,
        retain_until=head.retain_until,
        step=run.step,
        now=run.now,
    )
    if found:
        note(run, "retention.orphan_adopted", orphan)
    return bool(found)


def lift_marker(run: Run, orphan: Orphan) -> JobResult:
    """A delete marker holds nothing: lifting it brings back to sight what lies below."""
    if run.tools.archive.delete([(orphan.key, orphan.version_id)]):
        return count(quarantined=1, causes={ErrorClass.INTEGRITY: 1})
    note(run, "retention.marker_lifted", orphan)
    return count(changed=1)


def company_of(orphan: Orphan) -> str:
    """Every key begins with its company."""
    return orphan.key.split("/")[0]


def note(run: Run, action: str, orphan: Orphan, **more: str) -> None:
    """Write it into the audit trail, once for each version."""
    details = {"object_key": orphan.key, "version_id": orphan.version_id, **more}
    key = f"{action}:{orphan.kind}:{orphan.key}:{orphan.version_id}"
    run.tools.store.audit(None, [AuditEntry(action=action, category="jobs", details=details, dedupe_key=key)])
