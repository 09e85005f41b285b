"""The whole verification.

1. Take one company after the other, and its certificates by number, a page at a time.
2. For each certificate: read its objects from the archive, several certificates at once; derive the documents again; compare rows,
   lock and followers.
3. For each company: look for rows and objects that belong to nothing. Only in a whole run: a part of the certificates cannot tell.

Memory holds one page of rows and the objects in flight, whatever the size of the database. Nothing is written anywhere.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

from econsent_verify.canonical import canonical
from econsent_verify.certificate_processing_checks import columns, completeness, documents, objects, strays
from econsent_verify.certificate_processing_checks.findings import Trouble
from econsent_verify.certificate_processing_checks.objects import Reader, Version
from econsent_verify.certificate_processing_checks.records import Database, Record, Row
from econsent_verify.findings import Difference, Finding, Findings

MOST_VERSIONS: Final = 10_000
KINDS: Final = ("certificate", "attestation", "dom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What to look at. ``since``: only what was finalised, or came in, from then on. ``limit``: so many certificates, None for all."""

    company_id: str | None = None
    since: datetime | None = None
    limit: int | None = None
    page_size: int = 100
    threads: int = 8

    @property
    def whole(self) -> bool:
        return self.since is None and self.limit is None


@dataclass(slots=True, kw_only=True)
class Report(Findings):
    """What was looked at and found. ``findings`` keeps the first 1,000; ``found`` counts all. ``abandoned``: see ``strays``."""

    companies: int = 0
    certificates: int = 0
    finalised: int = 0
    objects: int = 0
    abandoned: list[str] = field(default_factory=list[str])

    def as_dict(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in ("companies", "certificates", "finalised", "objects", "found")}
        listed = [finding.as_dict() for finding in self.findings]
        return {
            "job": "certificate_processing",
            **counts,
            "abandoned": self.abandoned,
            "findings": listed,
            "seconds": round(self.seconds, 1),
        }


def verify(
    database: Database, reader: Reader, *, keys: Mapping[str, bytes], scope: Scope, progress: Callable[[Report], None] | None = None
) -> Report:
    """Run the verification. Raises psycopg's and botocore's errors when a store cannot be read."""
    report, began = Report(), time.monotonic()
    live_indexes = database.live_indexes()
    with ThreadPoolExecutor(max_workers=scope.threads, thread_name_prefix="verify") as pool:
        for company_id in database.companies(scope.company_id):
            report.companies += 1
            for record, differences in records_of(
                company_id, database, reader, keys=keys, scope=scope, pool=pool, left=left(scope, report)
            ):
                report.certificates += 1
                report.finalised += record.finalised
                report.objects += len(record.objects)
                everything = [*differences, *completeness.check_followers(record, live_indexes=live_indexes)]
                report.add(Finding(company_id=company_id, subject=record.name, difference=each) for each in everything)
                if progress is not None:
                    progress(report)
            if scope.whole:
                report.add(strays.stray_rows(database, company_id))
                report.abandoned += strays.abandoned_objects(database, reader, company_id, keys=keys, report=report.add)
    if scope.whole:
        report.add(strays.repeated_events(database, scope.company_id))
    report.seconds = time.monotonic() - began
    return report


def left(scope: Scope, report: Report) -> int | None:
    return None if scope.limit is None else scope.limit - report.certificates


def records_of(
    company_id: str,
    database: Database,
    reader: Reader,
    *,
    keys: Mapping[str, bytes],
    scope: Scope,
    pool: ThreadPoolExecutor,
    left: int | None,
) -> Iterator[tuple[Record, list[Difference]]]:
    """Yield a company's certificates with what is wrong with their documents, rows and objects; at most ``left`` of them."""
    if left is not None and left <= 0:
        return
    page_size = scope.page_size if left is None else min(scope.page_size, left)
    yielded = 0
    for page in database.pages(company_id, since=scope.since, page_size=page_size):
        wanted = page if left is None else page[: left - yielded]
        yield from zip(wanted, pool.map(partial(check_record, reader=reader, keys=keys), wanted), strict=True)
        yielded += len(wanted)
        if left is not None and yielded >= left:
            return


def check_record(record: Record, *, reader: Reader, keys: Mapping[str, bytes]) -> list[Difference]:
    """Everything about one finalised certificate that is proved from its objects. Runs in a thread of its own."""
    if not record.finalised:
        return []
    if record.already_expired:
        return list(check_unarchived(record))
    rows = {kind: row for row in record.objects if (kind := row["kind"]) in KINDS}
    found: list[Difference] = list(check_kinds(record))
    versions = list_versions(reader, objects.session_folder(record.certificate))
    bodies: dict[str, bytes] = {}
    for kind, row in rows.items():
        stored = reader.read(row["object_key"], row["version_id"] or "")
        found += objects.check_versions(versions, key=row["object_key"], version_id=row["version_id"] or "")
        found += objects.check_storage_row(row, record, bucket=reader.bucket, storage_class=stored and stored.storage_class)
        if stored is None:
            found.append(
                Difference(trouble=Trouble.OBJECT_MISSING, what=row["object_key"], expected=f"version {row['version_id']}", found="nothing")
            )
        else:
            bodies[kind] = stored.body
            found += objects.check_stored(stored, row, record)
    return found + list(check_bodies(record, rows, bodies, keys=keys))


