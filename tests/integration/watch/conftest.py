"""The watch beside Airflow's real database, in which a test plays the scheduler, the workers and the web server by writing their rows."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from econsent_airflow.watch.alerts import Channels
from econsent_airflow.watch.process import Settings, Watch
from econsent_stack.stack import Stack
from tests.sink import Sink, listening

TABLES = "log, job, import_error, dag_run, task_instance, task_instance_history, xcom, dag, dag_tag, serialized_dag, dag_version"
TIMETABLE = {
    "__type": "airflow.timetables.trigger.CronTriggerTimetable",
    "__var": {"expression": "*/3 * * * *", "timezone": "UTC", "interval": 0, "run_immediately": False},
}


class Airflow:
    """Writes what Airflow's components write."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def dag(self, dag_id: str, *, tags: tuple[str, ...] = ("econsent-job", "grace:60s", "alert-after:2"), since: datetime) -> None:
        self.connection.execute("INSERT INTO dag_bundle (name, active) VALUES ('dags', true) ON CONFLICT DO NOTHING")
        self.connection.execute(
            """
            INSERT INTO dag (dag_id, is_paused, is_stale, bundle_name, relative_fileloc, max_active_tasks, max_active_runs,
                max_consecutive_failed_dag_runs, has_task_concurrency_limits, timetable_type, exceeds_max_non_backfill,
                partition_mapper_info)
            VALUES (%(dag_id)s, false, false, 'dags', %(dag_id)s::text || '.py', 16, 1, 0, false, '', false, '[]')
            """,
            {"dag_id": dag_id},
        )
        for tag in tags:
            self.connection.execute("INSERT INTO dag_tag (name, dag_id) VALUES (%s, %s)", [tag, dag_id])
        version = uuid4()
        self.connection.execute(
            """
            INSERT INTO dag_version (id, version_number, dag_id, bundle_name, created_at, last_updated)
            VALUES (%s, 1, %s, 'dags', %s, now())
            """,
            [version, dag_id, since],
        )
        self.connection.execute(
            """
            INSERT INTO serialized_dag (id, dag_id, data, created_at, last_updated, dag_hash, dag_version_id)
            VALUES (%s, %s, %s, now(), now(), 'h', %s)
            """,
            [uuid4(), dag_id, Jsonb({"dag": {"timetable": TIMETABLE}}), version],
        )

    def run(
        self,
        dag_id: str,
        at: datetime,
        *,
        state: str = "success",
        seconds: int = 10,
        kind: str = "scheduled",
        value: Any = None,
        error: Any = None,
        user: str | None = None,
    ) -> int:
        """Write a run with one task; return its number. A run that goes on has a state of running."""
        over = state in ("success", "failed")
        row = self.connection.execute(
            """
            INSERT INTO dag_run (dag_id, run_id, run_type, state, run_after, queued_at, start_date, end_date, created_at, updated_at,
                triggering_user_name, span_status)
            VALUES (%(dag_id)s, %(kind)s::text || '__' || %(at)s::timestamptz, %(kind)s, %(state)s, %(at)s, %(at)s, %(at)s, %(end)s, %(at)s,
                now(), %(user)s, '')
            RETURNING id, run_id
            """,
            {
                "dag_id": dag_id,
                "kind": kind,
                "at": at,
                "state": state,
                "end": at + timedelta(seconds=seconds) if over else None,
                "user": user,
            },
        ).fetchone()
        assert row is not None
        self.task(dag_id, row[1], at, state=state, seconds=seconds)
        for key, told in (("return_value", value), ("econsent_error", error)):
            if told is not None:
                self.connection.execute(
                    """
                    INSERT INTO xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value, timestamp)
                    VALUES (%s, 't', -1, %s, %s, %s, %s, now())
                    """,
                    [row[0], key, dag_id, row[1], Jsonb(told)],
                )
        return row[0]

    def task(self, dag_id: str, run_id: str, at: datetime, *, state: str, seconds: int, try_number: int = 1) -> None:
        self.connection.execute(
            """
            INSERT INTO task_instance (id, task_id, dag_id, run_id, map_index, start_date, end_date, state, try_number, max_tries, pool,
                pool_slots, last_heartbeat_at, span_status)
            VALUES (%s, 't', %s, %s, -1, %s, %s, %s, %s, 2, 'default_pool', 1, %s, '')
            """,
            [uuid4(), dag_id, run_id, at, at + timedelta(seconds=seconds) if state != "running" else None, state, try_number, at],
        )

    def clear(self, number: int, at: datetime) -> None:
        """Do what clearing does: put the tries aside, forget the results, and queue the run anew."""
        self.connection.execute(
            """
            INSERT INTO task_instance_history (task_instance_id, task_id, dag_id, run_id, map_index, try_number, start_date, end_date,
                state, pool, pool_slots, span_status)
            SELECT task.id, task.task_id, task.dag_id, task.run_id, map_index, task.try_number, task.start_date, task.end_date, task.state,
                pool, pool_slots, ''
            FROM task_instance AS task JOIN dag_run AS run USING (dag_id, run_id) WHERE run.id = %s
            """,
            [number],
        )
        self.connection.execute("DELETE FROM xcom WHERE dag_run_id = %s", [number])
        self.connection.execute(
            """
            UPDATE task_instance AS task SET id = gen_random_uuid(), state = NULL, start_date = NULL, end_date = NULL, try_number = 2
            FROM dag_run AS run WHERE run.id = %s AND run.dag_id = task.dag_id AND run.run_id = task.run_id
            """,
            [number],
        )
        self.connection.execute(
            """
            UPDATE dag_run SET state = 'queued', clear_number = clear_number + 1, start_date = NULL, end_date = NULL, queued_at = %s,
                updated_at = now()
            WHERE id = %s
            """,
            [at, number],
        )

    def log(self, event: str, at: datetime, *, owner: str = "ann", dag_id: str | None = None, extra: Any = None) -> int:
        row = self.connection.execute(
            "INSERT INTO log (dttm, event, owner, owner_display_name, dag_id, extra) VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
            [at, event, owner, owner, dag_id, json.dumps(extra) if extra is not None else None],
        ).fetchone()
        assert row is not None
        return row[0]

    def beat(self, job_type: str, at: datetime) -> None:
        self.connection.execute("DELETE FROM job WHERE job_type = %s", [job_type])
        self.connection.execute("INSERT INTO job (job_type, state, latest_heartbeat) VALUES (%s, 'running', %s)", [job_type, at])

    def pause(self, dag_id: str, *, paused: bool) -> None:
        self.connection.execute("UPDATE dag SET is_paused = %s WHERE dag_id = %s", [paused, dag_id])


