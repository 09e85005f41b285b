"""What the index shows of a certificate: the specification as tables."""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from econsent_jobs.core.canonical_json import canonical_json
from econsent_jobs.core.errors import BadItem
from econsent_jobs.elasticsearch_sync.mapping import PROPERTIES
from econsent_jobs.elasticsearch_sync.model import Document, Key, Source
from econsent_jobs.elasticsearch_sync.rules.projection import (
    ABOUT_WRITING,
    LONGEST_TEXT,
    MOST_SUMMED,
    PART_DIGITS,
    Consumer,
    Geo,
    OptOut,
    Shown,
    digest_of,
    fold,
    is_revoked,
    part_of,
    project,
    shown,
)

KEY = Key("acme", 7)
ROW = Source(
    certificate_pk=7,
    row_version=3,
    status="finalized",
    certificate_id="EC-1",
    session_id="s-1",
    property_id="shop",
    source="session",
    consent_at_ms=1_772_323_200_000,
    finalized_at_ms=1_772_323_500_000,
    expires_at_ms=None,
    consumer_phone="+12025550123",
    consumer_email="Ann@Example.com",
    consumer_name="Ann Müller",
    ip="2001:db8::1",
    geo={"region": "Bavaria"},
    origin="https://shop.example",
    domain="shop.example",
    consent_records=[{"id": "1", "type": "call", "value": "Café"}, {"id": "2", "type": "text", "value": "Café"}],
    opt_out={"revoke": False},
    recorded=True,
    retention_status="retained",
    rrweb_to_video_status="completed",
    disclosure_sha256="a" * 64,
    template_id=None,
    template_version=None,
    language="de",
    wcag_level="AA",
    disclosure_visible="true",
)


def document(**changes: Any) -> Document:
    return project(KEY, ROW._replace(**changes), row_version=1, indexed_at_ms=5)


def body(**changes: Any) -> dict[str, Any]:
    return json.loads(document(**changes).body)


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        pytest.param({}, "consent_text", "Cafe", id="a text is shown once, without accents"),
        pytest.param({}, "consent_types", ["call", "text"], id="every type is shown once, in order"),
        pytest.param(
            {"consumer_name": None, "consumer_phone": ""}, "consumer", {"email": "Ann@Example.com"}, id="a consumer without a name"
        ),
        pytest.param({}, "geo", {"region": "Bavaria"}, id="a place without a country is a place"),
        pytest.param({"geo": {"country": 5, "city": ""}}, "geo", None, id="what is no name of a place is left out"),
        pytest.param({"geo": "DE"}, "geo", None, id="a place that is no object is left out"),
        pytest.param({"ip": "192.0.2.1"}, "ip", "192.0.2.1", id="an address of the fourth family"),
        pytest.param({}, "ip", "2001:db8::1", id="an address of the sixth family"),
        pytest.param({"consent_at_ms": 252_455_616_000_000}, "consent_at", 252_455_616_000_000, id="a year beyond 9999 is shown"),
        pytest.param({"expires_at_ms": None}, "expires_at", None, id="a time that is infinite or missing is left out"),
        pytest.param({"consent_records": None}, "consent_text", None, id="no records, no text"),
        pytest.param({"consent_records": {"value": "x"}}, "consent_text", None, id="records that are no list are left out"),
        pytest.param({"consent_records": [5, {"value": 6, "type": []}]}, "consent_types", None, id="what is no record is left out"),
        pytest.param({"retention_status": "expired"}, "has_replay", False, id="an expired recording cannot be replayed"),
        pytest.param({"retention_status": "deleted"}, "has_replay", False, id="nor one that is gone"),
        pytest.param({"recorded": False}, "has_replay", False, id="what was never recorded cannot be replayed"),
        pytest.param({"rrweb_to_video_status": "failed"}, "has_video", False, id="only a finished video is one"),
        pytest.param({"disclosure_visible": "true"}, "disclosure_visible", True, id="a disclosure that was seen is told"),
        pytest.param({"disclosure_visible": "false"}, "disclosure_visible", False, id="a hidden disclosure is told"),
        pytest.param({"disclosure_visible": None}, "disclosure_visible", None, id="where nothing was measured, nothing is told"),
        pytest.param(
            {"opt_out": {"revoke": True, "revoked_at": "2026-03-02T10:00:00Z"}},
            "opt_out",
            {"revoke": True, "revoked_at": 1_772_445_600_000},
            id="a revocation is shown with its time",
        ),
        pytest.param(
            {"opt_out": {"revoke": False, "revoked_at": "2026-03-02T10:00:00Z"}},
            "opt_out",
            {"revoke": False},
            id="what was taken back has no time",
        ),
        pytest.param({"opt_out": {"revoke": True, "revoked_at": "soon"}}, "opt_out", {"revoke": True}, id="or without, if it has none"),
        pytest.param({"opt_out": {"revoke": True, "revoked_at": 5}}, "opt_out", {"revoke": True}, id="or one that is no text"),
        pytest.param(
            {"opt_out": {"revoke": True, "revokedAt": "2026-03-02T10:00:00"}},
            "opt_out",
            {"revoke": True, "revoked_at": 1_772_445_600_000},
            id="or one in the other spelling, which means UTC",
        ),
        pytest.param(
            {"opt_out": {"revoke": True, "revoked_at": "2026-03-02T11:00:00+01:00"}},
            "opt_out",
            {"revoke": True, "revoked_at": 1_772_445_600_000},
            id="or in a zone of its own",
        ),
    ],
)
def test_fields(changes: dict[str, Any], field: str, expected: Any) -> None:
    assert body(**changes).get(field) == expected


