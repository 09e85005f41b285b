"""Which columns repeat what was signed and stored, and what each of them must hold.

Every column of the three tables is either compared, or named here with the reason why it cannot be. A new column has to be put
into one of the two, which a test holds against the database's own catalogue.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import phonenumbers

from econsent_verify.canonical import canonical
from econsent_verify.certificate_processing_checks.documents import (
    ATTESTATION_SCHEMA,
    Json,
    as_object,
    norm_text,
    reference_of,
    segment,
    sha256,
)
from econsent_verify.certificate_processing_checks.findings import Trouble
from econsent_verify.certificate_processing_checks.records import Record, Row
from econsent_verify.findings import Difference, short

KEY: Final = "names the row, and everything that is compared was found by it"
HISTORY: Final = "says when a row was written, which nothing that was signed repeats"
RETENTION: Final = "says how far its deletion is, which ./econsent verify retention_enforcement looks at"

NOT_COMPARED: Final[Mapping[str, Mapping[str, str]]] = {
    "certificates": {
        "certificate_pk": KEY,
        "submission_no": "the documents do not repeat it",
        "dom_staging_path": "the captured page's place before it was archived",
        "opt_out": "a consumer may revoke at any time",
        "expires_at": "follows the property's policy, which may change",
        "pii_erased_at": "says that the person's data is gone, and what is not compared any more",
        "error_class": "a transient trouble before the success may stand there",
        "last_error": "a transient trouble before the success may stand there",
        "created_at": HISTORY,
        "updated_at": HISTORY,
    },
    "attestations": {"company_id": KEY, "certificate_pk": KEY, "computed_at": HISTORY},
    "storage_objects": {
        "storage_object_id": KEY,
        "created_at": HISTORY,
        "last_accessed_at": HISTORY,
        "tiered_at": HISTORY,
        "expired_at": HISTORY,
        "deleted_at": HISTORY,
        **dict.fromkeys(("mark_rule", "marked_by", "purge_after", "guarded", "erasure_asked_at", "held_at", "refusal"), RETENTION),
    },
}
COMPARED: Final[Mapping[str, frozenset[str]]] = {
    "certificates": frozenset(
        [
            "company_id",
            "session_id",
            "source_ref",
            "property_id",
            "source",
            "status",
            "consent_at",
            "capture",
            "consumer_phone",
            "consumer_email",
            "consumer_name",
            "ip",
            "user_agent",
            "browser_language",
            "geo",
            "origin",
            "domain",
            "certificate_id",
            "entropy",
            "consent_records",
            "fingerprint",
            "payload_string",
            "consent_hash",
            "recording_path",
            "recording_hashes",
            "signature",
            "signature_key_id",
            "issued_at",
            "finalized_at",
            "retain_until",
            "row_version",
        ]
    ),
    "attestations": frozenset(
        [
            "schema_version",
            "disclosure_sha256",
            "page_content_sha256",
            "form_data_sha256",
            "partner_disclosures",
            "visibility",
            "accessibility",
            "wcag_level",
            "contrast_ratio",
            "font_size_px",
            "font_assessment",
            "language_detected",
            "html_lang",
            "language_confidence",
            "language_mismatch",
            "interaction_chain",
            "chain_head",
            "chain_length",
            "dom_snapshot_sha256",
            "template_id",
            "template_version",
            "document",
            "attestation_sha256",
        ]
    ),
    "storage_objects": frozenset(
        [
            "company_id",
            "session_id",
            "certificate_pk",
            "kind",
            "backend",
            "tier",
            "bucket",
            "object_key",
            "version_id",
            "bytes",
            "sha256",
            "content_type",
            "storage_class",
            "lock_mode",
            "retain_until",
            "state",
        ]
    ),
}
ERASABLE: Final = frozenset(
    [
        "capture",
        "consumer_phone",
        "consumer_email",
        "consumer_name",
        "ip",
        "user_agent",
        "browser_language",
        "geo",
        "consent_records",
        "fingerprint",
        "payload_string",
        "form_data_sha256",
        "interaction_chain",
        "document",
    ]
)
"""What an erasure of the person's data empties; compared only until then."""
PERSONAL: Final = frozenset(
    [
        "capture",
        "ip",
        "user_agent",
        "browser_language",
        "geo",
        "origin",
        "consent_records",
        "fingerprint",
        "payload_string",
        "domain",
        "partner_disclosures",
        "visibility",
        "accessibility",
        "interaction_chain",
        "document",
        "html_lang",
    ]
)
"""What is never repeated in a finding: it may hold what a person typed, or where they were."""


