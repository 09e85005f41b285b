"""What the index shows of a certificate. Pure, so that a fresh projection can be compared with the index at any time.

The digest is taken over the document's canonical JSON (RFC 8785) without what tells only about the writing itself: row version, time of
indexing, and the digest. Documents hold texts, whole numbers and booleans under ASCII names, so msgspec with sorted names gives exactly
those bytes, many times faster; ``test_projection.py`` compares the two.
"""

import hashlib
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

import msgspec

from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.elasticsearch_sync.model import Document, Key, Source

ENCODER: Final = msgspec.json.Encoder(order="sorted")
INDEXED: Final = "finalized"
ABOUT_WRITING: Final = frozenset({"digest_part", "indexed_at", "projection_sha256", "row_version"})
GEO_FIELDS: Final = ("country", "region", "city")
PART_DIGITS: Final = 10
"""40 bits: a sum of 4,096 of them stays below 2^53, where Elasticsearch's doubles are exact."""
MOST_SUMMED: Final = 4_096
LONGEST_TEXT: Final = 200_000
"""Characters of consent text that are searched: forty texts of the longest documented kind."""
MOST_BYTES: Final = 5 * 1024**2
UNDECOMPOSED: Final = str.maketrans(
    {"đ": "d", "Đ": "D", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "\u0131": "i"}
)
"""Letters that a person types without their mark, and that Unicode does not take apart."""


def project(key: Key, source: Source | None, *, row_version: int, indexed_at_ms: int) -> Document:
    """Return the document for the row as it is now, or the tombstone of one that is gone or no longer counts.

    ``row_version`` is what was wanted: a row that is gone has no version of its own. Raises BadItem (data) for a document that no request
    could carry.
    """
    if source is None or source.status != INDEXED:
        content: dict[str, Any] = {"certificate_pk": key.certificate_pk, "company_id": key.company_id, "deleted": True}
    else:
        content = shown(key, source)
    version = row_version if source is None else source.row_version
    plain = plain_bytes(content)
    if len(plain) > MOST_BYTES:
        raise BadItem(ErrorClass.DATA, f"the document has {len(plain)} bytes, and at most {MOST_BYTES} can be indexed")
    sha256 = hashlib.sha256(plain).hexdigest()
    part = part_of(sha256, version)
    written = f',"digest_part":{part},"indexed_at":{indexed_at_ms},"projection_sha256":"{sha256}","row_version":{version}}}'
    return Document(
        key=key, row_version=version, sha256=sha256, part=part, body=plain[:-1] + written.encode(), deleted=bool(content["deleted"])
    )


def part_of(sha256: str, row_version: int) -> int:
    """Return the number by which ranges of documents are compared: it changes with the content and with the version."""
    return int(hashlib.sha256(f"{sha256}:{row_version}".encode()).hexdigest()[:PART_DIGITS], 16)


def digest_of(stored: Mapping[str, Any]) -> str:
    """Return the digest that a stored document's content has, whatever digest it carries."""
    content = {name: value for name, value in stored.items() if name not in ABOUT_WRITING}
    return hashlib.sha256(plain_bytes(content)).hexdigest()


def plain_bytes(content: Mapping[str, Any]) -> bytes:
    return ENCODER.encode(content)


def shown(key: Key, source: Source) -> dict[str, Any]:
    """Return the fields, empty ones left out."""
    revoked = is_revoked(source.opt_out)
    fields: dict[str, Any] = {
        "certificate_id": source.certificate_id,
        "certificate_pk": key.certificate_pk,
        "company_id": key.company_id,
        "consent_at": source.consent_at_ms,
        "consent_text": consent_text(source.consent_records),
        "consent_types": consent_types(source.consent_records),
        "consumer": present(
            {
                "email": source.consumer_email,
                "name": fold(source.consumer_name) if source.consumer_name else None,
                "phone": source.consumer_phone,
            }
        ),
        "deleted": False,
        "disclosure_sha256": source.disclosure_sha256,
        "disclosure_visible": {"true": True, "false": False}.get(source.disclosure_visible or ""),
        "domain": source.domain,
        "expires_at": source.expires_at_ms,
        "finalized_at": source.finalized_at_ms,
        "geo": geo_of(source.geo),
        "has_replay": source.recorded and source.retention_status not in {"expired", "deleted"},
        "has_video": source.rrweb_to_video_status == "completed",
        "ip": source.ip,
        "language": source.language,
        "opt_out": present({"revoke": revoked, "revoked_at": revoked_at_ms(source.opt_out) if revoked else None}),
        "origin": source.origin,
        "property_id": source.property_id,
        "retention_status": source.retention_status,
        "session_id": source.session_id,
        "source": source.source,
        "status": source.status,
        "template_id": source.template_id,
        "template_version": source.template_version,
        "wcag_level": source.wcag_level,
    }
    return present(fields)


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value or value == 0}  # 0 and False say something


def is_revoked(opt_out: Any) -> bool:
    """Only an explicit no, or none at all, counts as not revoked: a consent that is in doubt must not be shown as given."""
    revoke = cast("dict[str, Any]", opt_out).get("revoke") if isinstance(opt_out, dict) else opt_out
    return revoke is not None and revoke is not False


def revoked_at_ms(opt_out: Any) -> int | None:
    """Return the time of a revocation where the platform wrote one that can be read."""
    if not isinstance(opt_out, dict):
        return None
    told = cast("dict[str, Any]", opt_out)
    text = told.get("revoked_at") or told.get("revokedAt")
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        return None if at is None else int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def geo_of(geo: Any) -> dict[str, str]:
    """Return what is known of the place; a place without a country is one too."""
    if not isinstance(geo, dict):
        return {}
    told = cast("dict[str, Any]", geo)
    return {name: value for name in GEO_FIELDS if isinstance(value := told.get(name), str) and value}


def records_of(consent_records: Any) -> list[dict[str, Any]]:
    if not isinstance(consent_records, list):
        return []
    return [cast("dict[str, Any]", record) for record in cast("list[Any]", consent_records) if isinstance(record, dict)]


def consent_types(consent_records: Any) -> list[str]:
    return sorted({kind for record in records_of(consent_records) if isinstance(kind := record.get("type"), str)})


def consent_text(consent_records: Any) -> str | None:
    """Return what the consumer read, for keyword search: each text once, accents folded, bounded."""
    texts = dict.fromkeys(value for record in records_of(consent_records) if isinstance(value := record.get("value"), str) and value)
    return fold("\n".join(texts)[:LONGEST_TEXT]) if texts else None


def fold(text: str) -> str:
    """Return ``text`` without accents, as people type it into a search box. Other scripts keep their letters."""
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    # only the accents of Latin, Greek and Cyrillic; then Hangul and Kana are put together again
    bare = "".join(letter for letter in apart if not "\u0300" <= letter <= "\u036f")
    return unicodedata.normalize("NFC", bare).translate(UNDECOMPOSED)