def list_versions(reader: Reader, folder: str) -> list[Version]:
    """List what lies in a session's folder, bounded: a session has a handful of objects."""
    listed: list[Version] = []
    for page in reader.pages(folder):
        listed += page
        if len(listed) > MOST_VERSIONS:
            break
    return listed


def check_kinds(record: Record) -> Iterator[Difference]:
    """One row of each kind: certificate and attestation always; a page only once, and only where the attestation speaks of one."""
    kinds = [row["kind"] for row in record.objects]
    has_page = record.attestation is not None and record.attestation["page_content_sha256"] is not None
    for kind in KINDS:
        expected = 1 if kind != "dom" or has_page else 0
        if kinds.count(kind) < expected:
            yield Difference(trouble=Trouble.ROW_MISSING, what=f"storage_objects: {kind}", expected="one row", found="none")
        if kinds.count(kind) > expected:
            yield Difference(
                trouble=Trouble.ROW_UNEXPECTED, what=f"storage_objects: {kind}", expected=f"{expected}", found=f"{kinds.count(kind)}"
            )
    for kind in sorted(set(kinds) - set(KINDS)):
        yield Difference(trouble=Trouble.ROW_UNEXPECTED, what=f"storage_objects: {kind}", expected="none of a certificate", found="a row")


def check_bodies(
    record: Record, rows: Mapping[str, Row], bodies: Mapping[str, bytes], *, keys: Mapping[str, bytes]
) -> Iterator[Difference]:
    """Derive what the stored bytes say again, and compare the rows with them."""
    certificate = documents.read(bodies["certificate"]) if "certificate" in bodies else None
    attestation = documents.read(bodies["attestation"]) if "attestation" in bodies else None
    page = documents.unpack(bodies["dom"]) if "dom" in bodies else None
    for kind, broken in (("certificate", certificate), ("attestation", attestation), ("dom", page)):
        if kind in bodies and broken is None:
            yield documents.malformed(rows[kind]["object_key"], expected="a page in gzip" if kind == "dom" else "canonical JSON")
    certificate_troubles = documents.certificate_shape(certificate) if certificate is not None else []
    attestation_troubles = documents.attestation_shape(attestation) if attestation is not None else []
    yield from [*certificate_troubles, *attestation_troubles]
    if certificate is not None and not certificate_troubles:
        yield from documents.check_certificate(certificate, keys=keys)
        yield from columns.check_certificate_row(record, certificate)
        if "attestation" in bodies:
            expected = documents.sha256(bodies["attestation"])
            yield from documents.derived("certificate.attestation_sha256", expected=expected, found=certificate["attestation_sha256"])
    if attestation is not None and not attestation_troubles:
        row = record.certificate
        reference = row["session_id"] if row["session_id"] is not None else f"{row['source']}-{row['source_ref']}"
        yield from documents.check_attestation(attestation, reference=reference, has_session=row["session_id"] is not None, page=page)
        dom_sha256 = documents.sha256(bodies["dom"]) if "dom" in bodies else None
        yield from columns.check_attestation_row(record, attestation, body=bodies["attestation"], dom_sha256=dom_sha256)
        yield from columns.check_form(record, attestation)


def check_unarchived(record: Record) -> Iterator[Difference]:
    """A certificate that could not be locked any more has no objects. What its rows repeat of each other still has to agree.

    Its signature cannot be checked: the signed bytes were kept nowhere.
    """
    if record.objects:
        yield Difference(trouble=Trouble.ROW_UNEXPECTED, what="storage_objects", expected="none: its lock date had passed", found="some")
    if record.attestation is None:
        yield Difference(trouble=Trouble.ROW_MISSING, what="attestations", expected="one row", found="none")
    elif record.certificate["pii_erased_at"] is None:
        body = canonical(columns.parsed(record.attestation["document"])) or b""
        attestation = documents.read(body)
        troubles = (
            [documents.malformed("attestations.document", expected="an attestation")]
            if attestation is None
            else documents.attestation_shape(attestation)
        )
        yield from troubles
        if attestation is not None and not troubles:
            yield from columns.check_attestation_row(record, attestation, body=body, dom_sha256=record.attestation["dom_snapshot_sha256"])
            yield from columns.check_form(record, attestation)
    row = record.certificate
    hashed = documents.sha256(f"{row['payload_string']}:{row['entropy']}".encode())
    if row["pii_erased_at"] is None:
        yield from columns.same("certificates", "consent_hash", expected=hashed, found=row["consent_hash"])
