"""What has to follow from a certificate's status in other tables: all of it, once, and nothing besides."""

from collections.abc import Iterator
from typing import Any, Final, cast

from econsent_verify.canonical import canonical
from econsent_verify.certificate_processing_checks.columns import parsed, timestamp
from econsent_verify.certificate_processing_checks.documents import as_object
from econsent_verify.certificate_processing_checks.findings import Trouble
from econsent_verify.certificate_processing_checks.records import Record, Row, event_keys, event_types
from econsent_verify.findings import Difference, short

WAITING: Final = frozenset({"pending", "processing"})
ENDED: Final = frozenset({"expired", "deleted"})


def check_followers(record: Record, *, live_indexes: int) -> Iterator[Difference]:
    """Check everything about one certificate that needs no object of the archive."""
    status = record.certificate["status"]
    if record.finalised:
        yield from check_finalised(record, live_indexes=live_indexes)
    elif status in WAITING:
        yield from check_waiting(record)
    elif status == "failed":
        yield from check_failed(record)
    if not record.finalised and status not in ENDED:
        yield from check_not_announced(record)


def check_finalised(record: Record, *, live_indexes: int) -> Iterator[Difference]:
    yield from check_events(record)
    yield from check_audit(record)
    yield from check_search(record, live_indexes=live_indexes)
    if record.waiting["queued"]:
        yield Difference(trouble=Trouble.LEFT_OVER, what="certificate_queue", expected="no row", found="a row")
    if record.waiting["sealed_keys"]:
        found = f"{len(record.waiting['sealed_keys'])} rows"
        yield Difference(trouble=Trouble.LEFT_OVER, what="sealed_documents", expected="no row", found=found)


def check_events(record: Record) -> Iterator[Difference]:
    """Each event of its source is there, and says what the certificate says; a body is dropped some time after its delivery."""
    found = {row["dedupe_key"]: row for row in record.events}
    for key, name in zip(event_keys(record.certificate), event_types(record.certificate), strict=True):
        row = found.get(key)
        if row is None:
            yield Difference(trouble=Trouble.EVENT, what=name, expected="one event", found="none")
            continue
        told = (row["company_id"], row["event_type"], row["subject_id"])
        expected = (record.company_id, name, record.certificate["certificate_id"])
        if told != expected:
            yield Difference(trouble=Trouble.EVENT, what=name, expected=short(expected), found=short(told))
        elif row["body"] is not None and record.certificate["pii_erased_at"] is None:
            wrong = wrong_fields(bytes(row["body"]), event_body(record.certificate, name))
            if wrong:
                yield Difference(
                    trouble=Trouble.EVENT, what=f"{name}: {', '.join(wrong)}", expected="what the certificate says", found="another value"
                )


def event_body(row: Row, name: str) -> dict[str, Any]:
    """The body that receivers are sent: the certificate's record in the documented keys."""
    consents: Any = parsed(row["consent_records"])
    return {
        "event": name,
        "timestamp": row["issued_at"] and timestamp(row["issued_at"]),
        "data": {
            "certificateId": row["certificate_id"],
            "sessionId": row["session_id"],
            "sourceRef": row["source_ref"],
            "companyId": row["company_id"],
            "propertyId": row["property_id"],
            "source": row["source"],
            "consumerPhone": row["consumer_phone"],
            "consumerEmail": row["consumer_email"],
            "consumerName": row["consumer_name"],
            "consentText": "\n".join(consent["value"] for consent in consents) if is_consents(consents) else None,
            "consents": consents,
            "consentAt": timestamp(row["consent_at"]),
            "ipAddress": row["ip"],
            "userAgent": row["user_agent"],
            "origin": row["origin"],
            "recordingPath": row["recording_path"],
            "recording_hashes": parsed(row["recording_hashes"]),
            "consentHash": row["consent_hash"],
            "signature": row["signature"],
            "signatureKeyId": row["signature_key_id"],
        },
    }


def is_consents(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance((as_object(each) or {}).get("value"), str) for each in cast("list[Any]", value))


