"""Which webhook events a finalised certificate causes (docs/platform/webhooks)."""

from collections.abc import Mapping
from typing import Any, Final

from econsent_jobs.certificate_processing.model import Finalised, Source, WebhookEvent
from econsent_jobs.core.canonical_json import canonical_json, timestamp_text

CREATED: Final[Mapping[Source, str]] = {  # documented names; sms and voice have none of their own
    Source.SESSION: "session.certificate.created",
    Source.META: "meta.certificate.created",
}
GRANTED: Final = "consent.granted"


def events_of(finalised: Finalised) -> list[WebhookEvent]:
    """Return the created event, where the source has one, and ``consent.granted``; each certificate causes each of them once."""
    names = [name for name in (CREATED.get(finalised.source), GRANTED) if name]
    company_id, data = finalised.key.company_id, event_data(finalised)
    return [
        WebhookEvent(
            company_id=company_id,
            event_type=name,
            subject_id=finalised.certificate_id,
            dedupe_key=f"{name}:{company_id}:{finalised.certificate_id}",
            body=canonical_json({"event": name, "timestamp": timestamp_text(finalised.issued_at), "data": data}),
        )
        for name in names
    ]


def event_data(finalised: Finalised) -> Mapping[str, Any]:
    """The certificate's record in the documented keys: what a receiver needs to keep it and to verify it."""
    return {
        "certificateId": finalised.certificate_id,
        "sessionId": finalised.session_id,
        "sourceRef": finalised.source_ref,
        "companyId": finalised.key.company_id,
        "propertyId": finalised.property_id,
        "source": str(finalised.source),
        "consumerPhone": finalised.consumer_phone,
        "consumerEmail": finalised.consumer_email,
        "consumerName": finalised.consumer_name,
        "consentText": "\n".join(record["value"] for record in finalised.consent_records),
        "consents": finalised.consent_records,
        "consentAt": timestamp_text(finalised.consent_at),
        "ipAddress": finalised.ip,
        "userAgent": finalised.user_agent,
        "origin": finalised.origin,
        "recordingPath": finalised.recording_path,
        "recording_hashes": finalised.recording_hashes,
        "consentHash": finalised.consent_hash,
        "signature": finalised.signature,
        "signatureKeyId": finalised.signature_key_id,
    }
