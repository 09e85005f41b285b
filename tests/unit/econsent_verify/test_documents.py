"""Golden vectors, computed by hand here from the documentation's words: what the verifier derives, and that it sees each value change.

Nothing of the job is imported, so that a mistake in the job cannot hide behind the same mistake here.
"""

import copy
import gzip
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest

from econsent_verify.canonical import canonical
from econsent_verify.certificate_processing_checks import documents
from econsent_verify.certificate_processing_checks.findings import Trouble
from econsent_verify.findings import TroubleName

KEY = b"a secret of thirty-two bytes, yes"
PAYLOAD = "sess-1:comp-1:prop-1:2026-03-02T09:30:00.123Z:a:text:I agree, really: yes,b:call:Call me:example.com"
# by sha256sum, over the payload, a colon and the entropy; and by base64, with - and _ for + and /
CONSENT_HASH = "62dd4fc2f0e58e2fe4f340db12b048f301f49ea76a4c47df279d3d568ef36b76"
CERTIFICATE_ID = "EC-sess-1-Yt1PwvDlji_k80DbErBI8wH0nqdqTEffJ509Vo7za3Y"
CERTIFICATE_JSON = (
    '{"attestation_sha256":"%(attestation)s","certificateId":"%(id)s","companyId":"comp-1","consentAt":"2026-03-02T09:30:00.123Z",'
    '"consentHash":"%(hash)s","consents":['
    '{"category":"main-explicit","explicit":true,"id":"a","type":"text","value":"I agree, really: yes"},'
    '{"category":"main-implied","explicit":false,"id":"b","type":"call","value":"Call me"}],"consumer":{"browserLanguage":"en-US",'
    '"geo":{"country":"US"},"ip":"192.0.2.1","userAgent":"Browser/1"},"domain":"example.com","entropy":"000102030405060708090a0b0c0d0e0f",'
    '"fingerprint":"a:text:I agree, really: yes,b:call:Call me","issuedAt":"2026-03-02T09:33:00.000Z","origin":"https://example.com",'
    '"payload":"%(payload)s","propertyId":"prop-1","recordingComplete":true,"recordingPath":"comp-1/prop-1/sess-1.json",'
    '"recording_hashes":["%(recording)s"],"schema":"econsent.certificate.v1","sessionId":"sess-1",%(signature)s"signatureKeyId":"key-1",'
    '"source":"session"}'
)