def wrong_fields(body: bytes, expected: dict[str, Any]) -> list[str]:
    """Return the names of fields in which a body differs; ``body`` where it is no canonical JSON of these fields at all."""
    if body == canonical(expected):
        return []
    told = as_object(parsed(body.decode(errors="replace"))) or {}
    data = as_object(told.get("data"))
    if data is None or canonical(told) != body:
        return ["body"]
    wrong = [name for name in expected["data"] if canonical(data.get(name)) != canonical(expected["data"][name])]
    wrong += [name for name in ("event", "timestamp") if canonical(told.get(name)) != canonical(expected[name])]
    return wrong or ["body"]


def check_audit(record: Record) -> Iterator[Difference]:
    """One entry, which also says whether the certificate could still be archived."""
    entry, what = record.audit, "certificate.generated"
    if entry is None:
        yield Difference(trouble=Trouble.AUDIT, what=what, expected="one entry", found="none")
        return
    told = (entry["company_id"], entry["action"], entry["category"], entry["certificate_id"], entry["archived"])
    archived = "false" if record.already_expired else "true"
    expected = (record.company_id, what, "certificates", record.certificate["certificate_id"], archived)
    if told != expected:
        yield Difference(trouble=Trouble.AUDIT, what=what, expected=short(expected), found=short(told))


def check_search(record: Record, *, live_indexes: int) -> Iterator[Difference]:
    """The outbox wants this version or a later one. Its row goes when an index holds that version, so none is wanted once one is live."""
    op, wanted, version = record.waiting["search_op"], record.waiting["search_version"], record.certificate["row_version"]
    if op is None and live_indexes:
        return
    if op != "index" or wanted < version:
        found = "no row" if op is None else f"{op} version {wanted}"
        yield Difference(trouble=Trouble.SEARCH, what="search_outbox", expected=f"index version {version} or later", found=found)


def check_waiting(record: Record) -> Iterator[Difference]:
    sealed, status = record.waiting["sealed_keys"], record.certificate["status"]
    if not record.waiting["queued"]:
        yield Difference(trouble=Trouble.QUEUE, what="certificate_queue", expected="one row", found="none")
    if status == "pending" and sealed:
        yield Difference(trouble=Trouble.STATE, what="sealed_documents", expected="none before it is sealed", found=f"{len(sealed)} rows")
    if status == "processing" and not sealed and not record.already_expired:
        yield Difference(trouble=Trouble.STATE, what="sealed_documents", expected="the exact bytes to be stored", found="none")
    yield from check_attestation_is(record, there=status == "processing")


def check_failed(record: Record) -> Iterator[Difference]:
    certificate = record.certificate
    if record.waiting["queued"]:
        yield Difference(trouble=Trouble.LEFT_OVER, what="certificate_queue", expected="no row", found="a row")
    if record.waiting["sealed_keys"]:
        yield Difference(trouble=Trouble.LEFT_OVER, what="sealed_documents", expected="no row", found="some")
    if not certificate["error_class"] or not certificate["last_error"]:
        yield Difference(trouble=Trouble.STATE, what="certificates.last_error", expected="a class and a sentence", found="none")


def check_attestation_is(record: Record, *, there: bool) -> Iterator[Difference]:
    if there and record.attestation is None:
        yield Difference(trouble=Trouble.ROW_MISSING, what="attestations", expected="one row", found="none")
    if not there and record.attestation is not None:
        yield Difference(trouble=Trouble.ROW_UNEXPECTED, what="attestations", expected="none before it is sealed", found="a row")


def check_not_announced(record: Record) -> Iterator[Difference]:
    """What is not finalised was neither announced nor audited as generated, and owns no stored object."""
    status = record.certificate["status"]
    if record.audit is not None:
        yield Difference(trouble=Trouble.STATE, what="certificates.status", expected="finalized, as the audit trail says", found=status)
    if record.events and record.certificate["certificate_id"]:
        yield Difference(trouble=Trouble.STATE, what="certificates.status", expected="finalized, as an event said", found=status)
    if record.objects:
        found = f"{len(record.objects)} rows of a {status} one"
        yield Difference(trouble=Trouble.ROW_UNEXPECTED, what="storage_objects", expected="none", found=found)
