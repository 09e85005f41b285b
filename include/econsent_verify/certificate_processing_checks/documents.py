"""What a certificate's stored bytes say about themselves: every id, hash and signature derived again, from the bytes alone.

The forms are those of the platform's documentation (docs/certificates/overview, docs/platform/attestation) and of the certificate
schema; nothing here is shared with the job that wrote them.
"""

import base64
import hashlib
import hmac
import json
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final, cast
from urllib.parse import quote

from econsent_verify.canonical import canonical
from econsent_verify.certificate_processing_checks.findings import Trouble
from econsent_verify.findings import Difference, short

Json = dict[str, Any]

CERTIFICATE_SCHEMA: Final = "econsent.certificate.v1"
ATTESTATION_SCHEMA: Final = "econsent.attestation.v1"
CONSENT_TYPES: Final = ("text", "email", "call", "autodialer", "prerecorded")
CATEGORIES: Final = ("main-implied", "main-explicit", "secondary-implied", "secondary-explicit")
LONGEST_VALUE: Final = 4_900
MOST_LINKS: Final = 500
LARGEST_PAGE: Final = 20 * 1024 * 1024
ID_TAIL: Final = 44  # a dash and 43 characters of base64

TEXT, TEXT_OR_NULL, OBJECT_OR_NULL, LIST = (str,), (str, type(None)), (dict, type(None)), (list,)
CERTIFICATE_FIELDS: Final[Mapping[str, tuple[type, ...]]] = {
    **dict.fromkeys(["schema", "certificateId", "companyId", "propertyId", "source", "consentAt", "issuedAt", "domain"], TEXT),
    **dict.fromkeys(["fingerprint", "payload", "entropy", "consentHash", "attestation_sha256", "signatureKeyId", "signature"], TEXT),
    **dict.fromkeys(["sessionId", "origin", "recordingPath"], TEXT_OR_NULL),
    **dict.fromkeys(["consents", "recording_hashes"], LIST),
    "consumer": (dict,),
    "recordingComplete": (bool, type(None)),
}
CONSUMER_FIELDS: Final[Mapping[str, tuple[type, ...]]] = {
    **dict.fromkeys(["ip", "userAgent", "browserLanguage"], TEXT_OR_NULL),
    "geo": (dict, list, str, int, float, bool, type(None)),
}
CONSENT_FIELDS: Final[Mapping[str, tuple[type, ...]]] = {**dict.fromkeys(["id", "type", "value", "category"], TEXT), "explicit": (bool,)}
ATTESTATION_FIELDS: Final[Mapping[str, tuple[type, ...]]] = {
    "schema": TEXT,
    "hashes": (dict,),
    "partners": LIST,
    "language": (dict,),
    **dict.fromkeys(["visibility", "accessibility", "interactionChain", "template"], OBJECT_OR_NULL),
}
HASH_FIELDS: Final[Mapping[str, tuple[type, ...]]] = {"disclosure": TEXT, "pageContent": TEXT_OR_NULL, "formData": TEXT_OR_NULL}
LANGUAGE_FIELDS: Final[Mapping[str, tuple[type, ...]]] = {
    **dict.fromkeys(["detected", "htmlLang"], TEXT_OR_NULL),
    "disclosureText": TEXT,
    "confidence": (int, float),
    "mismatch": (bool,),
}
PARTNER_FIELDS: Final[Mapping[str, tuple[type, ...]]] = {"name": TEXT, "sha256": TEXT}
CHAIN_FIELDS: Final[Mapping[str, tuple[type, ...]]] = {"head": TEXT, "length": (int,), "events": LIST}
TEMPLATE_FIELDS: Final[Mapping[str, tuple[type, ...]]] = dict.fromkeys(["id", "version", "name"], TEXT)
ACCESSIBILITY_FIELDS: Final[Mapping[str, tuple[type, ...]]] = {"contrast": (dict,), "font": (dict,), "wcagLevel": TEXT}
CONTRAST_FIELDS: Final[Mapping[str, tuple[type, ...]]] = {
    "ratio": (int, float),
    "largeText": (bool,),
    **dict.fromkeys(["level", "foreground", "background"], TEXT),
}
FONT_FIELDS: Final[Mapping[str, tuple[type, ...]]] = {"sizePx": (int, float), **dict.fromkeys(["fontLevel", "fontAssessment"], TEXT)}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def norm_text(text: str) -> str:
    """Unicode NFC, every run of white space as one space, trimmed: the form in which texts are hashed."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def segment(identifier: str) -> str:
    """An id as one segment of keys and paths: percent-encoded outside ``[A-Za-z0-9._-]``."""
    return quote(identifier, safe="._-", errors="surrogatepass").replace("~", "%7E")


def read(body: bytes) -> Json | None:
    """Parse a stored document. None unless the bytes are the canonical form of one JSON object."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    document = as_object(value)
    return document if document is not None and canonical(document) == body else None