def sha256(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def certificate_bytes() -> bytes:
    words = {"attestation": "a" * 64, "hash": CONSENT_HASH, "id": CERTIFICATE_ID, "payload": PAYLOAD, "recording": "b" * 64}
    unsigned = CERTIFICATE_JSON % {**words, "signature": ""}
    signature = hmac.new(KEY, unsigned.encode(), "sha256").hexdigest()
    return (CERTIFICATE_JSON % {**words, "signature": f'"signature":"{signature}",'}).encode()


def certificate() -> dict[str, Any]:
    document = documents.read(certificate_bytes())
    assert document is not None
    return document


def troubles(document: dict[str, Any], keys: dict[str, bytes] | None = None) -> dict[str, TroubleName]:
    found = documents.certificate_shape(document) or list(
        documents.check_certificate(document, keys={"key-1": KEY} if keys is None else keys)
    )
    return {difference.what: difference.trouble for difference in found}


def test_the_golden_certificate_holds() -> None:
    assert troubles(certificate()) == {}


def test_its_hash_is_the_one_of_a_text_hashed_elsewhere() -> None:
    """``printf '%s' 'abc' | sha256sum``: the vector of FIPS 180-2, so that this file's own hashing is tied to the world."""
    assert sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    rfc4231 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hmac.new(b"Jefe", b"what do ya want for nothing?", "sha256").hexdigest() == rfc4231


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a consent's value": (lambda d: d["consents"][0].update(value="I disagree"), "certificate.fingerprint"),
    "a consent's type": (lambda d: d["consents"][1].update(type="sms"), "certificate.consents"),
    "a consent's category": (lambda d: d["consents"][1].update(category="main-explicit"), "certificate.consents.explicit"),
    "the fingerprint": (lambda d: d.update(fingerprint="a:text:x"), "certificate.fingerprint"),
    "the payload": (lambda d: d.update(payload="x"), "certificate.payload"),
    "the entropy": (lambda d: d.update(entropy="1" * 32), "certificate.consentHash"),
    "the hash": (lambda d: d.update(consentHash="0" * 64), "certificate.consentHash"),
    "the id": (lambda d: d.update(certificateId=d["certificateId"][:-1] + "_"), "certificate.certificateId"),
    "the company": (lambda d: d.update(companyId="comp-2"), "certificate.payload"),
    "the time": (lambda d: d.update(consentAt="2026-03-02T09:30:00.124Z"), "certificate.payload"),
    "the domain": (lambda d: d.update(domain="example.org"), "certificate.payload"),
    "the recording's path": (lambda d: d.update(recordingPath="comp-1/prop-1/sess-2.json"), "certificate.recordingPath"),
    "the recording's hash": (lambda d: d.update(recording_hashes=[]), "certificate.recording_hashes"),
    "the source": (lambda d: d.update(source="meta"), "certificate.source"),
    "the schema": (lambda d: d.update(schema="econsent.certificate.v2"), "certificate.schema"),
    "the browser": (lambda d: d["consumer"].update(userAgent="Browser/2"), "certificate.signature"),
    "the signature": (lambda d: d.update(signature="0" * 64), "certificate.signature"),
    "a long value": (lambda d: d["consents"][0].update(value="x" * 4_901), "certificate.consents"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_of_a_certificate_is_named(name: str) -> None:
    change, what = CHANGES[name]
    document = copy.deepcopy(certificate())
    change(document)

    assert what in troubles(document)
    assert "certificate.signature" in troubles(document), "and whatever was changed, the signature tells"


WRONG_SHAPES: dict[str, Callable[[dict[str, Any]], object]] = {
    "a field is missing": lambda d: d.pop("payload"),
    "a field too many": lambda d: d.update(more=1),
    "a number for a text": lambda d: d.update(payload=1),
    "a text for a list": lambda d: d.update(consents="all"),
    "no consent": lambda d: d.update(consents=[]),
    "a consent that is none": lambda d: d["consents"].append(7),
    "true for a number in hashes": lambda d: d.update(recording_hashes=[True]),
    "entropy that is none": lambda d: d.update(entropy="z" * 32),
    "consumer that is none": lambda d: d.update(consumer={}),
}


@pytest.mark.parametrize("name", WRONG_SHAPES)
def test_what_has_another_shape_is_malformed_and_breaks_nothing(name: str) -> None:
    document = copy.deepcopy(certificate())
    WRONG_SHAPES[name](document)

    assert set(troubles(document).values()) == {Trouble.MALFORMED}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"b":1,"a":2}', b'{"a":1 }', b'{"a":1,"a":1}', b"[" * 100_000, b"\xff", b'{"a":"\\ud800"}']
)
def test_only_the_canonical_form_of_an_object_is_read(body: bytes) -> None:
    assert documents.read(body) is None


def test_an_unknown_key_is_named_and_a_retired_one_verifies() -> None:
    assert troubles(certificate(), {"key-2": b"x"}) == {"certificate.signatureKeyId": Trouble.UNKNOWN_KEY}
    assert troubles(certificate(), {"key-2": b"x", "key-1": KEY}) == {}
    assert troubles(certificate(), {"key-1": b"x"}) == {"certificate.signature": Trouble.SIGNATURE}


PAGE = b"<html>caf\xc3\xa9</html>"


def attestation() -> dict[str, Any]:
    us = "\x1f"
    h0 = hashlib.sha256(b"sess-1").digest()
    h1 = hashlib.sha256(h0 + f"4{us}click{us}17{us}1772443800000".encode()).digest()
    h2 = hashlib.sha256(h1 + f"5{us}input{us}-1{us}1772443801000".encode()).digest()
    return {
        "schema": "econsent.attestation.v1",
        "hashes": {"disclosure": sha256("Caf\u00e9 calls you"), "pageContent": sha256(PAGE), "formData": None},
        "partners": [{"name": " A  B ", "sha256": sha256("A B")}],
        "visibility": {},
        "accessibility": {
            "contrast": {"ratio": 4.49, "level": "Fail", "foreground": "#777", "background": "#fff", "largeText": False},
            "font": {"sizePx": 11, "fontLevel": "Fail", "fontAssessment": "warning"},
            "wcagLevel": "Fail",
        },
        "language": {
            "detected": "en",
            "htmlLang": "en-US",
            "confidence": 0.9,
            "disclosureText": " Cafe\u0301\n calls\tyou ",
            "mismatch": False,
        },
        "interactionChain": {"head": h2.hex(), "length": 2, "events": [[4, "click", 17, 1772443800000], [5, "input", -1, 1772443801000]]},
        "template": None,
    }


