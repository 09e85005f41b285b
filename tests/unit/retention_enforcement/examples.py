"""Facts of objects, and what is left of one, to be changed by what a test is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from econsent_jobs.retention_enforcement.model import Backend, Facts, Served, SessionFacts, State, Tombstone

NOW = datetime(2031, 3, 10, 3, 15, tzinfo=UTC)
WEEK = timedelta(days=7)
CONSENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def days(count: float) -> timedelta:
    return timedelta(days=count)


def a_session(**changes: Any) -> SessionFacts:
    """Unretained, its window of ninety days over since yesterday."""
    return replace(SessionFacts(status="unretained", expires_at=NOW - days(1), due_at=NOW + days(1000)), **changes)


def a_served(**changes: Any) -> Served:
    """An expired certificate of five years."""
    ended = datetime(2031, 3, 1, 12, tzinfo=UTC)
    return replace(Served(certificate_pk=1, status="expired", consent_at=CONSENT, expires_at=ended), **changes)


def an_object(**changes: Any) -> Facts:
    """A certificate's document, its lock over for a week."""
    facts = Facts(
        object_id=1,
        company_id="acme",
        kind="certificate",
        backend=Backend.S3,
        object_key="acme/shop/1.json",
        version_id="v1",
        size_bytes=10,
        sha256="0" * 64,
        state=State.STORED,
        created_at=CONSENT,
        tier=2,
        bucket="b",
        certificate_pk=1,
        retain_until=datetime(2031, 3, 1, 12, tzinfo=UTC),
        served=[a_served()],
        policy_changed_at=NOW - days(900),
    )
    return replace(facts, **changes)


def a_copy(**changes: Any) -> Facts:
    """A recording on the shared file system."""
    facts = an_object(kind="recording", backend=Backend.EFS, version_id=None, bucket=None, tier=1, retain_until=None, served=[])
    return replace(facts, **{"session": a_session(), **changes})


def marked(facts: Facts, *, ago: timedelta) -> Facts:
    return replace(facts, state=State.EXPIRED, marked_at=NOW - ago)


def a_tombstone(**changes: Any) -> Tombstone:
    """What is left of a certificate's document."""
    tombstone = Tombstone(
        log_no=4,
        company_id="acme",
        object_key="acme/1.json",
        version_id="v",
        size_bytes=3,
        sha256="0" * 64,
        rule="default",
        run_id="night",
        deleted_at=datetime(2026, 3, 1, 3, 15, 0, 1_999, tzinfo=UTC),
    )
    return replace(tombstone, **changes)
