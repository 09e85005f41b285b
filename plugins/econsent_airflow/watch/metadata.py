"""Airflow's own database, read only: every statement is bounded, and the connection can write nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row

from econsent_airflow.cron_management.airflow_rows import COMPONENTS, KINDS, grace_of, schedule_of
from econsent_airflow.cron_management.rules import Run, Schedule
from econsent_jobs.core.statements import statement

MOST_ROWS: Final = 2_000

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A DAG that carries the tag of jobs. ``alert_after``: failures in a row until somebody is told."""

    dag_id: str
    is_paused: bool
    file: str | None
    sweep: bool
    schedule: Schedule | None
    grace_seconds: float
    alert_after: int
    known_since: datetime


class Metadata:
    """Reads Airflow's tables on one connection, which it sets read-only."""

    def __init__(self, connection: Connection[Any]) -> None:
        connection.read_only = True
        connection.autocommit = True
        self._connection = connection

    def _rows(self, name: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement(__package__ or "", name), values).fetchall()

    def jobs(self, tag: str) -> list[Job]:
        return [job_of(row) for row in self._rows("list_jobs", {"tag": tag})]

    def active_runs(self) -> list[Row]:
        return self._rows("list_active_runs")

    def ended_runs(self, *, ids: list[int], newer_than: int, changed_since: datetime | None) -> list[Row]:
        """Runs that are over: those of ``ids``, those with a higher number, and, if a time is given, all that changed since then."""
        values = {"ids": ids, "newer_than": newer_than, "changed_since": changed_since, "most": MOST_ROWS}
        return self._rows("list_ended_runs", values)

    def cleared_runs(self, ids: list[int]) -> list[Row]:
        return self._rows("list_cleared_runs", {"ids": ids})

    def run_keys(self, *, before: datetime, after_id: int) -> list[Row]:
        return self._rows("list_run_keys", {"before": before, "after_id": after_id, "most": MOST_ROWS})

    def tries(self, ids: list[int]) -> dict[int, list[Row]]:
        return by_run(self._rows("list_tries", {"ids": ids}))

    def results(self, ids: list[int]) -> dict[int, list[Row]]:
        return by_run(self._rows("list_results", {"ids": ids}))

    def actions(self, since: datetime) -> list[Row]:
        return self._rows("list_actions", {"since": since, "most": MOST_ROWS})

    def heartbeats(self) -> dict[str, datetime]:
        """Return when each component that ever ran was last heard of."""
        return {COMPONENTS[row["job_type"]]: row["heartbeat_at"] for row in self._rows("list_heartbeats")}

    def import_errors(self) -> list[Row]:
        return self._rows("list_import_errors")


def by_run(rows: list[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["run_number"], []).append(row)
    return found


def job_of(row: Row) -> Job:
    tags = row["tags"] or []
    return Job(
        dag_id=row["dag_id"],
        is_paused=row["is_paused"],
        file=row["file"],
        sweep=row["sweep"],
        schedule=schedule_of(row["timetable"]),
        grace_seconds=grace_of(tags),
        alert_after=int(tagged(tags, "alert-after:") or 3),
        known_since=row["known_since"],
    )


def tagged(tags: list[str], prefix: str) -> str | None:
    return next((tag.removeprefix(prefix) for tag in sorted(tags) if tag.startswith(prefix)), None)


def active_run(row: Mapping[str, Any]) -> Run:
    return Run(
        run_id=row["run_id"],
        kind=KINDS.get(row["run_type"], "manual"),
        run_after=row["run_after"],
        queued_at=row["queued_at"],
        started_at=row["started_at"],
        heartbeat_at=row["heartbeat_at"],
        resting_until=row["resting_until"],
    )
