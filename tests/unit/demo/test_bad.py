"""Every bad visit is bad in the way that its kind says, and in no other."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demo.bad import DEMO_KINDS, LARGEST_EVENT_BYTES, OUTSIDE, STRANGE_TEXT, BadKind, spoil
from demo.captures import TYPES
from demo.tenants import TENANTS
from demo.visits import Visit, make_visit
from econsent_jobs.core.canonical_json import sha256_hex

BASE = Path("/efs")
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FOLDER = BASE / "demo-01" / "demo-01-quote"


def good() -> Visit:
    return make_visit(TENANTS[0], efs_base=BASE, seed=1, number=1, ended_at=NOW, source="form10", submissions=1)


def contents(visit: Visit) -> bytes:
    assert visit.recording is not None
    return visit.recording.contents


def hash_agrees(visit: Visit) -> bool:
    return visit.session.recording_sha256 == sha256_hex(contents(visit))


def capture(visit: Visit) -> dict:
    return json.loads(visit.certificates[0].capture)


def is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def leads_outside(visit: Visit) -> bool:
    assert visit.recording is not None
    target = visit.recording.link_to
    return target is not None and target.is_relative_to(BASE / OUTSIDE) and visit.recording.path.is_relative_to(FOLDER)


def has_digits_beyond_reading(visit: Visit) -> bool:
    seen: list[str] = []
    json.loads(visit.certificates[0].capture, parse_float=seen.append)
    return "1e5000" in seen


IS_WHAT_IT_SAYS: dict[BadKind, Callable[[Visit], bool]] = {
    BadKind.RECORDING_MISSING: lambda v: v.recording is None and Path(v.session.recording_path or "").is_relative_to(FOLDER),
    BadKind.RECORDING_TRUNCATED: lambda v: not is_json(contents(v)) and hash_agrees(v),
    BadKind.RECORDING_ALTERED: lambda v: is_json(contents(v)) and not hash_agrees(v),
    BadKind.RECORDING_SYMLINK: leads_outside,
    BadKind.EVENT_TOO_LARGE: lambda v: max(len(json.dumps(e)) for e in json.loads(contents(v))) > LARGEST_EVENT_BYTES and hash_agrees(v),
    BadKind.SESSION_ID_TRAVERSAL: lambda v: v.recording is not None and v.recording.path.is_relative_to(BASE / OUTSIDE),
    BadKind.SESSION_ID_ABSOLUTE: lambda v: v.session.session_id.startswith("/") and not str(v.session.recording_path).startswith("/efs"),
    BadKind.PAGE_MISSING: lambda v: v.pages == () and v.certificates[0].dom_staging_path is not None,
    BadKind.WRONG_TYPES: lambda v: isinstance(capture(v)["consents"], str) and isinstance(capture(v)["viewport"], str),
    BadKind.IMPOSSIBLE_COLOURS: lambda v: capture(v)["disclosure"]["style"]["backgroundColor"] == "#GGGGGG",
    BadKind.UNKNOWN_CONSENT_TYPE: lambda v: any(r["type"].upper() not in TYPES for r in capture(v)["consents"]),
    BadKind.STRANGE_TEXT: lambda v: capture(v)["disclosure"]["text"] == STRANGE_TEXT,
    BadKind.HUGE_NUMBER: has_digits_beyond_reading,
    BadKind.CONSENT_IN_FUTURE: lambda v: v.certificates[0].consent_at > NOW + timedelta(days=1),
}


@pytest.mark.parametrize("kind", BadKind)
def test_is_what_it_says(kind: BadKind) -> None:
    assert IS_WHAT_IT_SAYS[kind](spoil(good(), kind))


@pytest.mark.parametrize("kind", BadKind)
def test_is_bad_in_no_other_way(kind: BadKind) -> None:
    others = [other for other in BadKind if other is not kind and passes(other, spoil(good(), kind))]

    assert others == []


@pytest.mark.parametrize("kind", BadKind)
def test_a_good_visit_is_not_taken_for_one(kind: BadKind) -> None:
    assert not passes(kind, good())


@pytest.mark.parametrize("kind", BadKind)
def test_still_names_one_session_and_one_certificate(kind: BadKind) -> None:
    visit = spoil(good(), kind)

    assert [certificate.session_id for certificate in visit.certificates] == [visit.session.session_id]
    assert kind.value.endswith(".")


def test_the_demo_has_every_kind_but_the_large_one() -> None:
    assert set(BadKind) - set(DEMO_KINDS) == {BadKind.EVENT_TOO_LARGE}


def test_an_open_session_has_no_hash_even_when_its_recording_is_bad() -> None:
    visit = make_visit(TENANTS[0], efs_base=BASE, seed=1, number=1, ended_at=NOW, closed=False, submissions=1)

    assert spoil(visit, BadKind.RECORDING_TRUNCATED).session.recording_sha256 is None


def passes(kind: BadKind, visit: Visit) -> bool:
    """Whether a visit looks like this kind; a visit whose recording or capture cannot even be read for the question does not."""
    try:
        return IS_WHAT_IT_SAYS[kind](visit)
    except (AssertionError, ValueError, TypeError):
        return False
