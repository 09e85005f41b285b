"""The watch beside a whole Airflow: what people do is copied into a chain that holds, and pauses end by themselves."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from econsent_stack.project import ROOT
from tests.sink import Sink, listening
from tests.system.running import Up, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

JOB = "certificate_processing"


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with listening() as sink:
        yield sink


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, sink: Sink) -> Iterator[Up]:
    """A running eConsent whose alerts go to the sink."""
    running = Up(tmp_path_factory.mktemp("watched") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_ECONSENT_ALERT_WEBHOOK", json.dumps({"conn_type": "http", "password": f"{sink.url}/hook"}))
        patch.setenv("AIRFLOW_CONN_ECONSENT_PINGS", json.dumps({"conn_type": "generic", "extra": {"watch": f"{sink.url}/alive"}}))
        try:
            running.start()
            yield running
        finally:
            running.end_everything()


def rows(up: Up, statement: str, database: str = "econsent") -> list[tuple[Any, ...]]:
    with psycopg.connect(up.stack().postgres_url(database), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def actions(up: Up) -> list[tuple[Any, ...]]:
    wanted = "action IN ('job.paused', 'job.resumed')"
    return rows(up, f"""SELECT action, "user", details ->> 'source' FROM econsent.audit_log WHERE {wanted} ORDER BY "timestamp" """)


def test_commands_and_requests_become_entries_and_the_chain_holds(watched: Up, sink: Sink) -> None:
    wait_for(lambda: sink.sent("/alive"), what="the watch's own ping")
    wait_for(lambda: rows(watched, f"SELECT 1 FROM dag WHERE dag_id = '{JOB}'", "airflow"), what="the DAG in Airflow's database")
    environment = watched.stack().environment()
    subprocess.run(["airflow", "dags", "pause", "--yes", JOB], env=environment, cwd=ROOT, check=True, capture_output=True, timeout=120)
    wait_for(lambda: len(actions(watched)) == 1, what="the pause in the audit trail")
    wait_for(lambda: rows(watched, "SELECT 1 FROM econsent.job_pauses WHERE resumed_at IS NULL"), what="the pause itself")
    rows(watched, "UPDATE econsent.job_pauses SET resume_at = now()")

    wait_for(lambda: len(actions(watched)) == 2, what="the end of the pause, which the watch brought about, in the audit trail")
    assert [(action, source) for action, _, source in actions(watched)] == [("job.paused", "cli"), ("job.resumed", "api")]
    wait_for(lambda: rows(watched, "SELECT 1 FROM econsent.job_pauses WHERE resumed_at IS NOT NULL"), what="the pause ended")
    assert rows(watched, f"SELECT is_paused FROM dag WHERE dag_id = '{JOB}'", "airflow") == [(False,)]

    told = watched.command("verify", "audit")
    assert told.returncode == 0, told.stdout + told.stderr
