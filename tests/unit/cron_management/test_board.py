"""What the list and the job's page say, from facts alone."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from econsent_airflow.cron_management import board, facts
from econsent_airflow.cron_management.airflow_rows import grace_of, schedule_of
from econsent_airflow.cron_management.explanations import EXPLANATIONS, explain
from econsent_airflow.cron_management.facts import Job, Known, Platform, words_of
from econsent_airflow.cron_management.job_facts import PauseRow
from econsent_airflow.cron_management.rules import JobFacts, Pause, Run, judge
from econsent_airflow.cron_management.schedule import Schedule
from econsent_jobs.core.errors import ErrorClass

NOW = datetime(2026, 11, 23, 12, 8, 2, tzinfo=UTC)


def run(minute: int, *, succeeded: bool | None = True, seconds: int = 1, run_id: str | None = None) -> Run:
    at = NOW.replace(minute=minute, second=0)
    ended = None if succeeded is None else at + timedelta(seconds=seconds)
    return Run(
        run_id=run_id or f"run-{minute}", kind="scheduled", run_after=at, queued_at=at, started_at=at, ended_at=ended, succeeded=succeeded
    )


def job(
    *runs: Run, pause: PauseRow | None = None, executions: Mapping[str, Any] | None = None, figures: Mapping[str, Any] | None = None
) -> Job:
    pauses = (Pause(start_at=pause.at, resume_at=pause.resume_at, by=pause.by, reason=pause.reason),) if pause else ()
    known = JobFacts(schedule=Schedule("*/2 * * * *"), grace_seconds=60, known_since=NOW - timedelta(minutes=7), runs=runs, pauses=pauses)
    return Job(
        dag_id="wallet_reconciliation",
        title="Wallet reconciliation",
        purpose="Posts charges",
        schedule_words="Every 2 minutes",
        is_paused=pause is not None,
        tags=("econsent-job",),
        facts=known,
        pause=pause,
        executions=executions or {},
        figures=figures,
        waiting_since=NOW - timedelta(seconds=90) if figures else None,
        figure_since=NOW - timedelta(seconds=80) if figures and facts.is_age(figures) else None,
    )


def row(one: Job) -> dict[str, Any]:
    return board.job_document(one, judge(one.facts, NOW), NOW, can={"pause": True, "run": True})


def test_a_quiet_job_has_no_notice() -> None:
    shown = row(job(*(run(minute) for minute in (2, 4, 6, 8))))

    assert shown["status"] == "active"
    assert shown["notice"] is None
    assert shown["next"] == {"kind": "schedule", "at": "2026-11-23T12:10:00.000Z", "words": "only by hand"}
    assert [bar["outcome"] for bar in shown["strip"]] == ["success"] * 4


def test_a_failed_job_says_why_and_what_happens_next() -> None:
    told = {"error_class": "db_connectivity", "error_sentence": "the connection was lost", "counts": {"examined": 9, "changed": 2}}
    shown = row(job(run(2), run(4), run(6), run(8, succeeded=False, seconds=1, run_id="bad"), executions={"bad": told}))

    assert shown["status"] == "failed"
    assert shown["notice"]["headline"] == "The last run failed: the database could not be reached (db_connectivity)."
    assert shown["notice"]["text"] == "The connection was lost. The next run continues by itself."


def test_what_the_last_run_did_is_said_in_words() -> None:
    told = {"examined": 12, "changed": 9, "quarantined": 2, "failed": 1, "mended": {"content": 3, "missing": 1}}

    assert board.counts_words(told) == "9 done, 2 quarantined, 1 failed, 4 mended"
    assert board.counts_words({"examined": 0, "changed": 0, "mended": {}}) == "0 done"
    assert board.counts_words(None) is None


def test_a_missed_run_is_a_gap_in_the_strip() -> None:
    shown = row(job(run(2), run(8)))

    assert [bar["outcome"] for bar in shown["strip"]] == ["success", "missed", "missed", "success"]
    assert shown["strip"][1]["run_id"] is None


def test_a_pause_is_told_with_reason_and_end() -> None:
    pause = PauseRow(
        pause_id="1",
        dag_id="wallet_reconciliation",
        by="admin",
        reason="waiting",
        at=NOW - timedelta(minutes=5),
        resume_at=NOW + timedelta(hours=1),
        batch_id=None,
        resumed_at=None,
    )
    shown = row(job(run(2), pause=pause))

    assert shown["status"] == "paused"
    assert shown["paused"] == {"by": "admin", "at": "2026-11-23T12:03:02.000Z", "reason": "waiting", "until": "2026-11-23T13:08:02.000Z"}
    assert "skipped" in shown["notice"]["text"]
    assert "starts at once" in shown["resume_words"]
    assert shown["next"]["kind"] == "paused"


def test_figures_that_are_ages_are_told_as_moments() -> None:
    figures = {"backlog": 3, "oldest_seconds": 90.0, "figure_label": "seconds since the oldest", "figure": 80.0}
    shown = row(job(run(8), figures=figures))

    assert shown["waiting"] == {"count": 3, "oldest_at": "2026-11-23T12:06:32.000Z"}
    assert shown["figure"] == {"label": "since the oldest", "value": None, "since": "2026-11-23T12:06:42.000Z"}


def test_a_figure_that_is_a_number_is_one() -> None:
    figures = {"backlog": 0, "oldest_seconds": None, "figure_label": "wallets in review", "figure": 2.0}

    assert row(job(run(8), figures=figures))["figure"] == {"label": "wallets in review", "value": 2.0, "since": None}


def test_a_figure_of_nothing_is_none_and_not_zero() -> None:
    figures = {"backlog": 0, "oldest_seconds": None, "figure_label": "percent done of the videos being made", "figure": None}

    assert row(job(run(8), figures=figures))["figure"]["value"] is None


def test_the_list_shows_only_what_its_reader_may_see() -> None:
    known = Known(jobs=(job(run(8)),), platform=Platform(beats={}, seal=None, trail_is_there=False))

    assert board.list_document(known, {}, NOW, may_act={}, may_run={}, past=False)["jobs"] == []
    standings = {one.dag_id: judge(one.facts, NOW) for one in known.jobs}
    seen = {"wallet_reconciliation": False}
    shown = board.list_document(known, standings, NOW, may_act=seen, may_run=seen, past=False)
    assert shown["jobs"][0]["can"] == {"pause": False, "run": False}
    assert shown["can_act"] is False


def test_a_heartbeat_that_goes_on_changes_nothing_and_one_that_stops_does() -> None:
    def told(seconds: int) -> dict[str, Any]:
        platform = Platform(beats={"scheduler": NOW - timedelta(seconds=seconds)}, seal=None, trail_is_there=False)
        return board.platform_document(platform, NOW)

    assert told(1) == told(9)
    assert told(1) != told(31)


@pytest.mark.parametrize("error_class", list(ErrorClass))
def test_every_error_class_is_explained(error_class: ErrorClass) -> None:
    explanation = EXPLANATIONS[error_class]

    assert explanation.headline.startswith("failed")
    assert explanation.meaning
    assert explanation.advice.endswith(".")


@pytest.mark.parametrize("error_class", [None, "", "what nobody knows"])
def test_what_is_no_class_of_ours_is_unknown(error_class: str | None) -> None:
    assert explain(error_class) is EXPLANATIONS[ErrorClass.UNKNOWN]


@pytest.mark.parametrize(
    ("tags", "seconds"),
    [
        pytest.param(["grace:60s"], 60, id="in seconds"),
        pytest.param(["econsent-job", "grace:5min"], 300, id="in minutes"),
        pytest.param(["grace:1h"], 3600, id="in hours"),
        pytest.param([], 60, id="without a tag: a minute"),
        pytest.param(["grace:", "grace:5", "grace:five", "grace:5d"], 60, id="what cannot be read is no tag"),
    ],
)
def test_grace_is_a_tag(tags: list[str], seconds: float) -> None:
    assert grace_of(tags) == seconds


@pytest.mark.parametrize(
    ("timetable", "expected"),
    [
        pytest.param({"__var": {"expression": "*/3 * * * *", "timezone": "UTC"}}, Schedule("*/3 * * * *", "UTC"), id="cron"),
        pytest.param(
            {"__var": {"timetable": {"__var": {"expression": "*/5 * * * *", "timezone": "Europe/Berlin"}}}},
            Schedule("*/5 * * * *", "Europe/Berlin"),
            id="inside one that waits for assets",
        ),
        pytest.param({"__var": {}}, None, id="none at all"),
        pytest.param({"__var": {"delta": 3600}}, None, id="by an interval"),
        pytest.param(None, None, id="not known"),
    ],
)
def test_a_schedule_is_found_in_a_serialised_timetable(timetable: Any, expected: Schedule | None) -> None:
    assert schedule_of(timetable) == expected


@pytest.mark.parametrize(
    ("description", "waits", "words"),
    [
        pytest.param("Every 3 minutes", False, "Every 3 minutes", id="by the clock"),
        pytest.param(
            "Triggered by assets or Every 5 minutes", True, "When work arrives, and every 5 minutes", id="by work and by the clock"
        ),
        pytest.param("Triggered by assets", True, "When work arrives", id="by work"),
        pytest.param("", False, "Only by hand", id="never"),
    ],
)
def test_a_schedule_is_told_in_words(description: str, waits: bool, words: str) -> None:
    assert words_of({"timetable_description": description, "waits_for_assets": waits}) == words
