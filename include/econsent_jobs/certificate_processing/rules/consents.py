"""The documented steps from tagged elements to the certificate's id (docs/certificates/overview)."""

import base64
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from econsent_jobs.certificate_processing.model import ConsentElement, ConsentRecord, SigningKey
from econsent_jobs.core.canonical_json import canonical_json, sha256_hex, timestamp_text
from econsent_jobs.core.errors import BadItem, ErrorClass

LONGEST_VALUE: Final = 4_900  # documented: docs/certificates/overview, step 3

CharacterUnit = Literal["code points", "UTF-16 units"]


def extract(elements: Iterable[ConsentElement]) -> list[ConsentElement]:
    """Step 1: all visible tagged elements, implied and explicit.

    A box that was shown and left unticked is visible and tagged, but a consent that was not given must not stand in a certificate.
    Raises BadItem (data) when nothing is left: a certificate without a consent certifies nothing.
    """
    given = [element for element in elements if element.visible and not (element.category.explicit and element.checked is False)]
    if not given:
        raise BadItem(ErrorClass.DATA, "the capture holds no visible consent that was given; the form's consent tags may be missing")
    return given


def most_complete(elements: Iterable[ConsentElement]) -> list[ConsentElement]:
    """Step 2: one element a record id, the most complete (chosen: longest value, then explicit over implied).

    The order is by record id, and what still ties is decided by content, so that nothing depends on the order of the page.
    """
    best: dict[str, ConsentElement] = {}
    for element in elements:
        best[element.id] = max(best.get(element.id, element), element, key=completeness)
    return [best[record_id] for record_id in sorted(best)]


def completeness(element: ConsentElement) -> tuple[int, bool, str, str]:
    return len(element.value), element.category.explicit, element.type, element.value


def normalise(element: ConsentElement, *, unit: CharacterUnit = "code points") -> ConsentRecord:
    """Step 3: trimmed, cut to 4,900 characters, types in lower case."""
    return ConsentRecord(id=element.id.strip(), type=element.type, value=cut(element.value.strip(), unit=unit), category=element.category)


def cut(text: str, *, unit: CharacterUnit) -> str:
    """Return the first 4,900 characters. What a character is, is not documented: code points, or JavaScript's UTF-16 units.

    A code point that the cut would split in two is left out.
    """
    if unit == "code points":
        return text[:LONGEST_VALUE]
    return text.encode("utf-16-le")[: 2 * LONGEST_VALUE].decode("utf-16-le", errors="ignore")


def fingerprint(records: Sequence[ConsentRecord]) -> str:
    """Step 4: ``id1:type1:value1,id2:type2:value2``. The documented format escapes nothing, so neither does this."""
    return ",".join(f"{record.id}:{record.type}:{record.value}" for record in records)


def payload(*, reference: str, company_id: str, property_id: str, consent_at: datetime, fingerprint: str, domain: str) -> str:
    """Step 5: ``{session_id}:{company_id}:{property_id}:{timestamp}:{fingerprint}:{domain}``."""
    return f"{reference}:{company_id}:{property_id}:{timestamp_text(consent_at)}:{fingerprint}:{domain}"


def consent_hash(payload: str, *, entropy: str) -> str:
    """Step 6: SHA-256 of the payload with added entropy (chosen: after a colon, 32 hex digits)."""
    return sha256_hex(f"{payload}:{entropy}".encode())


def certificate_id(reference: str, *, consent_hash: str) -> str:
    """``EC-{session_id}-{base64(sha256_hash)}`` (chosen: URL-safe and unpadded over the 32 raw bytes, 43 characters)."""
    return f"EC-{reference}-{base64.urlsafe_b64encode(bytes.fromhex(consent_hash)).decode().rstrip('=')}"


def sign(document: Mapping[str, Any], *, key: SigningKey) -> str:
    """Step 7: HMAC-SHA256 over the canonical JSON of the certificate without its signature; hex."""
    assert "signature" not in document, "a signature cannot sign itself"
    return hmac.digest(key.secret, canonical_json(document), "sha256").hex()
