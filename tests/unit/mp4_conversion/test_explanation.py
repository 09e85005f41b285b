"""A conversion's way in words, as a person reads it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from econsent_jobs.mp4_conversion.rules.explanation import Way, explain, stands

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEASE = UUID("01234567-89ab-cdef-0123-456789abcdef")
RETRY = "./econsent videos retry s1"


def minutes(count: float) -> datetime:
    return NOW + timedelta(minutes=count)


def way(**changes: Any) -> Way:
    usual: dict[str, Any] = dict.fromkeys(Way.__dataclass_fields__) | {
        "company_id": "c",
        "session_id": "s1",
        "status": "pending",
        "queued_at": minutes(-10),
        "attempts": 0,
        "lost_leases": 0,
        "next_attempt_at": minutes(-10),
        "retention_status": "retained",
        "read_at": NOW,
    }
    return Way(**(usual | changes))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({}, "waits: the next free lane takes it up now", id="due"),
        pytest.param({"next_attempt_at": NOW}, "waits: the next free lane takes it up now", id="due this moment"),
        pytest.param(
            {"next_attempt_at": minutes(1)}, "waits: the next free lane takes it up at 2026-03-02 12:01:00 UTC", id="not before its time"
        ),
        pytest.param(
            {"attempts": 2, "error_class": "render", "last_error": "the browser ended", "next_attempt_at": minutes(4)},
            "waits: try 2 of 5 failed (render: the browser ended); it is tried again at 2026-03-02 12:04:00 UTC",
            id="it failed before",
        ),
        pytest.param(
            {"status": "processing", "lease_token": LEASE, "leased_until": minutes(15), "progress_percent": 40},
            "being made: 40 % done; the worker of lease 01234567 holds it until 2026-03-02 12:15:00 UTC",
            id="under way",
        ),
        pytest.param(
            {"status": "processing", "lease_token": LEASE, "leased_until": minutes(1)},
            "being made: 0 % done; the worker of lease 01234567 holds it until 2026-03-02 12:01:00 UTC",
            id="just begun",
        ),
        pytest.param(
            {"status": "processing", "lease_token": LEASE, "leased_until": NOW},
            "claimed, but the lease ran out at 2026-03-02 12:00:00 UTC: the worker of lease 01234567 died or stands still, and the next run"
            " takes it up",
            id="its worker is lost",
        ),
        pytest.param({"lease_token": LEASE}, "waits: the next free lane takes it up now", id="a lease without an end is none"),
        pytest.param({"leased_until": minutes(1)}, "waits: the next free lane takes it up now", id="nor one without a token"),
        pytest.param({"status": "completed"}, "completed: nothing is left to do; its session is retained", id="done"),
        pytest.param(
            {"status": "failed", "error_class": "data", "last_error": "it holds no event"},
            "failed: data: it holds no event. What the page recorded cannot become a video: tell the customer; retry it only when the right"
            f" file is back: {RETRY}",
            id="nothing to show",
        ),
        pytest.param(
            {"status": "failed", "error_class": "integrity", "last_error": "x"},
            "failed: integrity: x. Find out who changed the file or the object, and overwrite nothing; retry it only when the right file is"
            f" back: {RETRY}",
            id="an incident",
        ),
        pytest.param(
            {"status": "failed", "error_class": "timeout", "last_error": "x"},
            f"failed: timeout: x. Read the workers' logs of that time, then retry it: {RETRY}",
            id="too long",
        ),
        pytest.param(
            {"status": "failed", "error_class": "render", "last_error": "x"},
            f"failed: render: x. Look at the browser and at ffmpeg by ./econsent doctor, then retry it: {RETRY}",
            id="the browser",
        ),
        pytest.param(
            {"status": "failed", "error_class": "s3_write", "last_error": "x"},
            f"failed: s3_write: x. When S3 takes objects again, retry it: {RETRY}",
            id="S3",
        ),
        pytest.param(
            {"status": "failed", "error_class": "config", "last_error": "x"},
            f"failed: config: x. Set right what the sentence names, then retry it: {RETRY}",
            id="a setting",
        ),
        pytest.param(
            {"status": "failed", "error_class": "unknown", "last_error": "x"},
            f"failed: unknown: x. When the shared file system answers again, retry it: {RETRY}",
            id="the share",
        ),
        pytest.param(
            {"status": "failed", "error_class": "es_write", "last_error": "x"},
            f"failed: es_write: x. Mend what the sentence names: {RETRY}",
            id="a class that it should not have",
        ),
        pytest.param(
            {"status": "failed", "error_class": "gremlins", "last_error": "x"},
            f"failed: gremlins: x. Tell an engineer: {RETRY}",
            id="a class that nobody knows",
        ),
    ],
)
def test_where_it_stands(changes: dict[str, Any], sentence: str) -> None:
    assert stands(way(**changes)) == sentence


def test_the_whole_way_in_the_order_of_its_times() -> None:
    entries = [
        {"at": "2026-03-02T11:55:00+00:00", "action": "video.requeued", "user": "ann@example.com", "details": {}},
        {"at": "2026-03-02T11:54:00+00:00", "action": "video.failed", "user": "s", "details": {"error_class": "render", "reason": "why"}},
    ]
    stored = [{"kind": "video", "key": "k.mp4", "version_id": "v1", "state": "stored", "bytes": 99}]
    made = {"status": "completed", "finished_at": minutes(-1), "duration_ms": 60_000, "render_ms": 2_500, "encode_ms": 500}
    seen = {"width": 800, "height": 600, "source_events": 7, "promoted_snapshot_index": 3, "dropped_events": 2, "blocked_requests": 4}
    began = {"closed_at": minutes(-30), "retained_at": minutes(-20)}

    lines = explain(way(audit_entries=entries, stored_objects=stored, **made, **seen, **began))

    assert [str(line) for line in lines] == [
        "2026-03-02 11:30:00 UTC  session closed: its recording is complete",
        "2026-03-02 11:40:00 UTC  session retained: it gets a video",
        "2026-03-02 11:50:00 UTC  queued",
        "2026-03-02 11:54:00 UTC  failed: render: why",
        "2026-03-02 11:55:00 UTC  put back into the queue by ann@example.com",
        "2026-03-02 11:59:00 UTC  made: 60.0 s, 800 x 600, 7 events, in 3.0 s, 20.0 x real time",
        "2026-03-02 11:59:00 UTC  its first snapshot was incomplete: event 3 is shown in its place",
        "2026-03-02 11:59:00 UTC  2 events could not be replayed; the sidecar says why",
        "2026-03-02 11:59:00 UTC  4 requests of the page were blocked, so what they fetch is not shown",
        "2026-03-02 11:59:00 UTC  stored: video k.mp4, 99 bytes, version v1, stored",
        "2026-03-02 12:00:00 UTC  completed: nothing is left to do; its session is retained",
    ]


def test_what_is_not_known_is_not_said() -> None:
    made = {"status": "completed", "finished_at": NOW, "duration_ms": 100, "width": 2, "height": 2, "source_events": 1}

    assert [line.text for line in explain(way(**made))] == [
        "queued",
        "made: 0.1 s, 2 x 2, 1 events, in 0.0 s",
        "completed: nothing is left to do; its session is retained",
    ]
    for missing in ("finished_at", "duration_ms"):
        assert [line.text for line in explain(way(**made | {missing: None}))][1:] == [stands(way(status="completed"))]
    assert [line.text for line in explain(way(**made | {"status": "failed"}))][:-1] == ["queued"]
