"""What proves deletions, byte by byte: whoever verifies offline computes the same bytes."""

import hashlib
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from econsent_jobs.retention_enforcement.rules.destruction import certificate_document, certificate_key, kept_until, root_document, root_key
from tests.unit.retention_enforcement.examples import a_tombstone

MADE_AT = datetime(2026, 4, 1, 3, 15, 7, 123_999, tzinfo=UTC)
ZEROS, ONES, ROOT = "0" * 64, "1" * 64, "ab" * 32


def test_a_root_says_how_many_leaves_it_stands_for() -> None:
    text = f'{{"leaves":42,"madeAt":"2026-04-01T03:15:07.123Z","root":"{ROOT}","schema":1,"what":"root"}}'

    assert root_document(leaves=42, root_sha256=ROOT, made_at=MADE_AT) == text.encode()


@pytest.mark.parametrize(
    ("leaves", "key"),
    [
        (0, "tombstones/roots/000000000000-cdcdcdcdcdcdcdcd.json"),
        (42, "tombstones/roots/000000000042-cdcdcdcdcdcdcdcd.json"),
        (999_999_999_999, "tombstones/roots/999999999999-cdcdcdcdcdcdcdcd.json"),
        (1_000_000_000_000, "tombstones/roots/1000000000000-cdcdcdcdcdcdcdcd.json"),
    ],
)
def test_roots_are_listed_in_the_order_of_the_log_and_named_by_their_bytes(leaves: int, key: str) -> None:
    assert root_key(leaves, document_sha256="cd" * 32) == key


def with_leaf(text: str) -> str:
    """The leaf's own hash stands in its place in the alphabet, and is not part of what it hashes."""
    leaf = hashlib.sha256(b"\0" + text.encode()).hexdigest()
    return text.replace('"logNo"', f'"leaf":"{leaf}","logNo"')


def test_a_certificate_of_destruction_names_every_object_and_rule() -> None:
    tombstones = [
        a_tombstone(),
        a_tombstone(
            log_no=9,
            object_key="acme/2.mp4",
            version_id=None,
            size_bytes=40,
            sha256=ONES,
            rule="customer_policy",
            run_id="command:ada",
            deleted_at=datetime(2026, 3, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        ),
        a_tombstone(log_no=10, object_key="acme/3.json"),
    ]
    certificate = (
        '{"bytes":3,"companyId":"acme","deletedAt":"2026-03-01T03:15:00.001Z","logNo":4,"objectKey":"acme/1.json",'
        f'"rule":"default","runId":"night","sha256":"{ZEROS}","versionId":"v"}}'
    )
    video = (
        '{"bytes":40,"companyId":"acme","deletedAt":"2026-03-31T23:59:59.999Z","logNo":9,"objectKey":"acme/2.mp4",'
        f'"rule":"customer_policy","runId":"command:ada","sha256":"{ONES}","versionId":null}}'
    )
    another = (
        '{"bytes":3,"companyId":"acme","deletedAt":"2026-03-01T03:15:00.001Z","logNo":10,"objectKey":"acme/3.json",'
        f'"rule":"default","runId":"night","sha256":"{ZEROS}","versionId":"v"}}'
    )
    expected = (
        '{"byRule":{"customer_policy":1,"default":2},"bytes":46,"companyId":"acme",'
        f'"deleted":[{with_leaf(certificate)},{with_leaf(video)},{with_leaf(another)}],'
        f'"leaves":11,"madeAt":"2026-04-01T03:15:07.123Z","month":"2026-03","objects":3,"root":"{ROOT}","schema":1,'
        '"what":"certificate of destruction"}'
    )

    found = certificate_document(tombstones, company_id="acme", month=date(2026, 3, 1), leaves=11, root_sha256=ROOT, made_at=MADE_AT)

    assert found.decode() == expected


def test_a_month_in_which_nothing_went_is_certified_too() -> None:
    expected = (
        '{"byRule":{},"bytes":0,"companyId":"beta","deleted":[],"leaves":5,"madeAt":"2026-04-01T03:15:07.123Z","month":"2025-12",'
        f'"objects":0,"root":"{ROOT}","schema":1,"what":"certificate of destruction"}}'
    )

    found = certificate_document([], company_id="beta", month=date(2025, 12, 1), leaves=5, root_sha256=ROOT, made_at=MADE_AT)

    assert found.decode() == expected


@pytest.mark.parametrize(
    ("company_id", "month", "key"),
    [
        ("acme", date(2026, 3, 1), "tombstones/certificates/acme/2026-03-cdcdcdcdcdcdcdcd.json"),
        ("acme", date(2026, 12, 31), "tombstones/certificates/acme/2026-12-cdcdcdcdcdcdcdcd.json"),
        ("a/b c", date(2026, 3, 1), "tombstones/certificates/a%2Fb%20c/2026-03-cdcdcdcdcdcdcdcd.json"),
    ],
)
def test_a_certificate_is_named_by_its_company_month_and_bytes(company_id: str, month: date, key: str) -> None:
    assert certificate_key(company_id, month, document_sha256="cd" * 32) == key


@pytest.mark.parametrize(
    ("made_at", "until"),
    [
        pytest.param(datetime(2026, 4, 1, 3, 15, 7, tzinfo=UTC), datetime(2033, 4, 1, 3, 15, 7, tzinfo=UTC), id="two leap days in between"),
        pytest.param(
            datetime(2028, 2, 29, 3, 15, 7, 999_999, tzinfo=UTC),
            datetime(2035, 2, 28, 3, 15, 7, tzinfo=UTC),
            id="a leap day, and no fractions of a second",
        ),
        pytest.param(
            datetime(2025, 2, 28, 23, 59, 59, 1, tzinfo=UTC), datetime(2032, 2, 28, 23, 59, 59, tzinfo=UTC), id="into a leap year"
        ),
        pytest.param(
            datetime(2026, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-1))),
            datetime(2034, 1, 1, 0, 59, 59, tzinfo=UTC),
            id="as its own zone counts",
        ),
    ],
)
def test_a_root_is_kept_for_seven_calendar_years_in_whole_seconds(made_at: datetime, until: datetime) -> None:
    assert (kept_until(made_at), kept_until(made_at).microsecond) == (until, 0)
