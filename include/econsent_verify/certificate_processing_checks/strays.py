"""What belongs to nothing: rows without their certificate, objects without a row, a second event of a kind.

An object that a try stored before the certificate failed for good cannot be removed before its lock ends. It is no finding as long as
it is exactly what that try had sealed, by the failed certificate's row or by the audit entry of its putting back: it is reported as
*abandoned*. Anything else under such a key is an orphan, as is every object that nothing names.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from econsent_verify.certificate_processing_checks import documents
from econsent_verify.certificate_processing_checks.findings import Trouble
from econsent_verify.certificate_processing_checks.objects import Reader, Version
from econsent_verify.certificate_processing_checks.records import Database, Row
from econsent_verify.findings import Difference, Finding, short

MOST_ROWS: Final = 1_000
FOLDERS: Final = {"certificates": ".json", "attestations": ".json", "dom": ".html.gz"}


def stray_rows(database: Database, company_id: str) -> Iterator[Finding]:
    for row in database.rows("find_stray_rows", company_id=company_id, most=MOST_ROWS):
        difference = Difference(
            trouble=Trouble.ROW_UNEXPECTED, what=row["relation"], expected="a certificate that it belongs to", found="none"
        )
        yield Finding(company_id=company_id, subject=short(row["row_name"], most=300), difference=difference)
    for row in database.rows("find_unbilled_retentions", company_id=company_id, most=MOST_ROWS):
        yield Finding(company_id=company_id, subject=f"session {short(row['session_id'])}", difference=usage_difference(row))
    for row in database.rows("find_repeated_audit", company_id=company_id, most=MOST_ROWS):
        difference = Difference(trouble=Trouble.AUDIT, what="certificate.generated", expected="one entry", found=f"{row['entries']}")
        yield Finding(company_id=company_id, subject=short(row["certificate_id"]), difference=difference)


def usage_difference(row: Row) -> Difference:
    retained = f"{row['retention_status']} by {row['retention_source']} at {row['retained_at']}"
    found = "no unit" if row["period"] is None else f"a unit of {row['period']}, of {row['billed_at']}"
    return Difference(trouble=Trouble.USAGE, what="retention_usage_items", expected=f"what fits {retained}", found=found)


def repeated_events(database: Database, company_id: str | None) -> Iterator[Finding]:
    for row in database.rows("find_repeated_events", company_id=company_id, most=MOST_ROWS):
        difference = Difference(trouble=Trouble.EVENT, what=row["event_type"], expected="one event", found=f"{row['events']}")
        yield Finding(company_id=row["company_id"], subject=short(row["subject_id"]), difference=difference)


def abandoned_objects(
    database: Database, reader: Reader, company_id: str, *, keys: Mapping[str, bytes], report: Callable[[Iterable[Finding]], None]
) -> list[str]:
    """Go through all that lies under the company's prefix, report orphans, and return the keys of what was abandoned."""
    abandoned: list[str] = []
    for page in reader.pages(documents.segment(company_id) + "/"):
        named = {row["object_key"] for row in database.rows("find_named_keys", **names_of(page, company_id, reader))}
        unknown = [version for version in page if version.key not in named]
        tries = tries_of(database, company_id, unknown)
        for version in unknown:
            if is_abandoned(version, reader, tries, keys=keys):
                abandoned.append(version.key)
            else:
                found = "a delete marker" if version.delete_marker else f"version {short(version.version_id)}"
                difference = Difference(trouble=Trouble.ORPHAN, what="archive", expected="a storage row", found=found)
                report([Finding(company_id=company_id, subject=short(version.key, most=300), difference=difference)])
    return abandoned


def names_of(page: Sequence[Version], company_id: str, reader: Reader) -> dict[str, object]:
    return {"company_id": company_id, "bucket": reader.bucket, "object_keys": sorted({version.key for version in page})}


def hash_of(key: str) -> str | None:
    """Return the consent hash in a document's key, None for any other key."""
    *_, folder, name = ["", "", *key.split("/")]
    ending = FOLDERS.get(folder)
    return name.removesuffix(ending) if ending and name.endswith(ending) and documents.is_hash(name.removesuffix(ending)) else None


def tries_of(database: Database, company_id: str, unknown: Sequence[Version]) -> dict[str, Row]:
    """What failed tries had sealed, by consent hash, for those of the unknown keys that carry one."""
    hashes = sorted({found for version in unknown if (found := hash_of(version.key))})
    if not hashes:
        return {}
    return {row["consent_hash"]: row for row in database.rows("find_abandoned_tries", company_id=company_id, consent_hashes=hashes)}


def is_abandoned(version: Version, reader: Reader, tries: Mapping[str, Row], *, keys: Mapping[str, bytes]) -> bool:
    """Say whether an object is what a failed try had sealed: the signed certificate, or the exact attestation or page."""
    tried = tries.get(hash_of(version.key) or "")
    if tried is None or version.delete_marker:
        return False
    stored = reader.read(version.key, version.version_id)
    if stored is None or stored.lock_mode != "COMPLIANCE":
        return False
    folder = version.key.split("/")[-2]
    if folder != "certificates":
        return documents.sha256(stored.body) == tried["attestation_sha256" if folder == "attestations" else "dom_sha256"]
    document = documents.read(stored.body)
    return (
        document is not None
        and not documents.certificate_shape(document)
        and not list(documents.check_certificate(document, keys=keys))
        and (document["certificateId"], document["signature"]) == (tried["certificate_id"], tried["signature"])
    )
