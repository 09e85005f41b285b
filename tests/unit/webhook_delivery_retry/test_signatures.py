"""How a request says whom it is from."""

import hashlib
import hmac
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from econsent_jobs.webhook_delivery_retry.model import HeaderNames, Request, Secret
from econsent_jobs.webhook_delivery_retry.rules.signatures import build_request, in_force, sign
from tests.unit.webhook_delivery_retry.examples import BODY, NOW, claimed

OLD = Secret(value=b"whsec_old", documented_header=True, ends_at=NOW + timedelta(hours=1))
NEW = Secret(value=b"whsec_new", documented_header=False, ends_at=None)
ONLY = Secret(value=b"whsec_only", documented_header=True, ends_at=None)
SENT = int(NOW.timestamp())


def request(secrets: list[Secret], **changes: Any) -> Request:
    return build_request(claimed(**changes), secrets, now=NOW, names=HeaderNames())


def test_a_known_signature() -> None:
    """RFC 4231, test case 2."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert sign(b"Jefe", b"what do ya want for nothing?") == expected


def test_the_documented_header_covers_the_raw_body() -> None:
    headers = request([ONLY]).headers

    assert headers["X-EConsent-Signature"] == f"sha256={hmac.new(b'whsec_only', BODY, hashlib.sha256).hexdigest()}"
    assert "X-EConsent-Signature-Next" not in headers
    assert headers["X-EConsent-Signature-V1"] == f"t={SENT},v1={sign(b'whsec_only', f'{SENT}.'.encode() + BODY)}"


def test_while_a_secret_is_rotated_the_old_one_keeps_the_documented_header() -> None:
    headers = request([OLD, NEW]).headers

    assert headers["X-EConsent-Signature"] == f"sha256={sign(b'whsec_old', BODY)}"
    assert headers["X-EConsent-Signature-Next"] == f"sha256={sign(b'whsec_new', BODY)}"
    timed = f"{SENT}.".encode() + BODY
    assert headers["X-EConsent-Signature-V1"] == f"t={SENT},v1={sign(b'whsec_old', timed)},v1={sign(b'whsec_new', timed)}"


@pytest.mark.parametrize(
    ("after", "signer", "following"),
    [
        pytest.param(timedelta(minutes=59), OLD, NEW, id="before the old one ends"),
        pytest.param(timedelta(hours=1), NEW, None, id="from the moment it ends the new one signs alone"),
        pytest.param(timedelta(days=30), NEW, None, id="whether or not that was noted in the table"),
    ],
)
def test_the_rotation_ends_by_the_clock(after: timedelta, signer: Secret, following: Secret | None) -> None:
    assert in_force([OLD, NEW], now=NOW + after) == (signer, following)


def test_without_a_secret_in_force_nothing_is_signed() -> None:
    with pytest.raises(ValueError, match="no secret"):
        in_force([OLD], now=NOW + timedelta(hours=2))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_the_body_is_sent_unchanged(method: str) -> None:
    found = request([ONLY], http_method=method)

    assert (found.method, found.url, found.body) == (method, "https://hooks.example.com/in", BODY)
    assert found.headers["Content-Type"] == "application/json"


def test_what_tells_deliveries_and_attempts_apart() -> None:
    headers = request([ONLY], attempts=4).headers

    assert headers["X-EConsent-Event"] == "consent.granted"
    assert headers["X-EConsent-Delivery"] == "00000000-0000-0000-0000-000000000001"
    assert headers["X-EConsent-Attempt"] == "5"
    assert headers["X-EConsent-Timestamp"] == "2026-03-02T13:59:58.123Z"
    assert headers["User-Agent"] == "eConsent-Webhooks/1.0"


def test_a_get_carries_ids_and_no_personal_data() -> None:
    found = request([ONLY], http_method="GET", url="https://hooks.example.com/in?token=a%2Bb#part")

    parts = urlsplit(found.url)
    assert (found.method, found.body) == ("GET", None)
    assert parts.query.startswith("token=a%2Bb&")
    assert parse_qs(parts.query) == {
        "token": ["a+b"],
        "event": ["consent.granted"],
        "delivery": ["00000000-0000-0000-0000-000000000001"],
        "timestamp": ["2026-03-02T13:59:58.123Z"],
        "id": ["EC-session-1"],
    }
    assert found.headers["X-EConsent-Signature"] == f"sha256={sign(b'whsec_only', BODY)}"
    assert not any("2025550123" in text or "Ada" in text for text in (found.url, *found.headers.values()))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b'{"timestamp": 5}', b'{"timestamp": "a\\r\\nX-Evil: 1"}', b'{"timestamp": "' + b"9" * 99 + b'"}', b"\xff"],
)
def test_a_body_s_odd_timestamp_reaches_no_header(body: bytes) -> None:
    assert request([ONLY], body=body).headers["X-EConsent-Timestamp"] == "2026-03-02T14:00:00.000Z"


def test_nothing_secret_is_shown() -> None:
    assert "whsec" not in repr(ONLY)
    assert "sha256" not in repr(request([ONLY]))
