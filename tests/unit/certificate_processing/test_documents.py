"""The documents, against vectors computed by hand with nothing of this project."""

import base64
import gzip
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rfc8785

from econsent_jobs.certificate_processing.model import Built, Interaction, Kind, Language, Recording, SigningKey, Source, Template
from econsent_jobs.certificate_processing.rules.capture import read_capture
from econsent_jobs.certificate_processing.rules.documents import Evidence, build, object_key
from econsent_jobs.core.errors import BadItem
from tests.unit.certificate_processing.examples import NOW, a_pending, a_session
from tests.unit.certificate_processing.test_capture import GOOD

KEY = SigningKey(key_id="key-1", secret=b"golden")
ENTROPY = "00112233445566778899aabbccddeeff"
RECORDING = Recording(sha256="ab" * 32, size_bytes=10, events=3, chain=[Interaction(seq=1, type="click", target=47, t=1_000)])


def evidence(**changes: Any) -> Evidence:
    return Evidence(
        **{
            "pending": a_pending(),
            "capture": read_capture(json.dumps(GOOD), source=Source.SESSION),
            "recording": RECORDING,
            "dom": b"<html></html>",
            "language": Language(code="en", confidence=0.99),
            "template": Template(template_id="tpl-1", version="2", name="Loans"),
            **changes,
        }
    )


def built(given: Evidence | None = None) -> Built:
    return build(given or evidence(), key=KEY, entropy=ENTROPY, issued_at=NOW, unit="code points")


def body(made: Built, kind: Kind) -> bytes:
    (document,) = [document for document in made.sealed.documents if document.kind is kind]
    assert document.sha256 == hashlib.sha256(document.body).hexdigest()
    return document.body


def test_the_certificate_is_the_golden_one() -> None:
    payload = "sess-1:comp-abc:prop-456:2026-03-01T11:40:00.000Z:c1:autodialer:I agree:lead.example.com"
    consent_hash = hashlib.sha256(f"{payload}:{ENTROPY}".encode()).hexdigest()
    made = built()
    expected = {
        "schema": "econsent.certificate.v1",
        "certificateId": "EC-sess-1-" + base64.urlsafe_b64encode(bytes.fromhex(consent_hash)).decode().rstrip("="),
        "sessionId": "sess-1",
        "companyId": "comp-abc",
        "propertyId": "prop-456",
        "source": "session",
        "consentAt": "2026-03-01T11:40:00.000Z",
        "issuedAt": "2026-03-01T12:00:00.000Z",
        "consents": [{"id": "c1", "type": "autodialer", "value": "I agree", "category": "main-explicit", "explicit": True}],
        "consumer": {"ip": "192.0.2.7", "userAgent": "Example/1.0", "browserLanguage": "en-US", "geo": {"country": "US"}},
        "origin": "https://lead.example.com",
        "domain": "lead.example.com",
        "fingerprint": "c1:autodialer:I agree",
        "payload": payload,
        "entropy": ENTROPY,
        "consentHash": consent_hash,
        "recordingPath": "comp-abc/prop-456/sess-1.json",
        "recording_hashes": ["ab" * 32],
        "recordingComplete": True,
        "attestation_sha256": hashlib.sha256(body(made, Kind.ATTESTATION)).hexdigest(),
        "signatureKeyId": "key-1",
    }
    signature = hmac.new(b"golden", rfc8785.dumps(expected), hashlib.sha256).hexdigest()
    assert json.loads(body(made, Kind.CERTIFICATE)) == {**expected, "signature": signature}
    assert body(made, Kind.CERTIFICATE) == rfc8785.dumps({**expected, "signature": signature})


def test_the_attestation_is_the_golden_one() -> None:
    head = hashlib.sha256(hashlib.sha256(b"sess-1").digest() + b"1\x1fclick\x1f47\x1f1000").hexdigest()
    assert json.loads(body(built(), Kind.ATTESTATION)) == {
        "schema": "econsent.attestation.v1",
        "hashes": {
            "disclosure": hashlib.sha256(b"By clicking you agree.").hexdigest(),
            "pageContent": hashlib.sha256(b"<html></html>").hexdigest(),
            "formData": hashlib.sha256(b'{"email":"ann@example.com","name":null,"phone":"+12025550123"}').hexdigest(),
        },
        "partners": [{"name": "Example Partner One", "sha256": hashlib.sha256(b"Example Partner One").hexdigest()}],
        "visibility": {
            "disclosureVisible": True,
            "disclosureInViewport": True,
            "disclosureDimensions": {"width": 300, "height": 40},
            "disclosurePosition": {"top": 100.5, "left": 10},
            "viewportSize": {"width": 1280, "height": 720},
        },
        "accessibility": {
            "contrast": {
                "ratio": 12.63,
                "level": "AAA",
                "foreground": "rgb(51, 51, 51)",
                "background": "rgba(255, 255, 255, 0.5)",
                "largeText": False,
            },
            "font": {"sizePx": 16, "fontLevel": "AAA", "fontAssessment": "adequate"},
            "wcagLevel": "AAA",
        },
        "language": {
            "detected": "en",
            "htmlLang": "en-US",
            "confidence": 0.99,
            "disclosureText": "By clicking you agree.",
            "mismatch": False,
        },
        "interactionChain": {"head": head, "length": 1, "events": [[1, "click", 47, 1_000]]},
        "template": {"id": "tpl-1", "version": "2", "name": "Loans"},
    }


