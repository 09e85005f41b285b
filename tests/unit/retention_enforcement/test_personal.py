"""Which columns are erased, written down a second time: none is added to or taken from either list by mistake.

That the two lists together are all columns of their tables is held against the schema in tests/integration/retention_enforcement.
"""

import pytest

from econsent_jobs.retention_enforcement.rules.personal import NOT_PERSONAL, PERSONAL, WHOLE_ROWS


def columns(names: str) -> frozenset[str]:
    return frozenset(names.split())


def test_what_is_erased_column_by_column() -> None:
    assert {
        "certificates": columns(
            "capture dom_staging_path consumer_phone consumer_email consumer_name ip user_agent browser_language geo"
            " consent_records fingerprint payload_string last_error"
        ),
        "sessions": columns("page_url ip user_agent browser_language geo"),
        "attestations": columns("form_data_sha256 interaction_chain document"),
        "webhook_events": columns("body"),
        "webhook_deliveries": columns("last_error"),
        "webhook_attempts": columns("response_excerpt error"),
        "video_conversions": columns("last_error"),
        "search_outbox": columns("last_error"),
        "usage_events": columns("last_error"),
        "deletion_requests": columns("email phone"),
        "legal_holds": columns("scope_value"),
    } == PERSONAL


def test_what_goes_as_a_whole() -> None:
    assert columns("sealed_documents audit_personal") == WHOLE_ROWS


def test_what_stays() -> None:
    """Ids, hashes, times, states, in the order of their tables."""
    assert {
        "certificates": columns(
            "company_id certificate_pk session_id source_ref property_id submission_no source status consent_at origin domain"
            " certificate_id entropy consent_hash recording_path recording_hashes signature signature_key_id issued_at finalized_at"
            " opt_out expires_at retain_until pii_erased_at error_class row_version created_at updated_at"
        ),
        "sessions": columns(
            "company_id session_id property_id started_at last_chunk_at closed_at origin recording_path recording_bytes"
            " recording_events recording_sha256 retention_status retention_source retained_at expires_at rrweb_to_video_status"
            " last_accessed_at row_version created_at updated_at"
        ),
        "attestations": columns(
            "company_id certificate_pk schema_version disclosure_sha256 page_content_sha256 partner_disclosures visibility"
            " accessibility wcag_level contrast_ratio font_size_px font_assessment language_detected html_lang language_confidence"
            " language_mismatch chain_head chain_length dom_snapshot_sha256 template_id template_version attestation_sha256 computed_at"
        ),
        "deletion_requests": columns(
            "request_id company_id kind received_at due_at status deferred_until completed_at confirmation_sent_at result"
        ),
        "legal_holds": columns("hold_id company_id scope reason placed_by placed_at released_at released_by release_confirmed_by"),
    } == NOT_PERSONAL


@pytest.mark.parametrize("table", sorted(NOT_PERSONAL))
def test_no_column_is_both(table: str) -> None:
    assert NOT_PERSONAL[table] & PERSONAL[table] == frozenset()
    assert table not in WHOLE_ROWS