@pytest.fixture(scope="session")
def prepared(stack: Stack) -> None:
    stack.prepare_airflow()


@pytest.fixture
def airflow(stack: Stack, prepared: None) -> Iterator[Airflow]:
    """Airflow's database without any row that a test could stumble over."""
    with psycopg.connect(stack.postgres_url("airflow"), autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(f"TRUNCATE {TABLES} CASCADE")
        yield Airflow(connection)
        connection.execute(f"TRUNCATE {TABLES} CASCADE")


@pytest.fixture
def now() -> datetime:
    """A moment between two ticks, near the databases' own."""
    at = datetime.now(UTC).replace(microsecond=0)
    return at - timedelta(seconds=at.timestamp() % 180) + timedelta(seconds=30)


@pytest.fixture
def watch_of(stack: Stack, database_url: str, prepared: None) -> Iterator[Any]:
    """A function that starts a watch on the test's database, with the rights of its own roles."""
    with ExitStack() as opened:

        def start(channels: Channels | None = None, **settings: Any) -> Watch:
            name = database_url.rpartition("/")[2]
            with psycopg.connect(database_url, autocommit=True) as superuser:
                superuser.execute(f"GRANT CONNECT ON DATABASE {name} TO econsent_watch, econsent_verify, econsent_dashboard")
            metadata = opened.enter_context(psycopg.connect(stack.postgres_url("airflow", user="econsent_watch")))
            econsent = opened.enter_context(psycopg.connect(stack.postgres_url(name, user="econsent_watch"), autocommit=True))
            given = {"channels": channels or Channels(), "environment": stack.environment(), "clean": False, **settings}
            return Watch(metadata, econsent, Settings(**given))

        yield start


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as sink:
        yield sink
