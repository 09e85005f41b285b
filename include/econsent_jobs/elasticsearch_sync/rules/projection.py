"""What the index shows of a certificate. Pure, so that a fresh projection can be compared with the index at any time.

The digest is taken over the document's canonical JSON (RFC 8785) without what tells only about the writing itself: row version, time of
indexing, and the digest. Documents hold texts, whole numbers and booleans under ASCII names, so msgspec with sorted names gives exactly
those bytes, many times faster; ``test_projection.py`` compares the two.
"""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast

import msgspec

from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.elasticsearch_sync.model import Document, Key, Source

ENCODER: Final = msgspec.json.Encoder(order="sorted")
INDEXED: Final = "finalized"
ABOUT_WRITING: Final = frozenset({"digest_part", "indexed_at", "projection_sha256", "row_version"})
WITHOUT_REPLAY: Final = frozenset({"expired", "deleted"})
TRUTHS: Final[Mapping[str | None, bool]] = {"true": True, "false": False}
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


class Consumer(msgspec.Struct, omit_defaults=True, frozen=True, kw_only=True):
    email: str | None = None
    name: str | None = None
    phone: str | None = None


class Geo(msgspec.Struct, omit_defaults=True, frozen=True, kw_only=True):
    city: str | None = None
    country: str | None = None
    region: str | None = None


class OptOut(msgspec.Struct, omit_defaults=True, frozen=True, kw_only=True):
    revoke: bool
    revoked_at: int | None = None


class Shown(msgspec.Struct, omit_defaults=True, frozen=True, kw_only=True):
    """The content of a document, by name as the canonical form has it; what is None is left out. Times: milliseconds since 1970."""

    certificate_id: str | None = None
    certificate_pk: int
    company_id: str
    consent_at: int | None = None
    consent_text: str | None = None
    consent_types: list[str] | None = None
    consumer: Consumer | None = None
    deleted: bool
    disclosure_sha256: str | None = None
    disclosure_visible: bool | None = None
    domain: str | None = None
    expires_at: int | None = None
    finalized_at: int | None = None
    geo: Geo | None = None
    has_replay: bool | None = None
    has_video: bool | None = None
    ip: str | None = None
    language: str | None = None
    opt_out: OptOut | None = None
    origin: str | None = None
    property_id: str | None = None
    retention_status: str | None = None
    session_id: str | None = None
    source: str | None = None
    status: str | None = None
    template_id: str | None = None
    template_version: str | None = None
    wcag_level: str | None = None


def project(key: Key, source: Source | None, *, row_version: int, indexed_at_ms: int) -> Document:
    """Return the document for the row as it is now, or the tombstone of one that is gone or no longer counts.

    ``row_version`` is what was wanted: a row that is gone has no version of its own. Raises BadItem (data) for a document that no request
    could carry.
    """
    if source is None or source.status != INDEXED:
        content = Shown(certificate_pk=key.certificate_pk, company_id=key.company_id, deleted=True)
    else:
        content = shown(key, source)
    version = row_version if source is None else source.row_version
    plain = ENCODER.encode(content)
    if len(plain) > MOST_BYTES:
        raise BadItem(ErrorClass.DATA, f"the document has {len(plain)} bytes, and at most {MOST_BYTES} can be indexed")
    sha256 = hashlib.sha256(plain).hexdigest()
    part = part_of(sha256, version)
    written = f',"digest_part":{part},"indexed_at":{indexed_at_ms},"projection_sha256":"{sha256}","row_version":{version}}}'
    return Document(key, version, sha256, part, plain[:-1] + written.encode(), content.deleted)


def part_of(sha256: str, row_version: int) -> int:
    """Return the number by which ranges of documents are compared: it changes with the content and with the version."""
    return int(hashlib.sha256(f"{sha256}:{row_version}".encode()).hexdigest()[:PART_DIGITS], 16)


def digest_of(stored: Mapping[str, Any]) -> str:
    """Return the digest that a stored document's content has, whatever digest it carries."""
    content = {name: value for name, value in stored.items() if name not in ABOUT_WRITING}
    return hashlib.sha256(ENCODER.encode(content)).hexdigest()


def shown(key: Key, source: Source) -> Shown:
    """Return what is shown of a certificate that counts."""
    records = records_of(source.consent_records)
    return Shown(
        certificate_id=source.certificate_id or None,
        certificate_pk=key.certificate_pk,
        company_id=key.company_id,
        consent_at=source.consent_at_ms,
        consent_text=consent_text(records),
        consent_types=consent_types(records),
        consumer=consumer_of(source),
        deleted=False,
        disclosure_sha256=source.disclosure_sha256 or None,
        disclosure_visible=TRUTHS.get(source.disclosure_visible),
        domain=source.domain or None,
        expires_at=source.expires_at_ms,
        finalized_at=source.finalized_at_ms,
        geo=geo_of(source.geo),
        has_replay=source.recorded and source.retention_status not in WITHOUT_REPLAY,
        has_video=source.rrweb_to_video_status == "completed",
        ip=source.ip,
        language=source.language or None,
        opt_out=opt_out_of(source.opt_out),
        origin=source.origin or None,
        property_id=source.property_id or None,
        retention_status=source.retention_status or None,
        session_id=source.session_id or None,
        source=source.source or None,
        status=source.status,
        template_id=source.template_id or None,
        template_version=source.template_version or None,
        wcag_level=source.wcag_level or None,
    )


def consumer_of(source: Source) -> Consumer | None:
    email, name, phone = source.consumer_email or None, source.consumer_name, source.consumer_phone or None
    if not (email or name or phone):
        return None
    return Consumer(email=email, name=fold(name) if name else None, phone=phone)


def opt_out_of(opt_out: Any) -> OptOut:
    revoked = is_revoked(opt_out)
    return OptOut(revoke=revoked, revoked_at=revoked_at_ms(opt_out) if revoked else None)


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


def geo_of(geo: Any) -> Geo | None:
    """Return what is known of the place; a place without a country is one too."""
    if not isinstance(geo, dict):
        return None
    told = cast("dict[str, Any]", geo)
    found = {name: value for name in Geo.__struct_fields__ if isinstance(value := told.get(name), str) and value}
    return Geo(**found) if found else None


def records_of(consent_records: Any) -> list[dict[str, Any]]:
    if not isinstance(consent_records, list):
        return []
    return [cast("dict[str, Any]", record) for record in cast("list[Any]", consent_records) if isinstance(record, dict)]


def consent_types(records: Sequence[Mapping[str, Any]]) -> list[str] | None:
    return sorted({kind for record in records if isinstance(kind := record.get("type"), str)}) or None


def consent_text(records: Sequence[Mapping[str, Any]]) -> str | None:
    """Return what the consumer read, for keyword search: each text once, accents folded, bounded."""
    texts = dict.fromkeys(value for record in records if isinstance(value := record.get("value"), str) and value)
    return fold("\n".join(texts)[:LONGEST_TEXT]) if texts else None


def fold(text: str) -> str:
    """Return ``text`` without accents, as people type it into a search box. Other scripts keep their letters."""
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    # only the accents of Latin, Greek and Cyrillic; then Hangul and Kana are put together again
    bare = "".join(letter for letter in apart if not "\u0300" <= letter <= "\u036f")
    return unicodedata.normalize("NFC", bare).translate(UNDECOMPOSED)
