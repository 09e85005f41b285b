"""Airflow's own database, read only: every statement is bounded, and the connection can write nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row

from econsent_airflow.cron_management.airflow_rows import COMPONENTS
from econsent_airflow.cron_management.job_facts import plan_of
from econsent_airflow.cron_management.rules import JobFacts
from econsent_jobs.core.statements import statement

MOST_ROWS: Final = 2_000
PAGE: Final = "econsent_airflow.cron_management"
"""What the page asks of Airflow's database as well is asked by the page's own statements."""
ALERT_AFTER: Final = "alert-after:"
USUAL_ALERT_AFTER: Final = 3

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A DAG that carries the tag of jobs. ``alert_after``: failures in a row until somebody is told; ``plan``: facts without history."""

    dag_id: str
    is_paused: bool
    file: str | None
    alert_after: int
    plan: JobFacts


class Metadata:
    """Reads Airflow's tables on one connection, which it sets read-only."""

    def __init__(self, connection: Connection[Any]) -> None:
        connection.read_only = True
        connection.autocommit = True
        self._connection = connection

    def _rows(self, name: str, values: Mapping[str, Any] | None = None, *, package: str = __package__ or "") -> list[Row]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement(package, name), values).fetchall()

    def jobs(self, tag: str, now: datetime) -> list[Job]:
        return [job_of(row, now) for row in self._rows("list_jobs", {"tag": tag}, package=PAGE)]

    def active_runs(self) -> list[Row]:
        return self._rows("list_active_runs")

    def live_tasks(self, tag: str) -> dict[tuple[str, str], Row]:
        """Return the signs of life of the tasks of runs that have not ended, by DAG and run."""
        return {(row["dag_id"], row["run_id"]): row for row in self._rows("live_tasks", {"tag": tag}, package=PAGE)}

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


def job_of(row: Row, now: datetime) -> Job:
    return Job(
        dag_id=row["dag_id"],
        is_paused=row["is_paused"],
        file=row["file"],
        alert_after=alert_after_of(row["tags"] or []),
        plan=plan_of(row, now),
    )


def alert_after_of(tags: Sequence[str]) -> int:
    """Read ``alert-after:3`` among the tags; 3 where no tag says it readably, so that one bad tag silences nobody."""
    found = [tag.removeprefix(ALERT_AFTER) for tag in sorted(tags) if tag.startswith(ALERT_AFTER)]
    return next((int(number) for number in found if number.isdecimal() and 0 < int(number) < 1_000), USUAL_ALERT_AFTER)
