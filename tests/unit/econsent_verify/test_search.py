"""What the verifier of the search index knows by itself, held against a document that was written by hand and hashed by ``sha256sum``."""

from typing import Any

import pytest

from econsent_verify.elasticsearch_sync import Report, compare

ROW: dict[str, Any] = {
    "certificate_pk": 7,
    "row_version": 3,
    "status": "finalized",
    "certificate_id": "EC-1",
    "session_id": "s-1",
    "property_id": "shop",
    "source": "session",
    "consumer_phone": "+12025550123",
    "consumer_email": "Ann@Example.com",
    "consumer_name": "Ann Müller",
    "geo": {"city": "Zürich", "planet": "Earth", "country": 3},
    "origin": "https://shop.example",
    "domain": "shop.example",
    "consent_records": [
        {"type": "text", "value": "Café"},
        {"type": "call", "value": "Café"},
        {"type": "call", "value": "no œ"},
        "no record",
    ],
    "opt_out": {"revoke": "yes", "revokedAt": "2026-03-02T10:00:00Z"},
    "retention_status": "retained",
    "disclosure_sha256": None,
    "template_id": None,
    "template_version": "",
    "language_detected": "de",
    "wcag_level": "AA",
    "ip": "2001:db8::1",
    "consent_at": 1772323200000,
    "finalized_at": 1772323500000,
    "expires_at": None,
    "has_replay": True,
    "has_video": False,
    "disclosure_visible": "true",
    "waits": False,
}
SOURCE: dict[str, Any] = {
    "certificate_id": "EC-1",
    "certificate_pk": 7,
    "company_id": "acme",
    "consent_at": 1772323200000,
    "consent_text": "Cafe\nno oe",
    "consent_types": ["call", "text"],
    "consumer": {"email": "Ann@Example.com", "name": "Ann Muller", "phone": "+12025550123"},
    "deleted": False,
    "disclosure_visible": True,
    "domain": "shop.example",
    "finalized_at": 1772323500000,
    "geo": {"city": "Zürich"},
    "has_replay": True,
    "has_video": False,
    "ip": "2001:db8::1",
    "language": "de",
    "opt_out": {"revoke": True, "revoked_at": 1772445600000},
    "origin": "https://shop.example",
    "property_id": "shop",
    "retention_status": "retained",
    "session_id": "s-1",
    "source": "session",
    "status": "finalized",
    "wcag_level": "AA",
    "digest_part": 500154336278,
    "indexed_at": 1772323600000,
    "projection_sha256": "e3caacbc454142038dc3a9177019f8e35a305c5938baca02207eb4eb9c22946a",
    "row_version": 3,
}
TOMBSTONE: dict[str, Any] = {
    "certificate_pk": 7,
    "company_id": "acme",
    "deleted": True,
    "digest_part": 619682468947,
    "indexed_at": 1772323600000,
    "projection_sha256": "e70c915fdc08abaa82d6133313091a5e1bab0e39eb3edd80364d67b229df0277",
    "row_version": 4,
}
GONE = {**ROW, "status": "deleted", "row_version": 4}
EPOCH = 1_099_511_627_776


def findings(row: dict[str, Any], source: dict[str, Any], **envelope: Any) -> list[str]:
    document = {"_id": "acme:7", "_routing": "acme", "_version": source["row_version"], "_source": source, "sort": [7], **envelope}
    report = Report()
    compare(row, [document], "acme", {"index_name": "certificates-v1-000001", "version_epoch": 1}, report)
    return [finding.removeprefix("certificates-v1-000001 acme/7: ") for finding in report.findings]


@pytest.mark.parametrize(
    ("row", "source", "version"),
    [
        pytest.param(ROW, SOURCE, 3, id="a certificate"),
        pytest.param(ROW, SOURCE, EPOCH + 3, id="written in a newer epoch"),
        pytest.param(GONE, TOMBSTONE, 4, id="a tombstone"),
    ],
)
def test_the_golden_documents_hold(row: dict[str, Any], source: dict[str, Any], version: int) -> None:
    assert findings(row, source, _version=version) == []


@pytest.mark.parametrize(
    ("row", "source", "envelope", "finding"),
    [
        pytest.param(ROW, SOURCE, {"_version": 2}, "version 2 is not the row's, 3", id="an older version"),
        pytest.param(
            ROW, SOURCE, {"_version": 2 * EPOCH + 3}, f"version {2 * EPOCH + 3} belongs to no write of the job", id="an epoch to come"
        ),
        pytest.param(ROW, SOURCE, {"_routing": "other"}, "it lies where no search of its company looks", id="elsewhere"),
        pytest.param(ROW, SOURCE, {"_id": "acme:8"}, "it lies where no search of its company looks", id="under another id"),
        pytest.param(ROW, {**SOURCE, "digest_part": 1}, {}, "the digest that it carries is not its own", id="another part"),
        pytest.param(ROW, {**SOURCE, "consent_at": 2**60}, {}, "it has no canonical form, so no digest can be its own", id="a huge number"),
        pytest.param(ROW, {**SOURCE, "further": 1}, {}, "these fields differ: further", id="a further field"),
        pytest.param(
            GONE,
            {**TOMBSTONE, "origin": "x"},
            {},
            "the certificate is deleted, and its document is no bare tombstone",
            id="more than a tombstone",
        ),
    ],
)
def test_what_differs_is_named(row: dict[str, Any], source: dict[str, Any], envelope: dict[str, Any], finding: str) -> None:
    assert finding in findings(row, source, **envelope)
