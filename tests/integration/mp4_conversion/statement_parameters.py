"""Rows and parameters with which each statement of MP4 conversion finds something to do."""

import uuid
from datetime import UTC, datetime
from typing import Any

import psycopg

HASH = "0" * 64
LATER = datetime(2031, 3, 1, tzinfo=UTC)
SESSIONS = ("s-leased", "s-open", "s-pending", "s-failed")


def statement_parameters(database: psycopg.Connection[Any], company_id: str) -> dict[str, dict[str, Any]]:
    """Put a leased conversion with sealed files, one of an open session, a pending and a failed one into ``company_id``."""
    token = uuid.uuid4()
    prepare_company(database, company_id)
    conversion_id = conversion_of(database, company_id, "s-leased")
    database.execute(
        "UPDATE econsent.video_conversions SET status = 'processing', lease_token = %s, leased_until = now() + interval '1 hour'"
        " WHERE conversion_id = %s",
        [token, conversion_id],
    )
    database.execute(
        "UPDATE econsent.video_conversions SET status = 'failed', finished_at = now(), error_class = 'render' WHERE conversion_id = %s",
        [conversion_of(database, company_id, "s-failed")],
    )
    return by_statement(company_id=company_id, fence={"conversion_id": conversion_id, "lease_token": token})


def by_statement(*, company_id: str, fence: dict[str, Any]) -> dict[str, dict[str, Any]]:
    company = {"company_id": company_id}
    session = company | {"session_id": "s-leased"}
    file = {"kinds": ["video"], "sizes_bytes": [1], "sha256s": [HASH], "content_types": ["video/mp4"]}
    facts = ("source_sha256", "output_sha256")
    numbers = (
        *("source_events", "promoted_snapshot_index", "width", "height", "fps", "duration_ms", "frames", "dropped_events"),
        *("blocked_requests", "output_bytes", "render_ms", "encode_ms"),
    )
    trouble = {"error_class": "render", "reason": "it broke"}
    return {
        "audit_conversion": company
        | {"conversion_id": fence["conversion_id"], "action": "video.converted", "details": "{}", "occasion": "once"},
        "back_off": fence | trouble | {"delay_seconds": 60.0},
        "beat": fence | {"lease_seconds": 60.0, "percent": 50},
        "claim_conversion": {"most_in_flight": 5, "lease_seconds": 60.0, "lease_token": uuid.uuid4()},
        "close_session": company | {"session_id": "s-open", "sha256": HASH, "size_bytes": 1, "events": 2, "last_chunk_at": None},
        "complete": fence | {"storage_object_id": 1},
        "explain_conversion": session,
        "fail": fence | trouble,
        "find_conversions": company | {"name": "s-leased"},
        "forget_sealed_files": session,
        "give_back": fence,
        "hold_lease": fence,
        "insert_sealed_files": session | file | {"object_keys": ["k-new"], "staging_paths": ["/p"], "retain_until": LATER},
        "list_companies": {"company_id": None},
        "list_conversions": company | {"status": "failed", "error_class": None, "most": 10},
        "load_sealed_files": session,
        "load_session": session,
        "lock_session": session,
        "mark_session": session | {"status": "completed"},
        "note_facts": fence | dict.fromkeys(facts, HASH) | dict.fromkeys(numbers, 1) | {"tool_versions": "{}"},
        "postpone": fence | {"next_attempt_at": LATER},
        "record_objects": session | file | {"bucket": "b", "object_keys": ["k"], "version_ids": ["v"], "retain_untils": [LATER]},
        "requeue_conversions": company | {"session_ids": ["s-failed"], "user": "somebody@example.com"},
    }


def prepare_company(database: psycopg.Connection[Any], company_id: str) -> None:
    database.execute(
        "INSERT INTO econsent.properties (company_id, property_id, name, origin, uid) VALUES (%s, 'p', 'P', 'https://example.com', %s)",
        [company_id, f"uid-{company_id}"],
    )
    for session_id in SESSIONS:
        database.execute(
            "INSERT INTO econsent.sessions (company_id, session_id, property_id, started_at, closed_at, expires_at, retention_status,"
            " rrweb_to_video_status) VALUES (%s, %s, 'p', now(), %s, %s, 'retained', 'pending')",
            [company_id, session_id, None if session_id == "s-open" else LATER, LATER],
        )
    database.execute(
        "INSERT INTO econsent.sealed_files"
        " (company_id, session_id, kind, object_key, staging_path, bytes, sha256, content_type, retain_until)"
        " VALUES (%s, 's-leased', 'video', 'k-old', '/p', 1, %s, 'video/mp4', %s)",
        [company_id, HASH, LATER],
    )


def conversion_of(database: psycopg.Connection[Any], company_id: str, session_id: str) -> int:
    row = database.execute(
        "SELECT conversion_id FROM econsent.video_conversions WHERE company_id = %s AND session_id = %s", [company_id, session_id]
    ).fetchone()
    assert row is not None
    return row[0]
