"""From rows to the rule's facts: Airflow's for what goes on, the trail's for what is over. The page and the watch judge by them alike.

A moment may be a ``datetime`` or, where PostgreSQL handed over a JSON document, ISO 8601.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from econsent_airflow.cron_management.airflow_rows import KINDS, grace_of, schedule_of
from econsent_airflow.cron_management.rules import Break, JobFacts, Outage, Pause, Run

Row = Mapping[str, Any]

ENDED: Final = {"success": True, "failed": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRow:
    """One pause of the audit trail. ``batch_id`` is set for those that "Pause all" made."""

    pause_id: str
    dag_id: str
    by: str
    reason: str
    at: datetime
    resume_at: datetime | None
    batch_id: str | None
    resumed_at: datetime | None

    def fact(self) -> Pause:
        return Pause(start_at=self.at, end_at=self.resumed_at, resume_at=self.resume_at, by=self.by, reason=self.reason)


def moment(at: str | datetime) -> datetime:
    return datetime.fromisoformat(at) if isinstance(at, str) else at


def parse(at: str | datetime | None) -> datetime | None:
    """Read a moment that may be missing."""
    return None if at is None else moment(at)


def plan_of(row: Row, now: datetime) -> JobFacts:
    """Return what a DAG says of its job, as facts in which nothing has happened yet. ``row`` comes from ``list_jobs.sql``."""
    return JobFacts(
        schedule=schedule_of(row["timetable"]),
        grace_seconds=grace_of(row["tags"]),
        known_since=row["known_since"] or row["parsed_at"] or now,
        sweep=row["waits_for_assets"],
    )


def live_run(row: Row, signs: Row) -> Run:
    """Return a run of Airflow's own table. ``signs``: ``heartbeat_at`` and ``resting_until`` of its tasks, of ``live_tasks.sql``."""
    return Run(
        run_id=row["run_id"],
        kind=KINDS.get(row["run_type"], "manual"),
        run_after=row["run_after"],
        queued_at=row["queued_at"] or row["started_at"] or row["run_after"],
        started_at=row["started_at"],
        ended_at=(row["ended_at"] or row["updated_at"]) if row["state"] in ENDED else None,
        succeeded=ENDED.get(row["state"]),
        heartbeat_at=signs.get("heartbeat_at"),
        resting_until=signs.get("resting_until"),
    )


def trail_run(row: Row) -> Run:
    """Return an execution of the audit trail."""
    started_at, ended_at = parse(row["started_at"]), parse(row["ended_at"])
    return Run(
        run_id=row["run_id"],
        kind=row["run_kind"],
        run_after=moment(row["run_after"]),
        queued_at=parse(row["queued_at"]) or started_at or moment(row["run_after"]),
        started_at=started_at,
        ended_at=ended_at,
        succeeded=None if ended_at is None else row["outcome"] == "succeeded",
        heartbeat_at=ended_at,
    )


def pause_row(row: Row) -> PauseRow:
    return PauseRow(
        pause_id=str(row["pause_id"]),
        dag_id=row["dag_id"],
        by=row["paused_by"] or "",
        reason=row["reason"] or "",
        at=moment(row["paused_at"]),
        resume_at=parse(row["resume_at"]),
        batch_id=row["batch_id"],
        resumed_at=parse(row["resumed_at"]),
    )


def trail_outage(row: Row) -> Outage:
    return Outage(component=row["component"], stopped_at=moment(row["stopped_at"]), back_at=parse(row["back_at"]))


def trail_break(row: Row) -> Break:
    return Break(start_at=moment(row["broke_at"]), end_at=parse(row["mended_at"]), sentence=row["sentence"] or "")
