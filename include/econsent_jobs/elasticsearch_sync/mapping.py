"""What an index of certificates is made with. A change here needs the next SCHEMA_VERSION, and a reindex brings it into use."""

from typing import Any, Final

from econsent_jobs.elasticsearch_sync.model import SCHEMA_VERSION

KEYWORD: Final = {"type": "keyword", "ignore_above": 8191}
"""Longer ones stay in the document, unsearched: Lucene refuses a term of more than 32,766 bytes, and the document with it."""
FOLDED_CASE: Final = KEYWORD | {"normalizer": "lower"}
MOMENT: Final = {"type": "date", "format": "epoch_millis"}
FLAG: Final = {"type": "boolean"}
NUMBER: Final = {"type": "long"}

PROPERTIES: Final[dict[str, Any]] = {
    "certificate_id": KEYWORD,
    "certificate_pk": NUMBER,
    "company_id": KEYWORD,
    "consent_at": MOMENT,
    "consent_text": {"type": "text"},
    "consent_types": KEYWORD,
    "consumer": {
        "properties": {
            "email": FOLDED_CASE,
            "name": {"type": "text", "fields": {"raw": {"type": "keyword", "normalizer": "lower", "ignore_above": 256}}},
            "phone": KEYWORD,
        }
    },
    "deleted": FLAG,
    "digest_part": NUMBER,
    "disclosure_sha256": KEYWORD,
    "disclosure_visible": FLAG,
    "domain": KEYWORD,
    "expires_at": MOMENT,
    "finalized_at": MOMENT,
    "geo": {"properties": {"city": KEYWORD, "country": KEYWORD, "region": KEYWORD}},
    "has_replay": FLAG,
    "has_video": FLAG,
    "indexed_at": MOMENT,
    "ip": {"type": "ip"},
    "language": KEYWORD,
    "opt_out": {"properties": {"revoke": FLAG, "revoked_at": MOMENT}},
    "origin": KEYWORD,
    "projection_sha256": KEYWORD,
    "property_id": KEYWORD,
    "retention_status": KEYWORD,
    "row_version": NUMBER,
    "session_id": KEYWORD,
    "source": KEYWORD,
    "status": KEYWORD,
    "template_id": KEYWORD,
    "template_version": KEYWORD,
    "wcag_level": KEYWORD,
}

MAPPINGS: Final[dict[str, Any]] = {
    "_meta": {"schema_version": SCHEMA_VERSION},
    "_routing": {"required": True},
    "dynamic": "strict",
    "properties": PROPERTIES,
}

TOMBSTONE: Final = frozenset({"certificate_pk", "company_id", "deleted", "digest_part", "indexed_at", "projection_sha256", "row_version"})
"""All that may be left of a certificate that no longer counts: nothing of the consumer."""
READ_FILTER: Final[dict[str, Any]] = {"term": {"deleted": False}}
"""The read alias shows no tombstone."""


def settings(*, shards: int, replicas: int) -> dict[str, Any]:
    return {
        "number_of_shards": shards,
        "number_of_replicas": replicas,
        "refresh_interval": "5s",
        "analysis": {"normalizer": {"lower": {"type": "custom", "filter": ["lowercase"]}}},
    }
