"""A queue's trigger sees what waited before it listened, what is notified, and goes on after its connection was lost."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from econsent_stack.stack import Stack

CHANNEL = "econsent_webhook_events"
Database = psycopg.Connection[Any]


def insert_event(database: Database, key: str) -> None:
    database.execute(
        "INSERT INTO econsent.webhook_events (company_id, event_type, dedupe_key, body) VALUES ('acme', 'consent.granted', %s, '')", [key]
    )


@pytest.fixture
def watcher(airflow: dict[str, str], stack: Stack, database: Database) -> Iterator[subprocess.Popen[str]]:
    """Begin with one event in the queue; the watcher's first line says that it was seen."""
    insert_event(database, "before")
    known = json.loads(airflow["AIRFLOW_CONN_ECONSENT_WEBHOOK_DELIVERY_RETRY_DATABASE"])
    connection = json.dumps({**known, "schema": database.info.dbname})
    words = [sys.executable, str(Path(__file__).with_name("watches_queue.py")), "webhook_delivery_retry", CHANNEL]
    environment = {**airflow, "AIRFLOW_CONN_ECONSENT_WEBHOOK_DELIVERY_RETRY_DATABASE": connection}
    with subprocess.Popen(words, env=environment, cwd=stack.home.path, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def next_cause(process: subprocess.Popen[str]) -> str:
    """Return what the watcher says next; its log comes on the same output."""
    assert process.stdout is not None
    return next(line.strip() for line in process.stdout if line.strip() in {"waiting", "notified"})


def test_what_waited_is_seen_and_what_comes_is_notified(watcher: subprocess.Popen[str], database: Database) -> None:
    assert next_cause(watcher) == "waiting"
    database.execute("UPDATE econsent.webhook_events SET fanned_out_at = now()")

    insert_event(database, "after")

    assert next_cause(watcher) == "notified"


def test_a_lost_connection_is_made_anew_and_the_queue_looked_at(watcher: subprocess.Popen[str], database: Database) -> None:
    assert next_cause(watcher) == "waiting"

    database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'econsent % queue'")

    assert next_cause(watcher) == "waiting"


def test_a_statement_that_brings_nothing_notifies_nobody(database: Database, another_connection: Database) -> None:
    insert_event(database, "once")
    another_connection.execute(f"LISTEN {CHANNEL}")

    database.execute(
        "INSERT INTO econsent.webhook_events (company_id, event_type, dedupe_key) VALUES ('acme', 'consent.granted', 'once')"
        " ON CONFLICT (dedupe_key) DO NOTHING"
    )
    insert_event(database, "twice")

    assert [notice.channel for notice in another_connection.notifies(timeout=30, stop_after=1)] == [CHANNEL]
    assert list(another_connection.notifies(timeout=0)) == []