def test_a_whole_document() -> None:
    found = body(
        disclosure_visible="false",
        domain="shop.example",
        expires_at_ms=1_930_000_000_000,
        geo={"country": "DE", "region": "Bavaria", "city": "Ulm", "planet": "Earth"},
        template_id="t",
        template_version="2",
    )

    assert {name: value for name, value in found.items() if name not in ABOUT_WRITING} == {
        "certificate_id": "EC-1",
        "certificate_pk": 7,
        "company_id": "acme",
        "consent_at": 1_772_323_200_000,
        "consent_text": "Cafe",
        "consent_types": ["call", "text"],
        "consumer": {"email": "Ann@Example.com", "name": "Ann Muller", "phone": "+12025550123"},
        "deleted": False,
        "disclosure_sha256": "a" * 64,
        "disclosure_visible": False,
        "domain": "shop.example",
        "expires_at": 1_930_000_000_000,
        "finalized_at": 1_772_323_500_000,
        "geo": {"city": "Ulm", "country": "DE", "region": "Bavaria"},
        "has_replay": True,
        "has_video": True,
        "ip": "2001:db8::1",
        "language": "de",
        "opt_out": {"revoke": False},
        "origin": "https://shop.example",
        "property_id": "shop",
        "retention_status": "retained",
        "session_id": "s-1",
        "source": "session",
        "status": "finalized",
        "template_id": "t",
        "template_version": "2",
        "wcag_level": "AA",
    }
    assert (found["indexed_at"], found["row_version"]) == (5, 3)
    assert document().key == KEY


NOTHING_KNOWN = dict.fromkeys(set(Source._fields) - {"certificate_pk", "row_version", "status", "recorded", "opt_out", "geo"})
ALWAYS_SHOWN = {"certificate_pk", "company_id", "deleted", "has_replay", "has_video", "opt_out", "status"}


@pytest.mark.parametrize(
    ("geo", "names"),
    [
        pytest.param(None, set(), id="no place"),
        pytest.param({"city": "Ulm"}, {"city"}, id="a city"),
        pytest.param({"country": "DE"}, {"country"}, id="a country"),
        pytest.param({"region": "Bavaria"}, {"region"}, id="a region"),
    ],
)
def test_what_is_not_known_is_left_out(geo: Any, names: set[str]) -> None:
    found = body(**NOTHING_KNOWN, geo=geo, opt_out={"revoke": True})

    assert found.keys() - ABOUT_WRITING - {"geo"} == ALWAYS_SHOWN
    assert found.get("geo", {}).keys() == names
    assert found["opt_out"] == {"revoke": True}


@pytest.mark.parametrize("name", ["consumer_email", "consumer_name", "consumer_phone"])
def test_a_consumer_of_whom_one_thing_is_known(name: str) -> None:
    assert body(**NOTHING_KNOWN | {name: "x"})["consumer"] == {name.removeprefix("consumer_"): "x"}


@pytest.mark.parametrize(
    ("opt_out", "revoked"),
    [
        pytest.param({"revoke": False}, False, id="an explicit no"),
        pytest.param({}, False, id="nothing said"),
        pytest.param({"revoke": None}, False, id="nothing said, in words"),
        pytest.param({"revoke": True}, True, id="an explicit yes"),
        pytest.param({"revoke": "true"}, True, id="a yes of another kind"),
        pytest.param({"revoke": 0}, True, id="what is no answer counts as a yes"),
    ],
)
def test_a_consent_in_doubt_is_not_shown_as_given(opt_out: Any, revoked: bool) -> None:
    assert is_revoked(opt_out) is revoked