def attestation_troubles(document: dict[str, Any], page: bytes | None = PAGE) -> set[str]:
    found = documents.attestation_shape(document) or list(
        documents.check_attestation(document, reference="sess-1", has_session=True, page=page)
    )
    return {difference.what for difference in found}


def test_the_golden_attestation_holds() -> None:
    assert attestation_troubles(attestation()) == set()


ATTESTATION_CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "the disclosure": (lambda d: d["language"].update(disclosureText="Cafe calls you"), "attestation.hashes.disclosure"),
    "the page's hash": (lambda d: d["hashes"].update(pageContent=None), "attestation.hashes.pageContent"),
    "the form's hash": (lambda d: d["hashes"].update(formData="x"), "attestation.hashes.formData"),
    "a partner": (lambda d: d["partners"][0].update(name="A C"), "attestation.partners[0].sha256"),
    "a link": (lambda d: d["interactionChain"]["events"][0].__setitem__(2, 18), "attestation.interactionChain.head"),
    "the order": (lambda d: d["interactionChain"]["events"].reverse(), "attestation.interactionChain.events"),
    "the length": (lambda d: d["interactionChain"].update(length=3), "attestation.interactionChain.length"),
    "a link that is none": (lambda d: d["interactionChain"]["events"].append([6, "click", True, 1]), "attestation.interactionChain.events"),
    "the declared language": (lambda d: d["language"].update(htmlLang="fr"), "attestation.language.mismatch"),
    "the ratio": (lambda d: d["accessibility"]["contrast"].update(ratio=4.5), "attestation.accessibility.contrast.level"),
    "the size": (lambda d: d["accessibility"]["font"].update(sizePx=12), "attestation.accessibility.font.fontLevel"),
    "the assessment": (lambda d: d["accessibility"]["font"].update(fontAssessment="fail"), "attestation.accessibility.font.fontAssessment"),
    "the level": (lambda d: d["accessibility"].update(wcagLevel="AA"), "attestation.accessibility.wcagLevel"),
    "no chain": (lambda d: d.update(interactionChain=None), "attestation.interactionChain"),
    "no visibility": (lambda d: d.update(visibility=None), "attestation.visibility"),
}


@pytest.mark.parametrize("name", ATTESTATION_CHANGES)
def test_every_change_of_an_attestation_is_named(name: str) -> None:
    change, what = ATTESTATION_CHANGES[name]
    document = attestation()
    change(document)

    assert what in attestation_troubles(document)


def test_another_page_is_named() -> None:
    assert attestation_troubles(attestation(), page=PAGE + b" ") == {"attestation.hashes.pageContent"}


@pytest.mark.parametrize(
    ("archived", "page"),
    [
        pytest.param(gzip.compress(PAGE, mtime=0), PAGE, id="a page"),
        pytest.param(gzip.compress(PAGE, mtime=0)[:-1], None, id="cut off"),
        pytest.param(gzip.compress(PAGE, mtime=0) + b"x", None, id="something behind it"),
        pytest.param(PAGE, None, id="no gzip"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(gzip.compress(b"\0" * (20 * 1024 * 1024 + 1)), None, id="larger than a page may be"),
    ],
)
def test_unpack(archived: bytes, page: bytes | None) -> None:
    assert documents.unpack(archived) == page


def test_the_canonical_form_is_that_of_rfc_8785() -> None:
    """The example of RFC 8785, section 3.2.3."""
    text = (
        r'{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"€$\u000F\u000aA'
        "'"
        r'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}'
    )
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical(json.loads(text)) == expected.encode()
