"""What ``./econsent certificates explain`` says, to the letter: people copy its commands and search their runbooks for its words."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from econsent_jobs.certificate_processing.rules.explanation import clock_text, explain
from tests.unit.certificate_processing.test_explanation import NOW, SEALED, WAY

RETRY = "./econsent certificates retry demo-01/17"
ADVICE = {
    "data": "What the page sent cannot become a certificate: tell the customer; retry it only when a missing file is back",
    "integrity": "Find out who changed the file or the object, and overwrite nothing; retry it only when the right file is back",
    "timeout": "Read the workers' logs of that time, then retry it",
    "s3_write": "When S3 takes objects again, retry it",
    "db_connectivity": "When PostgreSQL is steady again, retry it",
    "config": "Set right what the sentence names, then retry it",
    "unknown": "When the shared file system answers again, retry it",
    "render": "Mend what the sentence names",
    "odd": "Tell an engineer",
}
STORED = {"kind": "certificate", "key": "demo-01/x.json", "version_id": "v1", "state": "stored"}


@pytest.mark.parametrize(("error_class", "advice"), list(ADVICE.items()))
def test_a_failure_comes_with_its_advice(error_class: str, advice: str) -> None:
    way = replace(WAY, status="failed", error_class=error_class, last_error="It broke")

    assert explain(way)[-1].text == f"failed: {error_class}: It broke. {advice}: {RETRY}"


def test_a_finished_way_is_told_whole() -> None:
    way = replace(
        WAY,
        **SEALED | {"status": "finalized", "retention_status": "retained", "queued_at": None},
        closed_at=NOW - timedelta(minutes=3),
        retain_until=NOW + timedelta(days=1),
        finalized_at=NOW,
        expires_at=NOW + timedelta(days=2),
        stored_objects=[STORED],
    )

    assert [str(line) for line in explain(way)] == [
        "2026-03-02 14:00:00 UTC  captured: session sess-1; consent given at 2026-03-02 13:59:00 UTC",
        "2026-03-02 14:01:00 UTC  session closed: its recording is complete",
        "2026-03-02 14:04:00 UTC  sealed: EC-1, signed by key key-1, lock until 2026-03-03 14:04:00 UTC",
        "2026-03-02 14:04:00 UTC  stored: certificate demo-01/x.json, version v1, stored",
        "2026-03-02 14:04:00 UTC  finalised; the certificate expires at 2026-03-04 14:04:00 UTC",
        "2026-03-02 14:04:00 UTC  finalised: nothing is left to do; its session is retained",
    ]


def test_what_is_archived_nowhere_says_so() -> None:
    way = replace(WAY, status="finalized", finalized_at=NOW, issued_at=NOW, certificate_id="EC-1", signature_key_id="key-1")

    texts = [line.text for line in explain(way)]

    assert "stored nowhere: its lock date had already passed" in texts
    assert "sealed: EC-1, signed by key key-1, no lock date" in texts
    assert "finalised; the certificate expires at an unknown time" in texts


def test_earlier_failures_and_persons_are_told() -> None:
    failed = {"at": NOW.isoformat(), "action": "certificate.failed", "user": "x", "details": {"error_class": "data", "reason": "bad"}}
    again = {"at": NOW.isoformat(), "action": "certificate.requeued", "user": "ops@example.com", "details": {}}

    texts = [line.text for line in explain(replace(WAY, audit_entries=[failed, again]))]

    assert texts[2:4] == ["failed: data: bad", "put back into the queue by ops@example.com"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"session_id": None, "source": "meta", "source_ref": "lead-7"}, "captured: meta lead-7, without a session"),
        ({"queued_at": NOW - timedelta(minutes=4)}, "queued"),
        ({"status": "expired", "retention_status": None}, "expired"),
        (
            {"next_attempt_at": None},
            "it waits, but no queue row will ever wake it: tell an engineer, with what ./econsent verify certificate_processing says",
        ),
        (
            {"lease_token": UUID(int=1), "leased_until": NOW},
            (
                "claimed, but the lease ran out at 2026-03-02 14:04:00 UTC: the worker of lease 00000000 died or stands still,"
                " and the next run takes it up"
            ),
        ),
        (
            {"attempts": 1, "error_class": "unknown", "last_error": "no file", "next_attempt_at": NOW},
            "waits: try 1 of 8 failed (unknown: no file); it is tried again now",
        ),
        (
            {"captured_at": NOW - timedelta(minutes=29, seconds=30)},
            (
                "waits: ripe at 2026-03-02 14:04:30 UTC: chunks still come, the last at 2026-03-02 14:03:00 UTC,"
                " and after 30 minutes it is made with what there is"
            ),
        ),
        (
            {"last_chunk_at": None},
            "waits: ripe at 2026-03-02 14:30:00 UTC: no chunk of its session has come, and after 30 minutes it is made without more",
        ),
        (
            {**SEALED, "sealed_keys": None},
            "sealed, 0 documents wait to be stored: the next run sends them now",
        ),
    ],
)
def test_each_stand_has_its_sentence(changes: dict[str, Any], text: str) -> None:
    told = [line.text.removesuffix("; consent given at 2026-03-02 13:59:00 UTC") for line in explain(replace(WAY, **changes))]

    assert text in told


def test_times_are_told_in_utc() -> None:
    assert clock_text(NOW) == "2026-03-02 14:04:00 UTC"
    assert clock_text(None) == "an unknown time"
