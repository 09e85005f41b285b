"""The builders that tests of jobs use, and what jsonb lets in at all."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from demo.bad import BadKind, spoil
from demo.captures import good_capture
from demo.insert import insert_certificate, insert_session, insert_sessionless_certificate, insert_tenant, insert_visits
from demo.tenants import TENANTS, tenant
from demo.visits import make_visit
from econsent_jobs.io.database import loads

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_one_session_with_two_certificates(platform: psycopg.Connection, efs_base: Path) -> None:
    visit = insert_session(platform, efs_base, seed=7, ended_at=NOW)
    keys = [insert_certificate(platform, visit, submission_no=number) for number in (1, 2)]

    found = platform.execute(
        "SELECT certificate_pk, session_id, status FROM econsent.certificates WHERE company_id = 'demo-01' ORDER BY submission_no"
    ).fetchall()
    assert found == [(key, visit.session.session_id, "pending") for key in keys]
    assert visit.recording is not None
    assert visit.recording.path.read_bytes() == visit.recording.contents
    assert [page.path.read_bytes() for page in visit.pages] == [page.contents for page in visit.pages]


def test_keeps_a_session_as_long_as_its_property_says(platform: psycopg.Connection, efs_base: Path) -> None:
    for owner in TENANTS:
        for seed in range(1, 6):
            insert_session(platform, efs_base, seed=seed, company_id=owner.company_id, ended_at=NOW)
    wrong = (
        "SELECT count(*) FROM econsent.sessions JOIN econsent.properties USING (company_id, property_id)"
        " WHERE expires_at <> started_at + session_expiration"
    )

    assert platform.execute(wrong).fetchone() == (0,)


def test_columns_can_be_overridden(platform: psycopg.Connection, efs_base: Path) -> None:
    visit = insert_session(platform, efs_base, session_id="sess-ü", closed_at=None, recording_sha256=None, recording=b"[]")
    key = insert_certificate(platform, visit, capture=good_capture(5), consent_at=NOW, consumer_email=None)

    row = platform.execute(
        "SELECT c.session_id, c.capture, c.consent_at, c.consumer_email, s.closed_at FROM econsent.certificates c"
        " JOIN econsent.sessions s USING (company_id, session_id) WHERE c.company_id = 'demo-01' AND certificate_pk = %s",
        [key],
    ).fetchone()
    assert row == ("sess-ü", good_capture(5), NOW, None, None)
    assert Path(visit.session.recording_path or "").read_bytes() == b"[]"


def test_consents_without_a_session(platform: psycopg.Connection) -> None:
    for source in ("meta", "sms", "voice"):
        insert_sessionless_certificate(platform, source, company_id="demo-03", consent_at=NOW)

    found = platform.execute("SELECT source, session_id FROM econsent.certificates WHERE company_id = 'demo-03' ORDER BY source")
    assert found.fetchall() == [("meta", None), ("sms", None), ("voice", None)]


def test_refuses_a_second_certificate_for_one_submission(platform: psycopg.Connection, efs_base: Path) -> None:
    visit = insert_session(platform, efs_base)
    insert_certificate(platform, visit)

    with pytest.raises(ValueError, match="already"):
        insert_certificate(platform, visit)


def test_refuses_columns_and_properties_that_do_not_exist(platform: psycopg.Connection, efs_base: Path) -> None:
    with pytest.raises(TypeError, match="colour"):
        insert_session(platform, efs_base, colour="red")
    with pytest.raises(errors.NotNullViolation):
        insert_session(platform, efs_base, property_id="nowhere")


def test_a_company_is_inserted_once(platform: psycopg.Connection) -> None:
    assert [insert_tenant(platform, tenant("demo-02")) for _ in range(2)] == [True, False]


@pytest.mark.parametrize("kind", BadKind)
def test_every_kind_of_bad_visit_can_be_stored(platform: psycopg.Connection, efs_base: Path, kind: BadKind) -> None:
    insert_tenant(platform, TENANTS[0])
    visit = make_visit(TENANTS[0], efs_base=efs_base, seed=1, number=1, ended_at=NOW, source="form10", submissions=1)

    assert len(insert_visits(platform, [spoil(visit, kind)])) == 1
    assert platform.execute("SELECT count(*) FROM econsent.certificate_queue").fetchone() == (1,)


@pytest.mark.parametrize("text", ["\0", "\ud800", "\udc00 low first"])
def test_jsonb_refuses_what_no_kind_therefore_holds(platform: psycopg.Connection, efs_base: Path, text: str) -> None:
    visit = insert_session(platform, efs_base)

    with pytest.raises(errors.DataError):
        insert_certificate(platform, visit, capture=json.dumps({"disclosure": {"text": text}}))


def test_jsonb_keeps_a_number_that_no_float_holds(platform: psycopg.Connection, efs_base: Path) -> None:
    insert_tenant(platform, TENANTS[0])
    visit = make_visit(TENANTS[0], efs_base=efs_base, seed=1, number=1, ended_at=NOW - timedelta(hours=1), submissions=1)
    insert_visits(platform, [spoil(visit, BadKind.HUGE_NUMBER)])

    digits = "SELECT length(capture #>> '{disclosure,rect,width}') FROM econsent.certificates WHERE company_id = 'demo-01'"
    assert platform.execute(digits).fetchone() == (5001,)
    read = platform.execute("SELECT capture::text FROM econsent.certificates WHERE company_id = 'demo-01'").fetchone()
    assert read is not None
    assert loads(read[0])["disclosure"]["rect"]["width"] == Decimal("1e5000"), "it may not keep a row from being read"
