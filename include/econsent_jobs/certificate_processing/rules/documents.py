"""The three documents of a certificate, byte for byte, and the columns that repeat them for queries."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from econsent_jobs.certificate_processing.model import (
    Built,
    Capture,
    ClosedSession,
    ConsentRecord,
    Kind,
    Language,
    Pending,
    Recording,
    Sealed,
    SealedDocument,
    Session,
    SigningKey,
    Source,
    Template,
)
from econsent_jobs.certificate_processing.rules import accessibility, chain, consents, languages, lifecycle
from econsent_jobs.certificate_processing.rules.capture import read_json
from econsent_jobs.core.archive_layout import session_prefix
from econsent_jobs.core.canonical_json import canonical_json, sha256_hex, timestamp_text
from econsent_jobs.core.contacts import email_text, phone_text
from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.core.identifiers import path_segment
from econsent_jobs.core.text import norm_text

SCHEMA: Final = "econsent.certificate.v1"
ATTESTATION_SCHEMA: Final = "econsent.attestation.v1"
JSON: Final = "application/json"
HTML_GZ: Final = "application/gzip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was read and found out about one certificate before its documents are written."""

    pending: Pending
    capture: Capture
    recording: Recording | None
    dom: bytes | None
    language: Language
    template: Template | None


def build(evidence: Evidence, *, key: SigningKey, entropy: str, issued_at: datetime, unit: consents.CharacterUnit) -> Built:
    """Make certificate, attestation and DOM snapshot, sealed. Raises BadItem for what cannot become evidence.

    ``entropy`` is 32 hex digits, drawn once per certificate and kept with it. The same arguments give the same bytes.
    """
    pending = evidence.pending
    lifecycle.check_consent_time(pending)
    records = [consents.normalise(found, unit=unit) for found in consents.most_complete(consents.extract(evidence.capture.consents))]
    payload = consents.payload(
        reference=pending.reference,
        company_id=pending.key.company_id,
        property_id=pending.property_id,
        consent_at=pending.consent_at,
        fingerprint=consents.fingerprint(records),
        domain=domain_of(pending),
    )
    consent_hash = consents.consent_hash(payload, entropy=entropy)
    attestation = attestation_document(evidence)
    attestation_bytes = canonical_json(attestation)
    unsigned = certificate_document(
        evidence,
        records=records,
        payload=payload,
        entropy=entropy,
        consent_hash=consent_hash,
        issued_at=issued_at,
        attestation_sha256=sha256_hex(attestation_bytes),
        key_id=key.key_id,
    )
    certificate = {**unsigned, "signature": consents.sign(unsigned, key=key)}
    bodies = {Kind.CERTIFICATE: canonical_json(certificate), Kind.ATTESTATION: attestation_bytes}
    if evidence.dom is not None:
        bodies[Kind.DOM] = gzip.compress(
            evidence.dom, compresslevel=6, mtime=0
        )  # without a time, so that the bytes depend on the page alone
    documents = [sealed_document(pending, kind, body, consent_hash=consent_hash) for kind, body in bodies.items()]
    return Built(
        sealed=Sealed(
            key=pending.key,
            session_id=pending.session.session_id if pending.session else None,
            source=pending.source,
            retain_until=pending.retain_until,
            documents=documents if lifecycle.archivable(pending) else [],
        ),
        certificate=certificate,
        attestation=attestation,
        dom=bodies.get(Kind.DOM),
        closes=closes(pending, evidence.recording),
    )


def sealed_document(pending: Pending, kind: Kind, body: bytes, *, consent_hash: str) -> SealedDocument:
    return SealedDocument(
        kind=kind,
        object_key=object_key(pending, kind, consent_hash=consent_hash),
        body=body,
        sha256=sha256_hex(body),
        content_type=HTML_GZ if kind is Kind.DOM else JSON,
    )


def object_key(pending: Pending, kind: Kind, *, consent_hash: str) -> str:
    """``{company}/{property}/{yyyy}/{mm}/{dd}/{session}/{kind}/{consent_hash}.{json|html.gz}``; the day is the session's first, in UTC."""
    day = pending.session.started_at if pending.session else pending.consent_at
    folder = {Kind.CERTIFICATE: "certificates", Kind.ATTESTATION: "attestations", Kind.DOM: "dom"}[kind]
    prefix = session_prefix(pending.key.company_id, pending.property_id, day=day, reference=pending.reference)
    return f"{prefix}/{folder}/{consent_hash}.{'html.gz' if kind is Kind.DOM else 'json'}"


