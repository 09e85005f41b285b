"""The state of a job, a sentence a row."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from econsent_airflow.cron_management.rules import Break, JobFacts, Outage, Pause, Run, Schedule, judge, outage_of

EVERY_THREE = Schedule("*/3 * * * *")
DAILY = Schedule("15 3 * * *")


def at(clock: str) -> datetime:
    """Return a time of 2026-11-25."""
    return datetime.fromisoformat(f"2026-11-25T{clock}").replace(tzinfo=UTC)


def run(tick: str, *, kind: str = "scheduled", started: str | None = "", ended: str | None = None, good: bool = True, **more: Any) -> Run:
    start = at(tick) + timedelta(seconds=1) if started == "" else at(started) if started else None
    end = at(ended) if ended else None
    return Run(
        run_id=f"{kind}__{tick}",
        kind=kind,
        run_after=at(tick),
        queued_at=at(tick),
        started_at=start,
        ended_at=end,
        succeeded=good if end else None,
        **more,
    )


def facts(*runs: Run, schedule: Schedule = EVERY_THREE, since: str = "12:00", **more: Any) -> JobFacts:
    return JobFacts(schedule=schedule, grace_seconds=60, known_since=at(since), runs=runs, **more)


GOOD = (run("12:00", ended="12:00:20"), run("12:03", ended="12:03:20"))
STATES: list[tuple[str, JobFacts, str, str, list[str]]] = [
    ("a run has succeeded and the next is due within ten minutes", facts(*GOOD), "12:04", "Active", []),
    ("nothing has run yet", facts(since="12:05"), "12:05", "Idle", []),
    (
        "the next run is further away than ten minutes",
        facts(run("03:15", ended="03:20"), schedule=DAILY, since="03:00"),
        "12:00",
        "Idle",
        [],
    ),
    ("a run is executing", facts(*GOOD, run("12:06")), "12:06:05", "Running", []),
    ("a run waits for its start", facts(*GOOD, run("12:06", started=None)), "12:06:30", "Running", []),
    ("the last run failed", facts(run("12:00", ended="12:00:20"), run("12:03", ended="12:03:20", good=False)), "12:04", "Failed", []),
    ("one failed and the next succeeded", facts(run("12:00", ended="12:00:20", good=False), GOOD[1]), "12:04", "Active", []),
    (
        "a failed job was paused",
        facts(run("12:00", ended="12:00:20", good=False), pauses=(Pause(start_at=at("12:02")),)),
        "12:02:30",
        "Paused",
        [],
    ),
    ("a run goes on in a paused job", facts(run("12:00"), pauses=(Pause(start_at=at("12:00:30")),)), "12:01", "Paused", []),
    ("a tick is not late before its grace ends", facts(*GOOD), "12:06:59", "Active", []),
    ("a tick is late when its grace ends", facts(*GOOD), "12:07", "Idle", ["late"]),
    (
        "late while the scheduler is silent",
        facts(*GOOD, outages=(Outage(component="scheduler", stopped_at=at("12:05")),)),
        "12:07",
        "Failed",
        ["late"],
    ),
    ("the next tick has passed", facts(*GOOD), "12:09", "Failed", ["missed"]),
    ("a late run started after all", facts(*GOOD, run("12:06", started="12:08")), "12:08:10", "Running", []),
    ("missed ones are forgiven when a tick runs", facts(*GOOD, run("12:12", ended="12:12:20")), "12:13", "Active", []),
    (
        "an earlier run held the slot over the whole interval",
        facts(GOOD[0], run("12:03")),
        "12:09:01",
        "Running",
        ["skipped", "slow", "stuck"],
    ),
    ("the slot came free too late for a whole grace", facts(GOOD[0], run("12:03", ended="12:08:30")), "12:09:01", "Active", ["skipped"]),
    ("a pause holds the tick up", facts(*GOOD, pauses=(Pause(start_at=at("12:05")),)), "12:08", "Paused", []),
    ("a pause over a whole interval skips it", facts(*GOOD, pauses=(Pause(start_at=at("12:05")),)), "12:09", "Paused", ["skipped"]),
    (
        "a run that a person started holds the slot",
        facts(*GOOD, run("12:05:59", kind="manual", started="12:05:59")),
        "12:07:30",
        "Running",
        ["slow"],
    ),
    (
        "a back-fill has a slot of its own",
        facts(*GOOD, run("12:05:59", kind="backfill", ended="12:08")),
        "12:07:30",
        "Running",
        ["late", "slow"],
    ),
    (
        "running for three times the usual is not slow",
        facts(run("12:00", ended="12:00:21"), run("12:03", heartbeat_at=at("12:04"))),
        "12:04:01",
        "Running",
        [],
    ),
    (
        "running for more than three times the usual",
        facts(run("12:00", ended="12:00:21"), run("12:03", heartbeat_at=at("12:04"))),
        "12:04:02",
        "Running",
        ["slow"],
    ),
    ("no sign of life for two minutes", facts(run("12:00", heartbeat_at=at("12:00:40"))), "12:02:40", "Running", ["stuck"]),
    ("a heartbeat is a sign of life", facts(run("12:00", heartbeat_at=at("12:00:41"))), "12:02:40", "Running", []),
    ("a task that waits for its retry is not stuck", facts(run("12:00", resting_until=at("12:02"))), "12:02:40", "Running", []),
    ("queued for two minutes", facts(*GOOD, run("12:06", started=None)), "12:08", "Running", ["late", "stuck"]),
    (
        "queued behind a run that goes on",
        facts(run("12:00", heartbeat_at=at("12:04")), run("12:01", kind="asset", started=None)),
        "12:05",
        "Running",
        [],
    ),
    (
        "queued for two minutes after the run before it",
        facts(run("12:00", ended="12:03"), run("12:01", kind="asset", started=None)),
        "12:05",
        "Running",
        ["late", "stuck"],
    ),
    (
        "its file does not import",
        facts(*GOOD, breaks=(Break(start_at=at("12:04"), sentence="SyntaxError"),)),
        "12:05",
        "Failed",
        ["broken"],
    ),
    ("its file was mended", facts(*GOOD, breaks=(Break(start_at=at("12:04"), end_at=at("12:04:30")),)), "12:05", "Active", []),
    (
        "a queue's job is active while its watcher lives",
        facts(run("03:15", ended="03:20"), schedule=DAILY, since="03:00", sweep=True),
        "12:00",
        "Active",
        [],
    ),
    (
        "a queue's job is idle when its watcher is silent",
        facts(
            run("03:15", ended="03:20"),
            schedule=DAILY,
            since="03:00",
            sweep=True,
            outages=(Outage(component="triggerer", stopped_at=at("11:00")),),
        ),
        "12:00",
        "Idle",
        [],
    ),
    (
        "what is later than the moment asked for has not happened",
        facts(*GOOD, run("12:06", ended="12:06:20", good=False)),
        "12:04",
        "Active",
        [],
    ),
]


@pytest.mark.parametrize(("job", "moment", "status", "flags"), [row[1:] for row in STATES], ids=[row[0] for row in STATES])
def test_states(job: JobFacts, moment: str, status: str, flags: list[str]) -> None:
    standing = judge(job, at(moment))

    assert (standing.status, [str(flag.kind) for flag in standing.flags]) == (status, flags)


UNEXPLAINED = (
    "The run of 2026-11-25 12:06:00 UTC was missed; nothing that was watched explains it, "
    "so look at the scheduler's log and at the pool's slots."
)
CAUSES: list[tuple[str, JobFacts, str, str]] = [
    (
        "the scheduler is named",
        facts(*GOOD, outages=(Outage(component="scheduler", stopped_at=at("12:05")),)),
        "12:12:30",
        "2 runs since 2026-11-25 12:06:00 UTC were missed, because the scheduler's heartbeat stopped at 2026-11-25 12:05:00 UTC.",
    ),
    (
        "a broken file is named",
        facts(*GOOD, breaks=(Break(start_at=at("12:04"), sentence="SyntaxError: invalid syntax"),)),
        "12:05",
        "Its DAG file does not import since 2026-11-25 12:04:00 UTC: SyntaxError: invalid syntax",
    ),
    (
        "what cannot be explained says where to look",
        facts(*GOOD),
        "12:09",
        UNEXPLAINED,
    ),
    (
        "a failed run says when",
        facts(run("12:00", ended="12:00:20", good=False)),
        "12:02",
        "The run that ended at 2026-11-25 12:00:20 UTC failed.",
    ),
    (
        "a pause says who, when, until when and why",
        facts(pauses=(Pause(start_at=at("12:01"), resume_at=at("13:00"), by="ann@example.com", reason="maintenance"),)),
        "12:02",
        "Paused by ann@example.com at 2026-11-25 12:01:00 UTC until 2026-11-25 13:00:00 UTC: maintenance",
    ),
]


@pytest.mark.parametrize(("job", "moment", "cause"), [row[1:] for row in CAUSES], ids=[row[0] for row in CAUSES])
def test_causes(job: JobFacts, moment: str, cause: str) -> None:
    assert judge(job, at(moment)).cause == cause


NEXT: list[tuple[str, JobFacts, str, str | None]] = [
    ("the next tick", facts(*GOOD), "12:04", "12:06"),
    ("none while it is paused for good", facts(pauses=(Pause(start_at=at("12:01")),)), "12:04", None),
    ("the first tick after it resumes by itself", facts(pauses=(Pause(start_at=at("12:01"), resume_at=at("12:31")),)), "12:04", "12:33"),
]


@pytest.mark.parametrize(("job", "moment", "tick"), [row[1:] for row in NEXT], ids=[row[0] for row in NEXT])
def test_next_run(job: JobFacts, moment: str, tick: str | None) -> None:
    assert judge(job, at(moment)).next_run_at == (at(tick) if tick else None)


def test_a_component_is_silent_after_half_a_minute() -> None:
    beat = at("12:00")

    assert outage_of("scheduler", beat, beat + timedelta(seconds=29)) is None
    assert outage_of("scheduler", beat, beat + timedelta(seconds=30)) == Outage(component="scheduler", stopped_at=beat)


def test_a_job_without_a_schedule_has_no_ticks() -> None:
    standing = judge(JobFacts(schedule=None, grace_seconds=60, known_since=at("12:00")), at("13:00"))

    assert (standing.ticks, standing.next_run_at, standing.status) == ((), None, "Idle")