def timestamp(at: datetime) -> str:
    """``YYYY-MM-DDTHH:MM:SS.mmmZ``, cut to milliseconds."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def same(table: str, column: str, *, expected: Any, found: Any) -> Iterator[Difference]:
    """Yield a difference unless both are equal, JSON by its canonical form (so that ``1`` is not ``true``)."""
    if any(isinstance(value, dict | list | bool) for value in (expected, found)):
        equal = canonical(expected) == canonical(found) and canonical(expected) is not None
    else:
        equal = expected == found
    if not equal:
        shown = ("what was signed", "another value") if column in PERSONAL else (short(expected), short(found))
        yield Difference(trouble=Trouble.COLUMN, what=f"{table}.{column}", expected=shown[0], found=shown[1])


def parsed(text: str | None) -> Any:
    """Parse a JSON column; what cannot be parsed comes back as the text, which equals no document's value."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return text


def compare(table: str, row: Row, expected: Mapping[str, Any], *, erased: bool) -> Iterator[Difference]:
    for column, value in expected.items():
        if not (erased and column in ERASABLE):
            yield from same(table, column, expected=value, found=row[column])


def check_certificate_row(record: Record, document: Json) -> Iterator[Difference]:
    """Compare a certificate's row, and what it takes from the session, with the signed document."""
    row = record.certificate
    erased = row["pii_erased_at"] is not None
    found = row | {
        "consent_at": timestamp(row["consent_at"]),
        "issued_at": row["issued_at"] and timestamp(row["issued_at"]),
        "consent_records": parsed(row["consent_records"]),
        "recording_hashes": parsed(row["recording_hashes"]),
    }
    reference, session_id = reference_of(document), document["sessionId"]
    expected = {
        "company_id": document["companyId"],
        "session_id": session_id,
        "source_ref": None if session_id is not None else reference.removeprefix(f"{document['source']}-"),
        "property_id": document["propertyId"],
        "source": document["source"],
        "consent_at": document["consentAt"],
        "issued_at": document["issuedAt"],
        "domain": document["domain"],
        "certificate_id": document["certificateId"],
        "entropy": document["entropy"],
        "consent_records": document["consents"],
        "fingerprint": document["fingerprint"],
        "payload_string": document["payload"],
        "consent_hash": document["consentHash"],
        "recording_path": document["recordingPath"],
        "recording_hashes": document["recording_hashes"],
        "signature": document["signature"],
        "signature_key_id": document["signatureKeyId"],
    }
    yield from compare("certificates", found, expected, erased=erased)
    if not erased:
        yield from check_consumer(row, document)
    if row["finalized_at"] is None or row["finalized_at"] < row["issued_at"]:
        yield Difference(
            trouble=Trouble.COLUMN, what="certificates.finalized_at", expected="a time after issued_at", found=short(row["finalized_at"])
        )
    yield from check_recording(row, document)


def check_consumer(row: Row, document: Json) -> Iterator[Difference]:
    """The certificate's own column, or where it has none the session's."""
    consumer = document["consumer"]
    signed = {
        "ip": consumer["ip"],
        "user_agent": consumer["userAgent"],
        "browser_language": consumer["browserLanguage"],
        "geo": consumer["geo"],
        "origin": document["origin"],
    }
    for column, expected in signed.items():
        own, session = row[column], row[f"session_{column}"]
        value = own if own is not None else session
        yield from same("certificates", column, expected=expected, found=parsed(value) if column == "geo" else value)


def check_recording(row: Row, document: Json) -> Iterator[Difference]:
    """A session that the certificate saw closed has the recording that the certificate names."""
    closed_at, recorded = row["session_closed_at"], row["session_recording_sha256"]
    closed_before = closed_at is not None and timestamp(closed_at) < document["issuedAt"]
    if document["recordingComplete"] and recorded is not None and closed_before:
        yield from same("sessions", "recording_sha256", expected=document["recording_hashes"][:1], found=[recorded])


def check_form(record: Record, attestation: Json) -> Iterator[Difference]:
    """The hash of the form's fields, from the only place where they stand: the capture, until the person's data is erased."""
    row = record.certificate
    if row["pii_erased_at"] is not None:
        return
    form = as_object(parsed(row["form"])) or {}
    given = {name: form.get(name) for name in ("email", "name", "phone")}
    fields = {name: value for name, value in given.items() if isinstance(value, str) and value.strip()}
    expected = sha256(canonical(normalised_form(fields)) or b"") if fields else None
    if expected != attestation["hashes"]["formData"]:
        found = "another form"
        yield Difference(trouble=Trouble.COLUMN, what="certificates.capture", expected="the form whose hash was signed", found=found)