def as_object(value: Any) -> Json | None:
    """Return a parsed value that is a JSON object, None for every other."""
    return cast("Json", value) if isinstance(value, dict) else None


def derived(what: str, *, expected: object, found: object, secret: bool = False) -> Iterator[Difference]:
    """Yield a difference unless both are equal; ``secret`` values are not repeated."""
    if expected != found:
        shown = ("what the rest gives", "another value") if secret else (short(expected), short(found))
        yield Difference(trouble=Trouble.DERIVED, what=what, expected=shown[0], found=shown[1])


def malformed(what: str, *, expected: str, found: str = "something else") -> Difference:
    return Difference(trouble=Trouble.MALFORMED, what=what, expected=expected, found=found)


def shape(value: Any, fields: Mapping[str, tuple[type, ...]], *, what: str) -> Iterator[Difference]:
    """Yield a difference for what is no object of exactly these fields and types."""
    document = as_object(value)
    if document is None or set(document) != set(fields):
        yield malformed(what, expected=f"an object of {len(fields)} known fields")
        return
    for name, types in fields.items():
        given: Any = document[name]
        if not isinstance(given, types) or (isinstance(given, bool) and bool not in types):
            yield malformed(f"{what}.{name}", expected=" or ".join(sorted(kind.__name__ for kind in types)), found=type(given).__name__)


def certificate_shape(document: Json) -> list[Difference]:
    """Say where a certificate is not of its schema; only one that is can be derived again."""
    found = list(shape(document, CERTIFICATE_FIELDS, what="certificate"))
    if found:
        return found
    found += shape(document["consumer"], CONSUMER_FIELDS, what="certificate.consumer")
    for number, consent in enumerate(document["consents"]):
        found += shape(consent, CONSENT_FIELDS, what=f"certificate.consents[{number}]")
    if not document["consents"]:
        found.append(malformed("certificate.consents", expected="at least one consent", found="none"))
    if not all(is_hash(each) for each in document["recording_hashes"]):
        found.append(malformed("certificate.recording_hashes", expected="SHA-256 values"))
    if not is_hash(document["entropy"], digits=32):
        found.append(malformed("certificate.entropy", expected="32 hexadecimal digits"))
    return found


def attestation_shape(document: Json) -> list[Difference]:
    """The same for an attestation."""
    found = list(shape(document, ATTESTATION_FIELDS, what="attestation"))
    if found:
        return found
    found += shape(document["hashes"], HASH_FIELDS, what="attestation.hashes")
    found += shape(document["language"], LANGUAGE_FIELDS, what="attestation.language")
    for number, partner in enumerate(document["partners"]):
        found += shape(partner, PARTNER_FIELDS, what=f"attestation.partners[{number}]")
    for name, fields in (("interactionChain", CHAIN_FIELDS), ("template", TEMPLATE_FIELDS), ("accessibility", ACCESSIBILITY_FIELDS)):
        if document[name] is not None:
            found += shape(document[name], fields, what=f"attestation.{name}")
    if document["accessibility"] is not None and not found:
        found += shape(document["accessibility"]["contrast"], CONTRAST_FIELDS, what="attestation.accessibility.contrast")
        found += shape(document["accessibility"]["font"], FONT_FIELDS, what="attestation.accessibility.font")
    if document["interactionChain"] is not None and not found and not all(map(is_link, document["interactionChain"]["events"])):
        found.append(malformed("attestation.interactionChain.events", expected="[seq, type, target, t] each"))
    return found