def test_the_page_is_archived_so_that_it_gives_equal_bytes_again() -> None:
    assert gzip.decompress(body(built(), Kind.DOM)) == b"<html></html>"
    assert body(built(), Kind.DOM) == body(built(), Kind.DOM)
    assert body(built(), Kind.DOM)[4:8] == b"\0\0\0\0", "no time in its header"


def test_the_same_evidence_gives_the_same_bytes() -> None:
    assert built() == built()


def test_a_source_without_page_says_null() -> None:
    pending = a_pending(source=Source.META, source_ref="lead/1", session=None, origin=None)
    made = built(evidence(pending=pending, capture=replace(evidence().capture, page=None), recording=None, dom=None, template=None))
    certificate, attestation = made.certificate, made.attestation

    assert certificate["certificateId"].startswith("EC-meta-lead/1-")
    assert certificate["payload"].startswith("meta-lead/1:comp-abc:")
    assert [certificate[key] for key in ("sessionId", "recordingPath", "recordingComplete")] == [None] * 3
    assert (certificate["recording_hashes"], certificate["domain"]) == ([], "")
    assert [attestation[key] for key in ("visibility", "accessibility", "interactionChain", "template")] == [None] * 4
    assert [document.kind for document in made.sealed.documents] == [Kind.CERTIFICATE, Kind.ATTESTATION]
    assert made.sealed.documents[0].object_key.startswith("comp-abc/prop-456/2026/03/01/meta-lead%2F1/certificates/")


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (Kind.CERTIFICATE, "comp%2Fabc/prop-456/2025/12/31/sess-1/certificates/ff.json"),
        (Kind.ATTESTATION, "comp%2Fabc/prop-456/2025/12/31/sess-1/attestations/ff.json"),
        (Kind.DOM, "comp%2Fabc/prop-456/2025/12/31/sess-1/dom/ff.html.gz"),
    ],
)
def test_keys_lie_under_the_sessions_first_day(kind: Kind, key: str) -> None:
    started_at = datetime(2026, 1, 1, 0, 30, tzinfo=UTC) - timedelta(hours=1)
    pending = a_pending(key=a_pending().key._replace(company_id="comp/abc"), session=a_session(started_at=started_at))
    assert object_key(pending, kind, consent_hash="ff") == key


def test_a_form_without_the_three_fields_has_no_hash() -> None:
    assert built(evidence(capture=replace(evidence().capture, form={}))).attestation["hashes"]["formData"] is None


@pytest.mark.parametrize("origin", [None, "", "not an origin", "https://[broken"])
def test_a_web_consent_must_say_where_it_was_given(origin: str | None) -> None:
    with pytest.raises(BadItem, match="names no host"):
        built(evidence(pending=a_pending(origin=origin)))


def test_a_location_that_json_cannot_hold_is_that_certificates_trouble() -> None:
    with pytest.raises(BadItem, match="canonical JSON"):
        built(evidence(pending=a_pending(geo='{"lat": 1e999}')))


def test_a_passed_lock_date_seals_nothing() -> None:
    assert built(evidence(pending=a_pending(retain_until=NOW))).sealed.documents == []


def test_an_open_session_that_is_over_is_closed_with_what_was_read() -> None:
    over = a_session(closed_at=None, last_chunk_at=NOW - timedelta(minutes=30))
    made = built(evidence(pending=a_pending(session=over)))
    assert made.closes is not None
    assert (made.closes.session_id, made.closes.recording) == ("sess-1", RECORDING)
    assert made.certificate["recordingComplete"] is True
    still_open = a_session(closed_at=None, last_chunk_at=NOW - timedelta(minutes=29))
    made = built(evidence(pending=a_pending(session=still_open)))
    assert (made.closes, made.certificate["recordingComplete"]) == (None, False)


def test_each_document_says_what_it_is() -> None:
    assert {document.kind: document.content_type for document in built().sealed.documents} == {
        Kind.CERTIFICATE: "application/json",
        Kind.ATTESTATION: "application/json",
        Kind.DOM: "application/gzip",
    }