def normalised_form(fields: Mapping[str, str]) -> Mapping[str, str | None]:
    email, name, phone = fields.get("email"), fields.get("name"), fields.get("phone")
    return {
        "email": email and email.strip().lower(),
        "name": name and norm_text(name),
        "phone": phone and phone_form(phone),
    }


def phone_form(text: str) -> str:
    """E.164 where the number can be dialled, read as an American one without a country code; else as typed, normalised."""
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        return norm_text(text)
    if not phonenumbers.is_possible_number(number):
        return norm_text(text)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def check_attestation_row(record: Record, document: Json, *, body: bytes, dom_sha256: str | None) -> Iterator[Difference]:
    """Compare an attestation's row with the stored document."""
    row = record.attestation
    if row is None:
        yield Difference(trouble=Trouble.ROW_MISSING, what="attestations", expected="one row", found="none")
        return
    found = row | {
        name: parsed(row[name]) for name in ("partner_disclosures", "visibility", "accessibility", "interaction_chain", "document")
    }
    expected = {
        **expected_attestation(document),
        "dom_snapshot_sha256": dom_sha256,
        "attestation_sha256": sha256(body),
        "document": document,
    }
    yield from compare("attestations", found, expected, erased=record.certificate["pii_erased_at"] is not None)
    yield from check_template(row, document)


def expected_attestation(document: Json) -> dict[str, Any]:
    """The columns that an attestation is repeated in; figures rounded as their columns round."""
    accessibility, language, chain, template = (document[name] for name in ("accessibility", "language", "interactionChain", "template"))
    return {
        "schema_version": 1 if document["schema"] == ATTESTATION_SCHEMA else None,
        "disclosure_sha256": document["hashes"]["disclosure"],
        "page_content_sha256": document["hashes"]["pageContent"],
        "form_data_sha256": document["hashes"]["formData"],
        "partner_disclosures": document["partners"],
        "visibility": document["visibility"],
        "accessibility": accessibility,
        "wcag_level": accessibility and accessibility["wcagLevel"],
        "contrast_ratio": accessibility and rounded(accessibility["contrast"]["ratio"], "0.01"),
        "font_size_px": accessibility and rounded(accessibility["font"]["sizePx"], "0.01"),
        "font_assessment": accessibility and accessibility["font"]["fontAssessment"],
        "language_detected": language["detected"],
        "html_lang": language["htmlLang"],
        "language_confidence": rounded(language["confidence"], "0.001"),
        "language_mismatch": language["mismatch"],
        "interaction_chain": [dict(zip(("seq", "type", "target", "t"), link, strict=True)) for link in chain["events"]] if chain else [],
        "chain_head": chain and chain["head"],
        "chain_length": chain["length"] if chain else 0,
        "template_id": template and template["id"],
        "template_version": template and template["version"],
    }


def rounded(number: float, step: str) -> Decimal:
    return Decimal(str(number)).quantize(Decimal(step), rounding=ROUND_HALF_UP)


def check_template(row: Row, document: Json) -> Iterator[Difference]:
    """A template is named because its text is the disclosure; archived versions are never deleted (docs/compliance/consent-versioning)."""
    if document["template"] is not None:
        yield from same("consent_templates", "body_sha256", expected=document["hashes"]["disclosure"], found=row["template_body_sha256"])
        yield from same("consent_templates", "name", expected=document["template"]["name"], found=row["template_name"])


def expected_key(row: Row, kind: str) -> str:
    """``{company}/{property}/{yyyy}/{mm}/{dd}/{session}/{kind}/{consent hash}``; the day is the session's first, else the consent's."""
    day = timestamp(row["session_started_at"] or row["consent_at"])[:10]
    reference = row["session_id"] if row["session_id"] is not None else f"{row['source']}-{row['source_ref']}"
    folder, ending = {"certificate": ("certificates", "json"), "attestation": ("attestations", "json"), "dom": ("dom", "html.gz")}[kind]
    ids = [segment(row["company_id"]), segment(row["property_id"]), *day.split("-"), segment(reference)]
    return "/".join([*ids, folder, f"{row['consent_hash']}.{ending}"])
