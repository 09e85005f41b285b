"""A certificate as the job sees it, to change in the one respect that a test is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from econsent_jobs.certificate_processing.model import Key, Pending, Session, Source

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def a_session(**changes: Any) -> Session:
    return Session(
        **{
            "session_id": "sess-1",
            "started_at": NOW - timedelta(minutes=30),
            "last_chunk_at": NOW - timedelta(minutes=20),
            "closed_at": NOW - timedelta(minutes=15),
            "recording_path": None,
            "recording_sha256": None,
            **changes,
        }
    )


def a_pending(**changes: Any) -> Pending:
    consent_at = NOW - timedelta(minutes=20)
    return Pending(
        **{
            "key": Key("comp-abc", 1),
            "status": "pending",
            "source": Source.SESSION,
            "source_ref": None,
            "property_id": "prop-456",
            "session": a_session(),
            "submitted_at": consent_at,
            "consent_at": consent_at,
            "capture": "{}",
            "dom_staging_path": None,
            "ip": "192.0.2.7",
            "user_agent": "Example/1.0",
            "browser_language": "en-US",
            "geo": '{"country": "US"}',
            "origin": "https://lead.example.com",
            "domain": None,
            "expires_at": NOW + timedelta(days=1_826),
            "retain_until": NOW + timedelta(days=1_826),
            "lock_ceiling_at": NOW + timedelta(days=2_557),
            "read_at": NOW,
            **changes,
        }
    )
