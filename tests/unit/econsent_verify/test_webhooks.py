"""What the verifier knows by itself: signatures, addresses and waits, held against vectors that no code of ours made."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import pytest

from econsent_verify.findings import TroubleName
from econsent_verify.webhook_delivery_retry_checks.addresses import is_public
from econsent_verify.webhook_delivery_retry_checks.deliveries import check_delivery, code_fits
from econsent_verify.webhook_delivery_retry_checks.endpoints import check_endpoint
from econsent_verify.webhook_delivery_retry_checks.events import is_timestamp
from econsent_verify.webhook_delivery_retry_checks.findings import Trouble
from econsent_verify.webhook_delivery_retry_checks.records import Delivery, Endpoint
from econsent_verify.webhook_delivery_retry_checks.schedule import bounds, wait_after
from econsent_verify.webhook_delivery_retry_checks.signature import is_signed, signature_of
from tests.prove.webhooks.forbidden_targets import PUBLIC, addresses

GOLDEN = (
    # RFC 4231, test cases 1, 2, 3, 6 and 7
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        b"\xaa" * 131,
        (
            b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before"
            b" being used by the HMAC algorithm."
        ),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
)
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(("secret", "body", "expected"), GOLDEN)
def test_signatures_are_those_of_the_rfc(secret: bytes, body: bytes, expected: str) -> None:
    assert signature_of(secret, body) == f"sha256={expected}"
    assert is_signed(f"sha256={expected}", secret=secret, body=body)


def test_one_changed_bit_is_no_signature() -> None:
    body = b'{"event":"session.created"}'
    signed = signature_of(b"whsec_a", body)
    changed = [bytes([*body[:place], body[place] ^ 1, *body[place + 1 :]]) for place in range(len(body))]

    assert not any(is_signed(signed, secret=b"whsec_a", body=each) for each in changed)
    assert not is_signed(signed, secret=b"whsec_b", body=body)
    assert not is_signed(None, secret=b"whsec_a", body=body)
    assert not is_signed(signed.removeprefix("sha256="), secret=b"whsec_a", body=body)
    assert not is_signed("sha256=" + hmac.new(b"whsec_a", body, hashlib.sha1).hexdigest(), secret=b"whsec_a", body=body)


@pytest.mark.parametrize("address", sorted({address for address, _ in addresses()}))
def test_a_forbidden_address_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", [*PUBLIC, "100.63.255.255", "100.128.0.0", "172.32.0.0", "223.255.255.255", "126.255.255.255"])
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("attempt_no", "minutes"),
    [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 64), (8, 128), (9, 256), (10, 512), (11, 720), (12, 720), (15, 720), (400, 720)],
)
def test_waits_double_up_to_half_a_day(attempt_no: int, minutes: int) -> None:
    assert wait_after(attempt_no) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("status", "latest"),
    [
        (500, timedelta(minutes=11, seconds=15)),
        (None, timedelta(minutes=11, seconds=15)),
        (429, timedelta(hours=12, minutes=10)),
        (503, timedelta(hours=12, minutes=10)),
    ],
)
def test_a_wait_lies_within_its_jitter_or_is_what_was_asked_for(status: int | None, latest: timedelta) -> None:
    attempt: dict[str, Any] = {"started_at": AT, "duration_ms": 0, "status_code": status}

    assert bounds(attempt, number=1) == (AT + timedelta(seconds=45 - 2), AT + latest)


@pytest.mark.parametrize(
    ("outcome", "code", "fits"),
    [
        ("success", 200, True),
        ("success", 204, True),
        ("success", 299, True),
        ("success", 199, False),
        ("success", 300, False),
        ("success", None, False),
        ("success_truncated", 200, True),
        ("success_opaque", 200, True),
        ("redirect", 301, True),
        ("redirect", 200, False),
        ("gone", 410, True),
        ("gone", 404, False),
        ("http_error", 404, True),
        ("http_error", 500, True),
        ("http_error", 200, False),
        ("http_error", 302, False),
        ("http_error", 410, False),
        ("http_error", None, False),
        ("blocked", None, True),
        ("blocked", 200, False),
        ("dns", 500, False),
        ("tls_name", 200, False),
        ("connect", None, True),
        ("slow_body", None, True),
        ("reset", None, True),
        ("a word that nobody knows", None, False),
    ],
)
def test_an_outcome_fits_its_status(outcome: str, code: int | None, fits: bool) -> None:
    assert code_fits(outcome, code) is fits


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("2026-03-02T09:30:00.000Z", True),
        ("2026-03-02T09:30:00Z", False),
        ("2026-03-02T09:30:00.000000Z", False),
        ("2026-03-02T09:30:00.000+01:00", False),
        ("2026-13-02T09:30:00.000Z", False),
        ("2026-03-02 09:30:00.000Z", False),
        (None, False),
        (1, False),
    ],
)
def test_a_body_says_when_in_utc_and_milliseconds(text: object, right: bool) -> None:
    assert is_timestamp(text) is right


def refused_twice(*, days_ago: float, **changes: Any) -> Delivery:
    """A delivery that was made so long ago, refused twice, and taken at the third attempt."""
    made = datetime.now(UTC) - timedelta(days=days_ago)
    failed = {"outcome": "http_error", "status_code": 500, "error": "no"}
    taken = {"outcome": "success", "status_code": 200, "error": None}
    common = {"duration_ms": 0, "address": "8.8.8.8", "excerpt_bytes": 0, "jitter_percent": None, "retry_after_seconds": None}
    attempts = [
        common | failed | {"attempt_no": 1, "started_at": made, "backoff_seconds": 60},
        common | failed | {"attempt_no": 2, "started_at": made + timedelta(minutes=1), "backoff_seconds": 120},
        common | taken | {"attempt_no": 3, "started_at": made + timedelta(minutes=3), "backoff_seconds": None},
    ]
    ended = attempts[-1]["started_at"]
    row = {"delivery_id": "d", "status": "delivered", "attempts": 3, "max_attempts": 16, "lost_leases": 0, "lease_token": None}
    row |= {"leased_until": None, "next_attempt_at": ended, "created_at": made, "delivered_at": ended, "replayed": False}
    return Delivery(row=row | {"last_status_code": 200, "last_error_class": None, "last_error": None} | changes, attempts=attempts)


def troubles(delivery: Delivery, kept: slice) -> set[TroubleName]:
    remaining = Delivery(row=delivery.row, attempts=delivery.attempts[kept])
    return {found.trouble for found in check_delivery(remaining, None, loopback=False)}


@pytest.mark.parametrize("kept", [slice(0, 3), slice(1, 3), slice(2, 3), slice(3, 3)])
def test_what_retention_removes_after_90_days_is_not_missed(kept: slice) -> None:
    assert troubles(refused_twice(days_ago=91), kept) == set()


@pytest.mark.parametrize("kept", [slice(1, 3), slice(2, 3), slice(3, 3)])
def test_what_is_gone_before_is_missed(kept: slice) -> None:
    assert Trouble.NUMBERING in troubles(refused_twice(days_ago=89), kept)


@pytest.mark.parametrize("kept", [slice(0, 2), slice(0, 3, 2), slice(1, 2)])
def test_a_later_attempt_is_missed_however_old_it_is(kept: slice) -> None:
    assert Trouble.NUMBERING in troubles(refused_twice(days_ago=91), kept)


def test_what_still_waits_keeps_its_attempts_unless_it_had_ended_before() -> None:
    waiting = {"status": "retrying", "delivered_at": None, "last_error_class": "http_delivery", "last_error": "no"}

    assert Trouble.NUMBERING in troubles(refused_twice(days_ago=91, **waiting), slice(1, 3))
    assert troubles(refused_twice(days_ago=91, **waiting, replayed=True, max_attempts=18), slice(1, 3)) == set()
    assert troubles(refused_twice(days_ago=91, **waiting, replayed=True, max_attempts=19, attempts=3), slice(3, 3)) == set()


def test_a_delivery_of_lately_keeps_its_last_attempt() -> None:
    lately = datetime.now(UTC) - timedelta(days=1)

    assert Trouble.NUMBERING in troubles(refused_twice(days_ago=200, delivered_at=lately), slice(3, 3))


@pytest.mark.parametrize(
    ("told_at", "found"),
    [
        ([AT], 0),
        ([AT - timedelta(milliseconds=23), AT], 0),
        ([AT - timedelta(milliseconds=23)], 2),
        ([AT, AT], 2),
        ([], 2),
    ],
    ids=["once", "anew, after a person had enabled it again", "of another time only", "twice", "never"],
)
def test_that_an_endpoint_was_disabled_is_told_once_for_that_moment(told_at: list[datetime], found: int) -> None:
    row = {"url": "https://a.example/", "status": "disabled_auto", "disabled_at": AT, "circuit": "closed", "circuit_until": None}
    rows = [{"at": at} for at in told_at]
    endpoint = Endpoint(row=row | {"max_in_flight": 1, "max_per_second": None}, notices=rows, mails=rows)

    assert [difference.trouble for difference in check_endpoint(endpoint)] == [Trouble.NOTICE] * found


@pytest.mark.parametrize(
    ("status", "lost_leases", "fits"),
    [
        ("retrying", 3, True),
        ("retrying", 4, False),
        ("retrying", -1, False),
        ("delivering", 4, True),
        ("delivering", -1, False),
        ("exhausted", 4, False),
        ("delivered", 0, True),
        ("delivered", 1, False),
    ],
)
def test_more_than_three_leases_are_lost_only_where_the_last_claim_is_not_over(status: str, lost_leases: int, fits: bool) -> None:
    leased = {"lease_token": "t", "leased_until": AT} if status == "delivering" else {}
    delivery = refused_twice(days_ago=1, status=status, lost_leases=lost_leases, **leased)

    assert (Trouble.LEASE not in troubles(delivery, slice(0, 3))) is fits
