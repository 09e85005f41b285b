"""What the execution history says of a run: who started it, and an earlier failure that a retry must not hide."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from econsent_airflow.cron_management.history import Choice, missed_rows, remark, started_by
from econsent_airflow.cron_management.rules import JobFacts, Run, judge
from econsent_airflow.cron_management.schedule import Schedule

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def row(**given: Any) -> dict[str, Any]:
    return {
        "outcome": "succeeded",
        "first_error": None,
        "tries": 1,
        "error_sentence": None,
        "run_kind": "scheduled",
        "counts": None,
        **given,
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({}, None, id="a run like any other"),
        pytest.param({"tries": 2}, "after a retry", id="a task needed a second try"),
        pytest.param({"counts": {"mended": {"content": 3, "missing": 1}}}, "mended: 3 content, 1 missing", id="it found something wrong"),
        pytest.param({"first_error": "s3_write"}, "first failed: s3_write", id="it was cleared after a failure"),
        pytest.param({"outcome": "failed", "error_sentence": "S3 is away"}, "S3 is away", id="it failed"),
        pytest.param(
            {"outcome": "failed", "error_sentence": "S3 is away", "first_error": "data"}, "S3 is away", id="it failed again, otherwise"
        ),
    ],
)
def test_a_first_failure_stays_visible(given: dict[str, Any], words: str | None) -> None:
    assert remark(row(**given)) == words


@pytest.mark.parametrize(
    ("kind", "who", "words"),
    [
        pytest.param("scheduled", "system:scheduler", "schedule", id="by the clock"),
        pytest.param("asset", "system:queue", "work arrived", id="by the queue"),
        pytest.param("manual", "ann", "ann", id="by a person"),
        pytest.param("manual", "unknown", "by hand", id="by somebody whom Airflow does not name"),
        pytest.param("manual", None, "by hand", id="by nobody known"),
        pytest.param("backfill", "ann", "ann, back-fill", id="a person's back-fill"),
    ],
)
def test_who_started_a_run(kind: str, who: str | None, words: str) -> None:
    assert started_by(row(run_kind=kind, triggered_by=who)) == words


def test_a_missed_tick_is_a_row_with_its_cause() -> None:
    at = NOON
    ran = Run(run_id="a", kind="scheduled", run_after=at, queued_at=at, started_at=at, ended_at=at + timedelta(seconds=9), succeeded=True)
    facts = JobFacts(schedule=Schedule("*/5 * * * *"), grace_seconds=60, known_since=NOON, runs=(ran,))
    standing = judge(facts, NOON + timedelta(minutes=11))

    [missed] = missed_rows(standing, Choice(outcome="missed"))

    assert (missed["at"], missed["outcome"], missed["run_id"]) == ("2026-11-23T12:05:00.000Z", "missed", None)
    assert "nothing that was watched explains it" in missed["remark"]
    assert missed_rows(standing, Choice(outcome="missed", since=NOON + timedelta(minutes=6))) == []