@pytest.fixture
def new_york() -> Iterator[None]:
    """The worker's own zone, for the length of a test."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/New_York"
    time.tzset()
    yield
    os.environ.pop("TZ")
    os.environ.update({} if before is None else {"TZ": before})
    time.tzset()


def test_a_time_without_a_zone_is_utc_wherever_the_worker_runs(new_york: None) -> None:
    assert time.localtime(0).tm_hour == 19
    assert body(opt_out={"revoke": True, "revoked_at": "2026-03-02T10:00:00"})["opt_out"]["revoked_at"] == 1_772_445_600_000


@pytest.mark.parametrize("status", ["expired", "deleted", "failed", "pending", "processing"])
def test_only_a_finalised_certificate_counts(status: str) -> None:
    found = document(status=status)

    assert found.deleted
    stored = json.loads(found.body)
    assert set(stored) == {"certificate_pk", "company_id", "deleted", *ABOUT_WRITING}
    assert (stored["certificate_pk"], stored["company_id"], stored["deleted"]) == (7, "acme", True)


def test_a_row_that_is_gone_is_a_tombstone_at_the_version_that_was_wanted() -> None:
    found = project(KEY, None, row_version=9, indexed_at_ms=5)

    assert (found.deleted, found.row_version) == (True, 9)


def test_the_digest_is_of_the_canonical_form_and_of_the_content_alone() -> None:
    found = document(consumer_name='\u0001 \u2028 \U0001f600 \\ " / \u007f')
    stored = json.loads(found.body)
    content = {name: value for name, value in stored.items() if name not in ABOUT_WRITING}

    assert stored["projection_sha256"] == found.sha256 == hashlib.sha256(canonical_json(content)).hexdigest() == digest_of(stored)
    assert document(row_version=4).sha256 == document().sha256
    assert document(domain="other.example").sha256 != document().sha256


@pytest.mark.parametrize("kind", [Shown, Consumer, Geo, OptOut])
def test_names_stand_in_the_order_of_the_canonical_form(kind: type[msgspec.Struct]) -> None:
    assert list(kind.__struct_fields__) == sorted(kind.__struct_fields__)


def test_the_index_has_a_field_for_all_that_is_shown_and_for_nothing_else() -> None:
    assert PROPERTIES.keys() - ABOUT_WRITING == set(Shown.__struct_fields__)


def test_the_part_tells_content_and_version_and_its_sums_stay_exact() -> None:
    assert part_of("a" * 64, 1) != part_of("a" * 64, 2)
    assert part_of("a" * 64, 1) != part_of("b" * 64, 1)
    assert MOST_SUMMED * 16**PART_DIGITS <= 2**53


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("plain", "plain"),
        ("Ünïcödé Straße", "Unicode Strasse"),
        ("đồng ý", "dong y"),
        ("Ελλάδα й", "Ελλαδα и"),
        ("동의합니다", "동의합니다"),
        ("同意する ガ", "同意する ガ"),
        ("ﬁne ²", "fine 2"),
        ("đĐøØłŁßæÆœŒ\u0131", "dDoOlLssaeAEoeOEi"),
    ],
)
def test_accents_are_folded_and_other_scripts_kept(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_texts_of_4900_characters_in_ten_languages_are_searched_whole() -> None:
    languages = ["e", "ñ", "é", "ã", "ü", "à", "同", "臺", "동", "đ"]
    records = [{"id": str(number), "type": "call", "value": letter * 4_900} for number, letter in enumerate(languages)]

    assert len(shown(KEY, ROW._replace(consent_records=records)).consent_text or "") == 10 * 4_900 + 9


def test_texts_are_bounded() -> None:
    records = [{"id": str(number), "type": "call", "value": f"{number}" * 4_900} for number in range(100)]

    assert len(body(consent_records=records)["consent_text"]) == LONGEST_TEXT == 200_000


def test_a_document_that_no_request_could_carry_is_refused() -> None:
    with pytest.raises(BadItem, match="at most"):
        document(origin="x" * 5 * 1024**2)
    assert len(document(origin="x" * (5 * 1024**2 - 2_000)).body) < 5 * 1024**2
