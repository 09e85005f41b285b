"""Where a certificate stands, in words: a table of what the database may say."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from econsent_jobs.certificate_processing.rules import lifecycle
from econsent_jobs.certificate_processing.rules.explanation import Way, explain, ripe
from tests.unit.certificate_processing.examples import a_pending, a_session

NOW = datetime(2026, 3, 2, 14, 4, tzinfo=UTC)
WAY = Way(
    company_id="demo-01",
    certificate_pk=17,
    certificate_id=None,
    source="session",
    source_ref=None,
    session_id="sess-1",
    status="pending",
    consent_at=NOW - timedelta(minutes=5),
    captured_at=NOW - timedelta(minutes=4),
    issued_at=None,
    signature_key_id=None,
    finalized_at=None,
    expires_at=None,
    retain_until=None,
    error_class=None,
    last_error=None,
    updated_at=NOW,
    session_found=True,
    last_chunk_at=NOW - timedelta(minutes=1),
    closed_at=None,
    retention_status="unretained",
    queued_at=NOW - timedelta(minutes=4),
    attempts=0,
    lost_leases=0,
    next_attempt_at=NOW - timedelta(minutes=4),
    lease_token=None,
    leased_until=None,
    sealed_keys=None,
    stored_objects=None,
    audit_entries=None,
    read_at=NOW,
)
SEALED = {"status": "processing", "certificate_id": "EC-1", "issued_at": NOW, "signature_key_id": "key-1", "sealed_keys": ["a", "b"]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({}, "waits: ripe at 2026-03-02 14:05:00 UTC: the session's last chunk came at 2026-03-02 14:03:00 UTC", id="unripe"),
        pytest.param({"last_chunk_at": None}, "waits: ripe at 2026-03-02 14:30:00 UTC: no chunk of its session has come", id="no chunk"),
        pytest.param(
            {"captured_at": NOW - timedelta(minutes=29, seconds=30)},
            "waits: ripe at 2026-03-02 14:04:30 UTC: chunks still come",
            id="never quiet",
        ),
        pytest.param(
            {"closed_at": NOW}, "ripe since 2026-03-02 14:00:00 UTC (the session is closed): the next run takes it up now", id="closed"
        ),
        pytest.param({"session_found": False}, "a source without a session need not wait", id="no session"),
        pytest.param(
            {"lease_token": UUID(int=1), "leased_until": NOW + timedelta(minutes=2)},
            "claimed: the worker of lease 00000000 holds it until 2026-03-02 14:06:00 UTC",
            id="claimed",
        ),
        pytest.param(
            {"lease_token": UUID(int=1), "leased_until": NOW - timedelta(minutes=1)},
            "the lease ran out at 2026-03-02 14:03:00 UTC",
            id="lease over",
        ),
        pytest.param({"next_attempt_at": None}, "no queue row will ever wake it", id="forgotten"),
        pytest.param(SEALED, "sealed, 2 documents wait to be stored: the next run sends them now", id="sealed"),
        pytest.param(
            {**SEALED, "attempts": 3, "error_class": "s3_write", "last_error": "no answer", "next_attempt_at": NOW + timedelta(minutes=4)},
            "waits: try 3 of 8 failed (s3_write: no answer); its sealed bytes are sent again at 2026-03-02 14:08:00 UTC",
            id="backs off",
        ),
        pytest.param(
            {"status": "failed", "error_class": "s3_write", "last_error": "S3 is down"},
            "failed: s3_write: S3 is down. When S3 takes objects again, retry it: ./econsent certificates retry demo-01/17",
            id="failed",
        ),
        pytest.param({"status": "failed", "error_class": "odd", "last_error": "?"}, "Tell an engineer", id="failed by an unknown class"),
        pytest.param(
            {"status": "finalized", "retention_status": "retained"}, "nothing is left to do; its session is retained", id="finalised"
        ),
        pytest.param({"status": "expired"}, "expired", id="expired"),
    ],
)
def test_where_it_stands(changes: dict[str, Any], words: str) -> None:
    assert words in explain(replace(WAY, **changes))[-1].text


def test_the_way_is_told_in_the_order_of_time() -> None:
    requeued = {
        "at": "2026-03-02T13:00:00+00:00",
        "action": "certificate.requeued",
        "user": "ops@example.com",
        "details": {"abandoned": {"a": 1}},
    }
    failed = {
        "at": "2026-03-02T12:00:00+00:00",
        "action": "certificate.failed",
        "user": "x",
        "details": {"error_class": "s3_write", "reason": "down"},
    }
    way = replace(WAY, captured_at=NOW - timedelta(hours=3), audit_entries=[requeued, failed], **SEALED, retain_until=NOW)

    lines = explain(way)

    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert [line.text.split(":")[0] for line in lines][:2] == ["captured", "failed"]
    assert "put back into the queue by ops@example.com; what the failed try had stored stays" in lines[2].text


@pytest.mark.parametrize("captured_minutes", [0, 1, 28, 29, 30, 60])
@pytest.mark.parametrize("chunk_minutes", [None, 0, 1, 5, 40])
@pytest.mark.parametrize("closed", [False, True])
def test_ripe_agrees_with_the_job(captured_minutes: int, chunk_minutes: int | None, closed: bool) -> None:
    captured_at = NOW - timedelta(minutes=captured_minutes)
    last_chunk_at = None if chunk_minutes is None else NOW - timedelta(minutes=chunk_minutes)
    closed_at = NOW if closed else None
    known = a_pending(submitted_at=captured_at, session=a_session(last_chunk_at=last_chunk_at, closed_at=closed_at))

    assert ripe(replace(WAY, captured_at=captured_at, last_chunk_at=last_chunk_at, closed_at=closed_at))[0] == lifecycle.ripe_at(known)
