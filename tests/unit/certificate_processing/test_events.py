"""Webhook events of a finalised certificate, to the byte: receivers verify and de-duplicate by them."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from econsent_jobs.certificate_processing.model import Finalised, Key, Source
from econsent_jobs.certificate_processing.rules.events import events_of

FINALISED = Finalised(
    key=Key("comp-abc", 1),
    certificate_id="EC-1",
    session_id="sess-1",
    source_ref=None,
    property_id="prop-456",
    source=Source.SESSION,
    issued_at=datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC),
    consent_at=datetime(2026, 3, 1, 11, 40, tzinfo=UTC),
    consumer_phone="+12025550123",
    consumer_email="ann@example.com",
    consumer_name="Ann",
    ip="192.0.2.7",
    user_agent="Example/1.0",
    origin="https://lead.example.com",
    consent_hash="ab" * 32,
    consent_records=[{"id": "c1", "value": "I agree"}, {"id": "c2", "value": "And call me"}],
    recording_hashes=["cd" * 32],
    recording_path="comp-abc/prop-456/sess-1.json",
    signature="ef" * 32,
    signature_key_id="key-1",
)
DATA = {
    "certificateId": "EC-1",
    "sessionId": "sess-1",
    "sourceRef": None,
    "companyId": "comp-abc",
    "propertyId": "prop-456",
    "source": "session",
    "consumerPhone": "+12025550123",
    "consumerEmail": "ann@example.com",
    "consumerName": "Ann",
    "consentText": "I agree\nAnd call me",
    "consents": [{"id": "c1", "value": "I agree"}, {"id": "c2", "value": "And call me"}],
    "consentAt": "2026-03-01T11:40:00.000Z",
    "ipAddress": "192.0.2.7",
    "userAgent": "Example/1.0",
    "origin": "https://lead.example.com",
    "recordingPath": "comp-abc/prop-456/sess-1.json",
    "recording_hashes": ["cd" * 32],
    "consentHash": "ab" * 32,
    "signature": "ef" * 32,
    "signatureKeyId": "key-1",
}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (Source.SESSION, ["session.certificate.created", "consent.granted"]),
        (Source.META, ["meta.certificate.created", "consent.granted"]),
        (Source.SMS, ["consent.granted"]),
        (Source.VOICE, ["consent.granted"]),
    ],
)
def test_each_source_has_its_events_once(source: Source, names: list[str]) -> None:
    events = events_of(replace(FINALISED, source=source))

    assert [event.event_type for event in events] == names
    assert [event.dedupe_key for event in events] == [f"{name}:comp-abc:EC-1" for name in names]
    assert {(event.company_id, event.subject_id) for event in events} == {("comp-abc", "EC-1")}


def test_the_body_is_the_golden_one() -> None:
    created, granted = events_of(FINALISED)

    assert json.loads(created.body) == {"event": "session.certificate.created", "timestamp": "2026-03-01T12:00:00.123Z", "data": DATA}
    assert json.loads(granted.body) == {"event": "consent.granted", "timestamp": "2026-03-01T12:00:00.123Z", "data": DATA}
