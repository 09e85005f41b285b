"""The watch beside a whole Airflow: people's actions become a chain that holds, pauses end by themselves, and trouble is told while Airflow
is frozen or dead. The tests share one ``up`` and run in this order: the last ones end it.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from econsent_stack import components
from econsent_stack.commands.mail import read
from econsent_stack.process import send
from econsent_stack.project import ROOT
from econsent_stack.servers import mail
from tests.sink import Sink, listening
from tests.system.running import Up, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

JOB = "certificate_processing"
AIRFLOW = (components.API_SERVER, components.SCHEDULER, "dag-processor")
PING_SECONDS = 5
SILENT_SECONDS = 30
PATIENCE_SECONDS = 300.0
EVERY_MINUTE = """
from airflow.sdk import DAG, CronTriggerTimetable, task

for name, alert_after in (("told_soon", 1), ("told_late", 900)):
    with DAG(
        dag_id=name,
        schedule=CronTriggerTimetable("* * * * *", timezone="UTC", run_immediately=False),
        catchup=False,
        max_active_runs=1,
        tags=["econsent-job", "grace:35s", f"alert-after:{alert_after}"],
    ):

        @task
        def nothing():
            pass

        nothing()
"""
"""The grace is longer than the silence that makes a heartbeat lost, so whatever is late has its cause by then."""


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with listening() as sink:
        yield sink


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, sink: Sink) -> Iterator[Up]:
    """A running eConsent with two jobs that are due every minute, whose alerts go to the sink and to the embedded mail server."""
    running = Up(tmp_path_factory.mktemp("watched") / "home")
    dags = running.home / "airflow" / "demo_dags"
    dags.mkdir(parents=True, exist_ok=True)
    (dags / "every_minute.py").write_text(EVERY_MINUTE)
    pings = {"watch": f"{sink.url}/alive", "watch_every_seconds": PING_SECONDS}
    told = {
        "WEBHOOK": {"conn_type": "http", "password": f"{sink.url}/hook"},
        "MAIL": {"conn_type": "generic", "extra": {"recipients": ["ops@example.com"]}},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_ECONSENT_PINGS", json.dumps({"conn_type": "generic", "extra": pings}))
        for name, connection in told.items():
            patch.setenv(f"AIRFLOW_CONN_ECONSENT_ALERT_{name}", json.dumps(connection))
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


def alerts(sink: Sink, dag_id: str) -> list[str]:
    return [body["text"] for body in sink.sent("/hook") if body["text"].startswith(dag_id)]


def is_between_runs(up: Up) -> bool:
    """Whether both jobs have run and none of their runs goes on."""
    [found] = rows(
        up,
        """
        SELECT count(DISTINCT dag_id) FILTER (WHERE state = 'success'), count(*) FILTER (WHERE state IN ('queued', 'running'))
        FROM dag_run WHERE dag_id LIKE 'told\\_%'
        """,
        "airflow",
    )
    return found == (2, 0)


def signal_airflow(up: Up, number: signal.Signals) -> None:
    for name in AIRFLOW:
        for process in up.stack().members(name):
            send(process.pid, number)


def freeze_between_runs(up: Up) -> bool:
    """Stop Airflow's processes, but not in the midst of a run: a job whose run never ends is stuck, and its next is not late."""
    wait_for(lambda: is_between_runs(up), what="a moment between two runs", seconds=PATIENCE_SECONDS)
    signal_airflow(up, signal.SIGSTOP)
    if is_between_runs(up):
        return True
    signal_airflow(up, signal.SIGCONT)
    return False


def test_an_alert_arrives_while_airflow_is_frozen(watched: Up, sink: Sink) -> None:
    """By webhook and by mail, with its cause. Without a supervisor, too: nobody else is needed for it."""
    assert watched.process is not None
    watched.process.kill()
    watched.process.wait()
    wait_for(lambda: freeze_between_runs(watched), what="Airflow frozen between two runs", seconds=PATIENCE_SECONDS)

    wait_for(lambda: alerts(sink, "told_soon (not started)"), what="the alert", seconds=PATIENCE_SECONDS)
    assert "because the scheduler's heartbeat stopped at" in alerts(sink, "told_soon")[0]
    wait_for(lambda: "eConsent: told_soon needs attention" in subjects(watched), what="the mail", seconds=PATIENCE_SECONDS)
    lost = {component for (component,) in rows(watched, "SELECT component FROM econsent.component_outages WHERE back_at IS NULL")}
    assert {"scheduler", "dag_processor"} <= lost


def subjects(up: Up) -> list[str]:
    return [str(letter["Subject"]) for letter in read(up.stack().home.server(mail.SERVER.name) / mail.INBOX)]


def test_an_alert_arrives_when_airflow_is_dead(watched: Up, sink: Sink) -> None:
    signal_airflow(watched, signal.SIGKILL)
    wait_for(lambda: not [found for name in AIRFLOW for found in watched.stack().members(name)], what="Airflow's processes gone")
    assert alerts(sink, "told_late") == []
    changed = "UPDATE dag_tag SET name = 'alert-after:1' WHERE dag_id = 'told_late' AND name = 'alert-after:900'"
    rows(watched, changed, "airflow")

    wait_for(lambda: alerts(sink, "told_late (not started)"), what="the alert", seconds=PATIENCE_SECONDS)
    assert len(alerts(sink, "told_soon")) == 1, "nobody is told twice of one thing"


def test_a_dead_watch_is_silent_so_that_whoever_waits_for_its_ping_raises_the_alarm(watched: Up, sink: Sink) -> None:
    seen = len(sink.sent("/alive"))
    wait_for(lambda: len(sink.sent("/alive")) >= seen + 2, what="two more pings", seconds=PATIENCE_SECONDS)
    os.kill(watched.pids()[components.WATCH], signal.SIGKILL)
    heard = [time.monotonic(), len(sink.sent("/alive"))]

    def is_silent() -> bool:
        if len(sink.sent("/alive")) > heard[1]:
            heard[:] = time.monotonic(), len(sink.sent("/alive"))
        return time.monotonic() - heard[0] > SILENT_SECONDS

    wait_for(is_silent, what="no ping for six of its periods", seconds=3 * SILENT_SECONDS)
