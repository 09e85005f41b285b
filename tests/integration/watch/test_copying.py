"""Executions and actions reach the audit trail once each, whatever Airflow forgets."""

import json
from datetime import datetime, timedelta
from typing import Any

import psycopg

from tests.integration.watch.conftest import Airflow

Database = psycopg.Connection[Any]

RESULT = {
    "examined": 3, "changed": 1, "skipped": 0, "quarantined": 1, "failed": 1, "backlog": 4, "oldest_seconds": 7,
    "causes": {"s3_write": 1}, "mended": {"content": 2},
}  # fmt: skip


def entries(database: Database) -> list[tuple[Any, ...]]:
    return database.execute('SELECT action, "user", details FROM econsent.audit_log ORDER BY "timestamp", audit_id').fetchall()


def test_an_execution_is_one_entry_and_one_row(airflow: Airflow, watch_of: Any, database: Database, now: datetime) -> None:
    airflow.dag("demo", since=now - timedelta(hours=1))
    airflow.run("demo", now - timedelta(minutes=2), value=RESULT)
    watch = watch_of()

    for _ in range(3):
        watch.round(now)
    watch_of().round(now)

    assert [(action, user) for action, user, _ in entries(database)] == [("job.succeeded", "system:scheduler")]
    row = database.execute("SELECT outcome, seconds, tries, counts ->> 'changed', run_kind FROM econsent.job_executions").fetchall()
    assert row == [("succeeded", 10.0, 1, "1", "scheduled")]


def test_a_result_kept_as_text_is_read_too(airflow: Airflow, watch_of: Any, database: Database, now: datetime) -> None:
    airflow.dag("demo", since=now - timedelta(hours=1))
    airflow.run("demo", now - timedelta(minutes=2), value=json.dumps(RESULT))

    watch_of().round(now)

    assert database.execute("SELECT counts ->> 'backlog' FROM econsent.job_executions").fetchone() == ("4",)


def test_a_failure_says_why(airflow: Airflow, watch_of: Any, database: Database, now: datetime) -> None:
    airflow.dag("demo", since=now - timedelta(hours=1))
    airflow.run("demo", now - timedelta(minutes=2), state="failed", error={"error_class": "s3_write", "sentence": "key 17 was not taken"})
    airflow.run("demo", now - timedelta(minutes=1), state="failed", error={"error_class": "s3_write", "sentence": "key 18 was not taken"})

    watch_of().round(now)

    found = database.execute("SELECT error_class, error_sentence, fingerprint FROM econsent.job_executions ORDER BY run_after").fetchall()
    assert [row[:2] for row in found] == [("s3_write", "key 17 was not taken"), ("s3_write", "key 18 was not taken")]
    assert found[0][2] == found[1][2]


def test_a_cleared_run_keeps_its_first_failure(airflow: Airflow, watch_of: Any, database: Database, now: datetime) -> None:
    airflow.dag("demo", since=now - timedelta(hours=1))
    number = airflow.run("demo", now - timedelta(minutes=2), state="failed", error={"error_class": "timeout", "sentence": "too long"})
    watch = watch_of()
    watch.round(now)
    airflow.clear(number, now - timedelta(minutes=1))
    watch.round(now)
    airflow.connection.execute(
        "UPDATE dag_run SET state = 'success', start_date = %s, end_date = %s, updated_at = now() WHERE id = %s",
        [now - timedelta(seconds=50), now - timedelta(seconds=40), number],
    )
    watch.round(now)

    found = database.execute("SELECT clear_number, outcome, error_class FROM econsent.job_executions ORDER BY clear_number").fetchall()
    assert found == [(0, "failed", "timeout"), (1, "succeeded", None)]


def test_a_run_that_was_cleared_before_a_round_is_rebuilt(airflow: Airflow, watch_of: Any, database: Database, now: datetime) -> None:
    airflow.dag("demo", since=now - timedelta(hours=1))
    number = airflow.run("demo", now - timedelta(minutes=2), state="failed")
    airflow.clear(number, now - timedelta(minutes=1))

    watch_of().round(now)

    found = database.execute("SELECT clear_number, outcome, seconds, tries FROM econsent.job_executions").fetchall()
    assert found == [(0, "failed", 10.0, 1)]


def test_what_happened_while_the_watch_was_away_is_copied(airflow: Airflow, watch_of: Any, database: Database, now: datetime) -> None:
    airflow.dag("demo", since=now - timedelta(hours=1))
    watch_of().round(now)
    for minutes in range(1, 6):
        airflow.run("demo", now - timedelta(minutes=minutes))
    later = watch_of()

    later.round(now + timedelta(hours=5))

    assert len(entries(database)) == 5 + incidents(database)


def incidents(database: Database) -> int:
    row = database.execute("SELECT count(*) FROM econsent.audit_log WHERE action LIKE 'incident.%'").fetchone()
    assert row is not None
    return row[0]


