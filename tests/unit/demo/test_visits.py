"""Visits are made up the same way each time, fit together, and belong to nobody."""

import ipaddress
import json
import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demo.tenants import TENANTS, Tenant
from demo.visits import SessionRow, Visit, make_sessionless, make_visit
from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.text import norm_text

BASE = Path("/efs")
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NETWORKS = [ipaddress.ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]
RESERVED_DOMAIN = re.compile(r"(^|[@./])example\.(com|net|org)(/|$)")


def some_visits(seed: int = 1, count: int = 40) -> list[Visit]:
    return [make_visit(owner, efs_base=BASE, seed=seed, number=n, ended_at=NOW) for owner in TENANTS for n in range(1, count + 1)]


def test_the_same_seed_gives_the_same_visits_to_the_byte() -> None:
    assert some_visits() == some_visits()


def test_another_seed_gives_others() -> None:
    pairs = list(zip(some_visits(seed=1), some_visits(seed=2), strict=True))

    assert all(one.session.recording_sha256 != other.session.recording_sha256 for one, other in pairs)


@pytest.mark.parametrize("owner", TENANTS, ids=lambda owner: owner.company_id)
def test_session_recording_and_page_fit_together(owner: Tenant) -> None:
    for number in range(1, 30):
        visit = make_visit(owner, efs_base=BASE, seed=3, number=number, ended_at=NOW, submissions=2)
        session, file = visit.session, visit.recording
        assert file is not None
        events = json.loads(file.contents)

        assert file.path == BASE / owner.company_id / session.property_id / f"{session.session_id}.json"
        assert session.recording_path == str(file.path)
        assert (session.recording_sha256, session.recording_bytes) == (sha256_hex(file.contents), len(file.contents))
        assert session.recording_events == len(events)
        assert [events[0]["timestamp"], events[-1]["timestamp"]] == [milliseconds(session.started_at), milliseconds(NOW)]
        assert [c.submission_no for c in visit.certificates] == [1, 2]
        assert all(session.started_at < c.consent_at <= NOW for c in visit.certificates)
        assert [c.dom_staging_path for c in visit.certificates] == [str(page.path) for page in visit.pages]
        assert len({page.path for page in visit.pages}) == 2


def test_an_open_visit_is_the_same_one_before_its_end() -> None:
    closed, still_open = (make_visit(TENANTS[0], efs_base=BASE, seed=1, number=1, ended_at=NOW, closed=c) for c in (True, False))
    assert closed.recording is not None
    assert still_open.recording is not None

    assert still_open.session.closed_at is None
    assert still_open.session.recording_sha256 is None
    assert json.loads(still_open.recording.contents) == json.loads(closed.recording.contents)[:-1]
    assert still_open.certificates == closed.certificates
    differing = {f.name for f in fields(SessionRow) if getattr(closed.session, f.name) != getattr(still_open.session, f.name)}
    assert differing == {"closed_at", "recording_sha256", "recording_bytes", "recording_events"}


def test_nobody_and_nothing_in_it_is_real() -> None:
    certificates = [certificate for visit in some_visits() for certificate in visit.certificates]
    certificates += [make_sessionless(o, s, seed=1, number=1, consent_at=NOW) for o in TENANTS for s in ("meta", "sms", "voice")]

    for row in certificates:
        assert re.fullmatch(r"\+1\d{3}55501\d\d", row.consumer_phone or "")
        assert row.consumer_email is None or RESERVED_DOMAIN.search(row.consumer_email)
        assert row.origin is None or RESERVED_DOMAIN.search(row.origin)
        assert row.ip is None or any(ipaddress.ip_address(row.ip) in network for network in NETWORKS)
        assert row.geo is None or row.geo["city"] == "Exampleville"
    assert len({row.consumer_name for row in certificates}) > 20


def test_e_mail_addresses_of_members_are_reserved_too() -> None:
    assert all(RESERVED_DOMAIN.search(member.email.replace("@", ".")) for owner in TENANTS for member in owner.members)


def test_the_form_was_filled_in_by_the_consumer_of_the_certificate() -> None:
    for visit in some_visits(count=10):
        for row in visit.certificates:
            form = json.loads(row.capture)["form"]
            digits = re.sub(r"\D", "", form["phone"])
            assert row.consumer_phone == f"+1{digits}"
            assert row.consumer_email == form["email"].strip().lower()
            assert row.consumer_name == norm_text(form["name"])


def test_sessionless_consents_have_no_page_and_a_reference() -> None:
    for source in ("meta", "sms", "voice"):
        row = make_sessionless(TENANTS[1], source, seed=1, number=7, consent_at=NOW)
        capture = json.loads(row.capture)

        assert (row.source, row.session_id, row.source_ref) == (source, None, "demo-02-s0007")
        assert row.dom_staging_path is None
        assert [capture["viewport"], capture["disclosure"]["rect"], capture["disclosure"]["style"]] == [None, None, None]
        assert capture["disclosure"]["text"]


def test_most_disclosures_are_registered_and_some_are_not() -> None:
    known = {template.body_sha256 for owner in TENANTS for template in owner.templates}
    rows = [row for visit in some_visits() for row in visit.certificates]
    matches = sum(sha256_hex(norm_text(json.loads(row.capture)["disclosure"]["text"]).encode()) in known for row in rows)

    assert len(rows) * 0.5 < matches < len(rows) * 0.9


def milliseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