def recording_path(pending: Pending, session: Session) -> str:
    """``{companyId}/{propertyId}/{sessionId}.json`` below the EFS base, documented: docs/certificates/session-replay."""
    ids = (pending.key.company_id, pending.property_id, session.session_id)
    return "/".join(path_segment(identifier) for identifier in ids) + ".json"


def domain_of(pending: Pending) -> str:
    """Return the certificate's domain, or the host of its origin; empty for sources without a page.

    Raises BadItem (data) when a web session names neither: its payload would not say where the consent was given.
    """
    if pending.domain:
        return pending.domain
    try:
        host = urlsplit(pending.origin or "").hostname
    except ValueError:
        host = None
    if host is None and pending.source is Source.SESSION:
        raise BadItem(
            ErrorClass.DATA,
            f"the origin {pending.origin!r} names no host, so the certificate cannot say where the consent was given",
        )
    return host or ""


def attestation_document(evidence: Evidence) -> Mapping[str, Any]:
    """Everything that shows what the consumer saw and did; what the source does not have is null."""
    capture, recording, pending = evidence.capture, evidence.recording, evidence.pending
    template = evidence.template
    return {
        "schema": ATTESTATION_SCHEMA,
        "hashes": {
            "disclosure": sha256_hex(norm_text(capture.disclosure).encode()),
            "pageContent": None if evidence.dom is None else sha256_hex(evidence.dom),
            "formData": sha256_hex(canonical_json(form_data(capture.form))) if capture.form else None,
        },
        "partners": [{"name": name, "sha256": sha256_hex(norm_text(name).encode())} for name in capture.partners],
        "visibility": accessibility.visibility(capture.page) if capture.page else None,
        "accessibility": accessibility.accessibility(capture.page.style) if capture.page else None,
        "language": languages.language_evidence(capture.disclosure, html_lang=capture.html_lang, detected=evidence.language),
        "interactionChain": {
            "head": chain.chain_head(pending.reference, recording.chain),
            "length": len(recording.chain),
            "events": [list(link) for link in recording.chain],
        }
        if recording
        else None,
        "template": {"id": template.template_id, "version": template.version, "name": template.name} if template else None,
    }


def form_data(form: Mapping[str, str]) -> Mapping[str, str | None]:
    email, name, phone = form.get("email"), form.get("name"), form.get("phone")
    return {
        "email": email and email_text(email),
        "name": name and norm_text(name),
        "phone": phone and phone_text(phone),
    }


def certificate_document(
    evidence: Evidence,
    *,
    records: Sequence[ConsentRecord],
    payload: str,
    entropy: str,
    consent_hash: str,
    issued_at: datetime,
    attestation_sha256: str,
    key_id: str,
) -> dict[str, Any]:
    """The certificate without its signature."""
    pending, recording = evidence.pending, evidence.recording
    session = pending.session
    return {
        "schema": SCHEMA,
        "certificateId": consents.certificate_id(pending.reference, consent_hash=consent_hash),
        "sessionId": session.session_id if session else None,
        "companyId": pending.key.company_id,
        "propertyId": pending.property_id,
        "source": str(pending.source),
        "consentAt": timestamp_text(pending.consent_at),
        "issuedAt": timestamp_text(issued_at),
        "consents": [{**asdict(record), "explicit": record.category.explicit} for record in records],
        "consumer": {
            "ip": pending.ip,
            "userAgent": pending.user_agent,
            "browserLanguage": pending.browser_language,
            "geo": read_json(pending.geo, what="the location") if pending.geo else None,
        },
        "origin": pending.origin,
        "domain": domain_of(pending),
        "fingerprint": consents.fingerprint(records),
        "payload": payload,
        "entropy": entropy,
        "consentHash": consent_hash,
        "recordingPath": recording_path(pending, session) if session else None,
        "recording_hashes": [recording.sha256] if recording else [],
        "recordingComplete": lifecycle.is_over(session, now=pending.read_at) if session else None,
        "attestation_sha256": attestation_sha256,
        "signatureKeyId": key_id,
    }


def closes(pending: Pending, recording: Recording | None) -> ClosedSession | None:
    """Say whether this certificate finds its session over before the platform closed it (30 minutes without a chunk)."""
    session = pending.session
    if session is None or recording is None or session.closed_at is not None or not lifecycle.is_over(session, now=pending.read_at):
        return None
    return ClosedSession(session_id=session.session_id, last_chunk_at=session.last_chunk_at, recording=recording)
