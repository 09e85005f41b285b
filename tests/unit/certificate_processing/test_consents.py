"""The documented steps from tagged elements to the certificate's id, as tables."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from econsent_jobs.certificate_processing.model import Category, ConsentElement, ConsentRecord, ConsentType, SigningKey
from econsent_jobs.certificate_processing.rules.consents import (
    certificate_id,
    consent_hash,
    cut,
    extract,
    fingerprint,
    most_complete,
    normalise,
    payload,
    sign,
)
from econsent_jobs.core.errors import BadItem, ErrorClass

IMPLIED, EXPLICIT = Category.MAIN_IMPLIED, Category.MAIN_EXPLICIT


def element(
    record_id: str = "c1",
    *,
    value: str = "I agree",
    kind: ConsentType = ConsentType.TEXT,
    category: Category = IMPLIED,
    checked: bool | None = None,
    visible: bool = True,
) -> ConsentElement:
    return ConsentElement(id=record_id, type=kind, category=category, value=value, checked=checked, visible=visible)


@pytest.mark.parametrize(
    ("found", "given"),
    [
        pytest.param(element(), True, id="implied and visible"),
        pytest.param(element(category=EXPLICIT, checked=True), True, id="a ticked box"),
        pytest.param(element(category=EXPLICIT), True, id="explicit without a box, such as a button"),
        pytest.param(element(category=EXPLICIT, checked=False), False, id="an unticked box is no consent"),
        pytest.param(element(visible=False), False, id="what nobody could see"),
        pytest.param(element(checked=False), True, id="implied consent has no box to tick"),
    ],
)
def test_extract(found: ConsentElement, given: bool) -> None:
    other = element("other")
    assert extract([found, other]) == ([found, other] if given else [other])


def test_a_certificate_needs_a_consent() -> None:
    with pytest.raises(BadItem, match="no visible consent") as refusal:
        extract([element(visible=False)])
    assert refusal.value.error_class is ErrorClass.DATA


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(element(value="I agree to calls"), element(value="I agree", category=EXPLICIT), id="the longest value"),
        pytest.param(element(category=EXPLICIT), element(category=IMPLIED), id="then explicit over implied"),
        pytest.param(element(kind=ConsentType.TEXT), element(kind=ConsentType.CALL), id="then by content, whatever the order"),
    ],
)
def test_the_most_complete_duplicate_stays(one: ConsentElement, other: ConsentElement) -> None:
    assert most_complete([one, other]) == most_complete([other, one]) == [one]


def test_records_are_ordered_by_id() -> None:
    assert [found.id for found in most_complete([element("c2"), element("c10"), element("C1")])] == ["C1", "c10", "c2"]


@pytest.mark.parametrize(
    ("text", "unit", "characters"),
    [
        pytest.param("x" * 4_900, "code points", 4_900, id="exactly the limit"),
        pytest.param("x" * 4_901, "code points", 4_900, id="one more"),
        pytest.param("🙂" * 4_901, "code points", 4_900, id="an emoji is one code point"),
        pytest.param("🙂" * 4_901, "UTF-16 units", 2_450, id="and two UTF-16 units"),
        pytest.param("x" + "🙂" * 4_900, "UTF-16 units", 2_450, id="half an emoji is left out"),
    ],
)
def test_values_are_cut_at_4900_characters(text: str, unit: str, characters: int) -> None:
    assert len(cut(text, unit=unit)) == characters
    assert text.startswith(cut(text, unit=unit))


def test_normalise_trims_before_it_cuts() -> None:
    found = normalise(element(" c1 ", value="  " + "x" * 4_900 + "  "))
    assert found == ConsentRecord(id="c1", type=ConsentType.TEXT, value="x" * 4_900, category=IMPLIED)


def test_fingerprint_and_payload_are_as_documented() -> None:
    records = [normalise(element("c1", value=" I agree, really: yes ", kind=ConsentType.AUTODIALER)), normalise(element("c2"))]
    printed = fingerprint(records)

    assert printed == "c1:autodialer:I agree, really: yes,c2:text:I agree"
    assert (
        payload(
            reference="sess-xyz789",
            company_id="comp-abc",
            property_id="prop-456",
            consent_at=datetime(2026, 3, 1, 12, 30, 45, 678_901, tzinfo=UTC),
            fingerprint=printed,
            domain="example.com",
        )
        == "sess-xyz789:comp-abc:prop-456:2026-03-01T12:30:45.678Z:c1:autodialer:I agree, really: yes,c2:text:I agree:example.com"
    )


def test_the_id_is_the_hash_of_payload_and_entropy() -> None:
    hashed = consent_hash("payload", entropy="00" * 16)

    assert hashed == hashlib.sha256(b"payload:" + b"00" * 16).hexdigest()
    assert certificate_id("sess-1", consent_hash=hashed) == "EC-sess-1-" + base64.urlsafe_b64encode(bytes.fromhex(hashed)).decode()[:43]


def test_the_id_is_safe_in_urls_and_keys() -> None:
    assert certificate_id("s", consent_hash="fb" * 32) == "EC-s-" + "-_v7" * 10 + "-_s"


def test_the_same_entropy_gives_the_same_id_and_another_another() -> None:
    assert consent_hash("p", entropy="0" * 32) == consent_hash("p", entropy="0" * 32) != consent_hash("p", entropy="1" * 32)


def test_the_signature_covers_the_canonical_document() -> None:
    key = SigningKey(key_id="key-1", secret=b"hidden")
    expected = hmac.new(b"hidden", b'{"a":1,"b":"\xc3\xbc"}', hashlib.sha256).hexdigest()

    assert sign({"b": "ü", "a": 1}, key=key) == expected
    assert "hidden" not in repr(key)