def is_hash(value: object, *, digits: int = 64) -> bool:
    return isinstance(value, str) and len(value) == digits and set(value) <= set("0123456789abcdef")


def is_link(value: object) -> bool:
    return isinstance(value, list) and [type(part) for part in cast("list[Any]", value)] == [int, str, int, int]


def reference_of(certificate: Json) -> str:
    """What stands for the session id: the id itself, or the middle of the certificate's id for sources without a session."""
    return certificate["sessionId"] if certificate["sessionId"] is not None else certificate["certificateId"][3:-ID_TAIL]


def check_certificate(document: Json, *, keys: Mapping[str, bytes]) -> Iterator[Difference]:
    """Derive a certificate of right shape again: fingerprint, payload, hash, id, paths and signature."""
    reference = reference_of(document)
    consents: list[Json] = document["consents"]
    fingerprint = ",".join(f"{consent['id']}:{consent['type']}:{consent['value']}" for consent in consents)
    payload = ":".join([reference, document["companyId"], document["propertyId"], document["consentAt"], fingerprint, document["domain"]])
    consent_hash = sha256(f"{payload}:{document['entropy']}".encode(errors="surrogatepass"))
    tail = base64.urlsafe_b64encode(bytes.fromhex(consent_hash)).decode().rstrip("=")
    path = None if document["sessionId"] is None else "/".join(segment(document[name]) for name in ("companyId", "propertyId", "sessionId"))
    yield from derived("certificate.schema", expected=CERTIFICATE_SCHEMA, found=document["schema"])
    yield from derived("certificate.fingerprint", expected=fingerprint, found=document["fingerprint"], secret=True)
    yield from derived("certificate.payload", expected=payload, found=document["payload"], secret=True)
    yield from derived("certificate.consentHash", expected=consent_hash, found=document["consentHash"])
    yield from derived("certificate.certificateId", expected=f"EC-{reference}-{tail}", found=document["certificateId"])
    yield from derived("certificate.recordingPath", expected=path and f"{path}.json", found=document["recordingPath"])
    yield from derived("certificate.recording_hashes", expected=1 if path else 0, found=len(document["recording_hashes"]))
    yield from derived("certificate.source", expected=path is not None, found=document["source"] == "session")
    yield from derived("certificate.recordingComplete", expected=path is None, found=document["recordingComplete"] is None)
    for consent in consents:
        yield from check_consent(consent)
    yield from check_signature(document, keys=keys)


def check_consent(consent: Json) -> Iterator[Difference]:
    value: str = consent["value"]
    if consent["type"] not in CONSENT_TYPES or consent["category"] not in CATEGORIES:
        yield malformed("certificate.consents", expected="a documented type and category")
    if len(value) > LONGEST_VALUE:
        yield malformed("certificate.consents", expected=f"at most {LONGEST_VALUE} characters", found=f"{len(value)}")
    yield from derived("certificate.consents.explicit", expected=consent["category"].endswith("-explicit"), found=consent["explicit"])


def check_signature(document: Json, *, keys: Mapping[str, bytes]) -> Iterator[Difference]:
    """HMAC-SHA256 by the named key over the canonical JSON without the signature."""
    key_id: str = document["signatureKeyId"]
    if key_id not in keys:
        known = ", ".join(sorted(keys))
        yield Difference(trouble=Trouble.UNKNOWN_KEY, what="certificate.signatureKeyId", expected=f"one of {known}", found=short(key_id))
        return
    unsigned = canonical({name: value for name, value in document.items() if name != "signature"})
    assert unsigned is not None, "a part of a canonical document has a canonical form"
    signature = hmac.digest(keys[key_id], unsigned, "sha256").hex()
    if not hmac.compare_digest(signature.encode(), document["signature"].encode(errors="surrogatepass")):
        expected = f"the signature of key {short(key_id)}"
        yield Difference(trouble=Trouble.SIGNATURE, what="certificate.signature", expected=expected, found="another one")