def test_history_outlives_airflows(airflow: Airflow, watch_of: Any, database: Database, now: datetime) -> None:
    airflow.dag("demo", since=now - timedelta(hours=1))
    airflow.run("demo", now - timedelta(minutes=2))
    watch = watch_of()
    watch.round(now)
    airflow.connection.execute("DELETE FROM dag_run")

    watch.round(now)

    assert len(entries(database)) == 1


def test_an_answered_request_is_one_entry_with_its_outcome(airflow: Airflow, watch_of: Any, database: Database, now: datetime) -> None:
    airflow.dag("demo", since=now)
    given = {"is_paused": True, "method": "PATCH"}
    first = airflow.log("patch_dag", now - timedelta(minutes=1), dag_id="demo", extra=given)
    second = airflow.log("trigger_dag_run", now - timedelta(minutes=1), dag_id="demo", extra={"method": "POST"})
    request = {"method": "PATCH", "path": "/api/v2/dags/demo", "status": 200, "log_ids": [first], "given": {"reason": "<script>"}}
    airflow.log("econsent.request", now - timedelta(minutes=1), extra=request)
    again = {"method": "POST", "path": "/api/v2/dags/demo/dagRuns", "status": 409, "log_ids": [second], "given": {}}
    airflow.log("econsent.request", now - timedelta(minutes=1), extra=again)
    refused = {"method": "PATCH", "path": "/api/v2/dags/demo", "status": 403, "log_ids": [], "given": {"action": "job.pause"}}
    airflow.log("econsent.request", now - timedelta(minutes=1), owner="viewer", extra=refused)
    watch = watch_of()

    watch.round(now)
    watch.round(now + timedelta(minutes=5))

    assert [(action, user, details["dag_id"]) for action, user, details in entries(database) if not action.startswith("incident")] == [
        ("job.paused", "ann", "demo"),
        ("job.trigger_failed", "ann", "demo"),
        ("job.pause_refused", "viewer", "demo"),
    ]
    assert entries(database)[0][2]["reason"] == "<script>"


def test_a_request_is_copied_when_nobody_answers_for_it(airflow: Airflow, watch_of: Any, database: Database, now: datetime) -> None:
    airflow.log("post_connection", now - timedelta(seconds=10), extra={"connection_id": "x", "password": "***", "method": "POST"})
    watch = watch_of()
    watch.round(now)
    assert entries(database) == []

    watch.round(now + timedelta(seconds=30))
    watch.round(now + timedelta(seconds=35))

    assert [(action, details["outcome"]) for action, _, details in entries(database)] == [("connection.changed", "unknown")]


def test_commands_are_entries_and_secrets_are_not(airflow: Airflow, watch_of: Any, database: Database, now: datetime) -> None:
    command = "['/usr/bin/airflow', 'variables', 'set', 'key', 'a secret']"
    airflow.log("cli_variables_set", now, extra={"full_command": command, "host_name": "h"})
    airflow.log("cli_dag_pause", now, dag_id="demo", extra={"full_command": "['/usr/bin/airflow', 'dags', 'pause', 'demo']"})
    airflow.log("cli_scheduler", now, extra={"full_command": "['/usr/bin/airflow', 'scheduler']"})
    airflow.log("running", now, owner="platform", dag_id="demo", extra={"host_name": "h"})

    watch_of().round(now)

    found = entries(database)
    assert sorted((action, details["command"]) for action, _, details in found) == [
        ("job.paused", "dags pause demo"),
        ("variable.changed", "variables set key"),
    ]


def test_the_watch_reads_no_secret_of_airflow_and_writes_nothing_there(stack: Any, airflow: Airflow) -> None:
    with psycopg.connect(stack.postgres_url("airflow", user="econsent_watch"), autocommit=True) as own:
        for forbidden in ("SELECT 1 FROM connection", "SELECT 1 FROM variable", "UPDATE dag SET is_paused = true", "DELETE FROM log"):
            try:
                own.execute(forbidden)
            except psycopg.errors.InsufficientPrivilege:
                continue
            raise AssertionError(forbidden)


def test_a_sign_that_no_database_holds_stops_no_copying(airflow: Airflow, watch_of: Any, database: Database, now: datetime) -> None:
    airflow.dag("demo", since=now - timedelta(hours=1))
    given = {"action": "job.pause", "dag_id": "demo", "reason": "a\0b \\u0000 \ud800"}
    airflow.log(
        "econsent.request", now - timedelta(minutes=1), extra={"method": "POST", "path": "/x", "status": 200, "log_ids": [], "given": given}
    )

    assert watch_of().round(now) is True

    assert [details["reason"] for action, _, details in entries(database) if action == "job.paused"] == ["a\ufffdb \\u0000 ?"]
