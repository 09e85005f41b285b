"""Which columns hold personal data. A column that stands in neither list fails a test: whoever adds one has to say what it is."""

from collections.abc import Mapping
from typing import Final

PERSONAL: Final[Mapping[str, frozenset[str]]] = {
    "certificates": frozenset(
        [
            "capture",
            "dom_staging_path",
            "consumer_phone",
            "consumer_email",
            "consumer_name",
            "ip",
            "user_agent",
            "browser_language",
            "geo",
            "consent_records",
            "fingerprint",
            "payload_string",
            "last_error",
        ]
    ),
    "sessions": frozenset(["page_url", "ip", "user_agent", "browser_language", "geo"]),
    "attestations": frozenset(["form_data_sha256", "interaction_chain", "document"]),
    "webhook_events": frozenset({"body"}),
    "webhook_deliveries": frozenset({"last_error"}),
    "webhook_attempts": frozenset({"response_excerpt", "error"}),
    "video_conversions": frozenset({"last_error"}),
    "search_outbox": frozenset({"last_error"}),
    "usage_events": frozenset({"last_error"}),
    "deletion_requests": frozenset({"email", "phone"}),
    "legal_holds": frozenset({"scope_value"}),  # of holds on a person that were released
}
"""Erased column by column."""

WHOLE_ROWS: Final = frozenset({"sealed_documents", "audit_personal"})
"""Rows that go as a whole."""

NOT_PERSONAL: Final[Mapping[str, frozenset[str]]] = {
    "certificates": frozenset(
        [
            "company_id",
            "certificate_pk",
            "session_id",
            "source_ref",
            "property_id",
            "submission_no",
            "source",
            "status",
            "consent_at",
            "origin",
            "domain",
            "certificate_id",
            "entropy",
            "consent_hash",
            "recording_path",
            "recording_hashes",
            "signature",
            "signature_key_id",
            "issued_at",
            "finalized_at",
            "opt_out",
            "expires_at",
            "retain_until",
            "pii_erased_at",
            "error_class",
            "row_version",
            "created_at",
            "updated_at",
        ]
    ),
    "sessions": frozenset(
        [
            "company_id",
            "session_id",
            "property_id",
            "started_at",
            "last_chunk_at",
            "closed_at",
            "origin",
            "recording_path",
            "recording_bytes",
            "recording_events",
            "recording_sha256",
            "retention_status",
            "retention_source",
            "retained_at",
            "expires_at",
            "rrweb_to_video_status",
            "last_accessed_at",
            "row_version",
            "created_at",
            "updated_at",
        ]
    ),
    "attestations": frozenset(
        [
            "company_id",
            "certificate_pk",
            "schema_version",
            "disclosure_sha256",
            "page_content_sha256",
            "partner_disclosures",
            "visibility",
            "accessibility",
            "wcag_level",
            "contrast_ratio",
            "font_size_px",
            "font_assessment",
            "language_detected",
            "html_lang",
            "language_confidence",
            "language_mismatch",
            "chain_head",
            "chain_length",
            "dom_snapshot_sha256",
            "template_id",
            "template_version",
            "attestation_sha256",
            "computed_at",
        ]
    ),
    "deletion_requests": frozenset(
        [
            "request_id",
            "company_id",
            "kind",
            "received_at",
            "due_at",
            "status",
            "deferred_until",
            "completed_at",
            "confirmation_sent_at",
            "result",
        ]
    ),
    "legal_holds": frozenset(
        [
            "hold_id",
            "company_id",
            "scope",
            "reason",
            "placed_by",
            "placed_at",
            "released_at",
            "released_by",
            "release_confirmed_by",
        ]
    ),
}
"""What stays: ids, hashes, times, states. Of the other tables everything that is not named above."""