def check_attestation(document: Json, *, reference: str, has_session: bool, page: bytes | None) -> Iterator[Difference]:
    """Derive an attestation of right shape again. ``page`` is the captured page as it was, None where there is none."""
    hashes, language = document["hashes"], document["language"]
    yield from derived("attestation.schema", expected=ATTESTATION_SCHEMA, found=document["schema"])
    disclosure = sha256(norm_text(language["disclosureText"]).encode(errors="surrogatepass"))
    yield from derived("attestation.hashes.disclosure", expected=disclosure, found=hashes["disclosure"])
    yield from derived("attestation.hashes.pageContent", expected=None if page is None else sha256(page), found=hashes["pageContent"])
    if hashes["formData"] is not None and not is_hash(hashes["formData"]):
        yield malformed("attestation.hashes.formData", expected="a SHA-256 value")
    for number, partner in enumerate(document["partners"]):
        expected = sha256(norm_text(partner["name"]).encode(errors="surrogatepass"))
        yield from derived(f"attestation.partners[{number}].sha256", expected=expected, found=partner["sha256"])
    yield from derived("attestation.language.mismatch", expected=mismatch(language), found=language["mismatch"])
    for name in ("visibility", "accessibility", "interactionChain"):
        yield from derived(f"attestation.{name}", expected=has_session, found=document[name] is not None)
    if document["accessibility"] is not None:
        yield from check_levels(document["accessibility"])
    if document["interactionChain"] is not None:
        yield from check_chain(document["interactionChain"], reference=reference)


def mismatch(language: Json) -> bool:
    """Both languages are known and differ; ``en-US`` is ``en``, Chinese in a traditional form is ``zh-TW``."""
    subtags = (language["htmlLang"] or "").strip().lower().replace("_", "-").split("-")
    declared = "zh-TW" if subtags[0] == "zh" and {"hant", "tw", "hk", "mo"} & set(subtags[1:]) else subtags[0]
    return language["detected"] is not None and declared not in {"", language["detected"]}


def check_levels(accessibility: Json) -> Iterator[Difference]:
    """Levels follow from ratio and size (docs/compliance/accessibility, helpcenter/8)."""
    contrast, font = accessibility["contrast"], accessibility["font"]
    best, enough = (4.5, 3.0) if contrast["largeText"] else (7.0, 4.5)
    level = "AAA" if contrast["ratio"] >= best else "AA" if contrast["ratio"] >= enough else "Fail"
    size = font["sizePx"]
    font_level = "AAA" if size >= 16 else "AA" if size >= 12 else "Fail"
    assessment = "adequate" if size >= 12 else "warning" if size >= 9 else "fail"
    worse = min(level, font_level, key=("Fail", "AA", "AAA").index)
    yield from derived("attestation.accessibility.contrast.level", expected=level, found=contrast["level"])
    yield from derived("attestation.accessibility.font.fontLevel", expected=font_level, found=font["fontLevel"])
    yield from derived("attestation.accessibility.font.fontAssessment", expected=assessment, found=font["fontAssessment"])
    yield from derived("attestation.accessibility.wcagLevel", expected=worse, found=accessibility["wcagLevel"])


def check_chain(chain: Json, *, reference: str) -> Iterator[Difference]:
    """``h0 = sha256(session id)``, ``h_n = sha256(h_(n-1) || seq US type US target US t)``; US is U+001F."""
    links: list[list[Any]] = chain["events"]
    head = hashlib.sha256(reference.encode(errors="surrogatepass")).digest()
    for link in links:
        head = hashlib.sha256(head + "\x1f".join(str(part) for part in link).encode(errors="surrogatepass")).digest()
    yield from derived("attestation.interactionChain.head", expected=head.hex(), found=chain["head"])
    yield from derived("attestation.interactionChain.length", expected=len(links), found=chain["length"])
    if len(links) > MOST_LINKS or any(after[0] != before[0] + 1 for before, after in pairwise(links)):
        yield malformed("attestation.interactionChain.events", expected=f"at most {MOST_LINKS} links, numbered without a gap")


def unpack(archived: bytes) -> bytes | None:
    """Return the page inside a gzip member, or None: damaged, more than one member, or larger than a page may be."""
    unpacking = zlib.decompressobj(wbits=31)
    try:
        page = unpacking.decompress(archived, LARGEST_PAGE + 1)
    except zlib.error:
        return None
    return page if unpacking.eof and not unpacking.unused_data and len(page) <= LARGEST_PAGE else None
