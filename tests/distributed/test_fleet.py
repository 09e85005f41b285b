"""The distributed shape of docker-compose.yaml, without Docker: every job runs on it, and outlives its workers and a scheduler.

The tests share one run, in this order.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from econsent_stack import compose
from econsent_stack.fleet import names_of, variables
from econsent_stack.process import facts
from econsent_stack.project import ROOT
from econsent_stack.servers import object_store
from econsent_stack.stack import bare_environment
from tests.distributed.collector import Collector, collector
from tests.system.browsing import send_json, token
from tests.system.listening import assert_only_loopback
from tests.system.running import Up, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

RUN_BY_HAND = ("certificate_processing", "elasticsearch_sync", "retention_enforcement", "wallet_reconciliation")
ARRIVING = ("mp4_conversion", "webhook_delivery_retry")
"""These begin by themselves when something arrives, and their lanes wait for more; a run may take minutes."""
JOBS = (*RUN_BY_HAND, *ARRIVING)
WORKERS = ("worker-1", "worker-2", "render-worker")
RUNNING = "SELECT DISTINCT dag_id FROM task_instance WHERE state = 'running' AND pid IS NOT NULL"
TRIES = "SELECT DISTINCT dag_id FROM task_instance_history WHERE state IN ('failed', 'up_for_retry', 'restarting')"
EXECUTED = "Executing workload in Celery"
UNFINISHED = "SELECT DISTINCT dag_id FROM task_instance WHERE try_number > 1 AND coalesce(state, 'none') NOT IN ('success', 'skipped')"
SUCCEEDED = "SELECT DISTINCT dag_id FROM dag_run WHERE state = 'success'"
FAILED = "SELECT DISTINCT dag_id FROM dag_run WHERE state = 'failed'"
KILLED = "SELECT dag_id, run_id, task_id, map_index FROM task_instance WHERE try_number > 1 AND dag_id <> 'retention_enforcement'"
PEOPLE = "SELECT consumer_email, consumer_phone, consumer_name, host(ip) FROM econsent.certificates"
VIDEOS_LEFT = "SELECT count(*) FROM econsent.sessions WHERE rrweb_to_video_status IN ('pending', 'processing')"
BANNER_LINES = 20
A_WHILE = 600.0
"""A killed worker is noticed after half a minute, and a retry waits another one."""


@pytest.fixture(scope="module")
def metrics() -> Iterator[Collector]:
    with collector() as running:
        yield running


@pytest.fixture(scope="module")
def fleet(metrics: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A fleet with a demo that is small enough for its videos to be made several times."""
    running = Up(tmp_path_factory.mktemp("fleet") / "home", "--executor", "celery", "--workers", "2", "--no-demo")
    running.surroundings |= {"METRICS_ON": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": metrics.address}
    try:
        running.start()
        load = [sys.executable, "-m", "demo.load", "--visits", "2"]
        subprocess.run(load, cwd=ROOT, env=running.stack().environment(), check=True, capture_output=True, timeout=120)
        yield running
    finally:
        running.end_everything()


def start_runs(fleet: Up, dag_ids: Iterable[str]) -> dict[str, str]:
    """Start one run of each; return their ids."""
    runs: dict[str, str] = {}
    for dag_id in dag_ids:
        status, text = send_json(fleet, f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None}, user="admin")
        assert status == 200, text
        runs[dag_id] = json.loads(text)["dag_run_id"]
    return runs


def states_of(fleet: Up, runs: Mapping[str, str]) -> dict[str, str]:
    bearer = token(fleet, "admin")
    return {dag_id: fleet.request(f"/api/v2/dags/{dag_id}/dagRuns/{quote(run)}", token=bearer)[1]["state"] for dag_id, run in runs.items()}


def wait_for_success(fleet: Up, runs: Mapping[str, str]) -> None:
    """Wait until these runs and all tasks that were tried again have succeeded, and every video is made. A failed run of any job fails."""
    deadline = time.monotonic() + A_WHILE
    while True:
        failed, states, unfinished = ask(fleet, FAILED), states_of(fleet, runs), ask(fleet, UNFINISHED)
        videos = ask(fleet, VIDEOS_LEFT, database="econsent")
        assert not failed, failed
        if states == dict.fromkeys(runs, "success") and not unfinished and videos == {0}:
            return
        assert time.monotonic() < deadline, (states, unfinished, videos)
        time.sleep(1)


def rows(fleet: Up, query: str, *, database: str = "airflow") -> list[tuple[Any, ...]]:
    with psycopg.connect(fleet.stack().postgres_url(database)) as connection:
        return connection.execute(query.encode()).fetchall()


def ask(fleet: Up, query: str, *, database: str = "airflow") -> set[Any]:
    return {value for (value,) in rows(fleet, query, database=database)}


def let_visitors_come(fleet: Up) -> None:
    """Certificates to finalise, and so webhooks to send, documents to index, charges to post and recordings to convert."""
    told = fleet.command("traffic", "--sessions", "9", "--rate", "9")
    assert told.returncode == 0, told.stderr
    runs = start_runs(fleet, ["certificate_processing"])
    wait_for(lambda: states_of(fleet, runs) == dict.fromkeys(runs, "success"), what="certificates of what was visited")


def kill_with_all_it_runs(fleet: Up, name: str) -> None:
    """What the loss of its machine would be to everybody else."""
    for found in fleet.stack().members(name):
        if facts(found.pid) is not None:
            os.kill(found.pid, signal.SIGKILL)


def end_leases_of_videos(fleet: Up) -> None:
    """A dead worker's conversion is taken up when its lease is over, a quarter of an hour later: what time would do."""
    with psycopg.connect(fleet.stack().postgres_url("econsent")) as connection:
        connection.execute("UPDATE econsent.video_conversions SET leased_until = now() WHERE leased_until > now()")


def verify_all(fleet: Up) -> None:
    for dag_id in JOBS:
        told = fleet.command("verify", dag_id)
        assert told.returncode == 0, f"{dag_id}: {told.stdout}{told.stderr}"


def test_what_compose_would_start_runs(fleet: Up) -> None:
    stack = fleet.stack()
    services = compose.own_services(variables(stack, workers=2))
    expected = {name for service in services.values() if service.health for name in names_of(service)}
    assert expected == {
        "api-server", "dag-processor", "render-worker", "scheduler-1", "scheduler-2", "triggerer", "watch", "worker-1", "worker-2"
    }  # fmt: skip
    assert fleet.pids().keys() >= expected


def test_nothing_of_it_listens_on_anything_but_the_loopback(fleet: Up) -> None:
    assert_only_loopback(fleet)


def test_preparing_it_again_changes_nothing(fleet: Up) -> None:
    stack = fleet.stack()
    service = compose.own_services(variables(stack, workers=2))["init"]
    environment = {**bare_environment(), **service.environment}
    told = subprocess.run(service.command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode == 0, told.stderr
    assert "buckets made: none, all are there" in told.stdout
    assert "was made" not in told.stdout


def test_plain_airflow_commands_work_beside_it(fleet: Up) -> None:
    told = fleet.command("dags", "list", "--output", "plain")
    assert told.returncode == 0, told.stderr
    assert all(dag_id in told.stdout for dag_id in JOBS)
    assert "export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=" in fleet.command("env").stdout


def test_each_component_knows_only_what_the_file_tells_it(fleet: Up) -> None:
    stack = fleet.stack()
    for name in WORKERS:
        known = Path(f"/proc/{fleet.pids()[name]}/environ").read_bytes().decode()
        for secret in ("airflow.jwt_secret", "airflow.fernet_key", "postgres.airflow", "postgres.postgres"):
            assert stack.secrets.get(secret) not in known


def test_every_job_runs_and_the_lanes_spread_over_the_workers(fleet: Up) -> None:
    wait_for_success(fleet, start_runs(fleet, RUN_BY_HAND))
    wait_for(lambda: ask(fleet, SUCCEEDED) >= set(JOBS), what="a run of each job that succeeded")

    executed = {name: (fleet.home / "logs" / f"{name}.log").read_text(errors="replace").count(EXECUTED) for name in WORKERS}
    assert all(executed.values()), executed
    verify_all(fleet)


def test_a_scheduler_that_dies_in_mid_run_is_replaced_by_the_other_one(fleet: Up) -> None:
    let_visitors_come(fleet)
    runs = start_runs(fleet, RUN_BY_HAND)
    wait_for(lambda: len(ask(fleet, RUNNING)) >= 2, what="tasks that run")
    kill_with_all_it_runs(fleet, "scheduler-1")

    wait_for_success(fleet, runs)
    verify_all(fleet)


def test_each_job_outlives_the_death_of_all_workers(fleet: Up) -> None:
    """Some tasks last a second, so not each is caught at the first try."""
    left = set(JOBS)
    for _ in range(8):
        let_visitors_come(fleet)
        runs = start_runs(fleet, sorted(left & set(RUN_BY_HAND)))
        wait_for(lambda left=frozenset(left): len(ask(fleet, RUNNING) & left) >= min(3, len(left)), what="tasks that run")
        for name in WORKERS:
            kill_with_all_it_runs(fleet, name)
        end_leases_of_videos(fleet)
        wait_for_success(fleet, runs)
        left -= ask(fleet, TRIES)
        if not left:
            break
    assert not left
    verify_all(fleet)


def test_tasks_logs_are_in_their_bucket_and_those_of_killed_attempts_are_readable(fleet: Up) -> None:
    stored = fleet.stack().object_store_client().list_objects_v2(Bucket=object_store.TASK_LOGS)["Contents"]
    assert {found["Key"].split("/")[0] for found in stored} == {f"dag_id={dag_id}" for dag_id in JOBS}

    bearer = token(fleet, "admin")
    for dag_id, run_id, task_id, map_index in rows(fleet, KILLED):
        path = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}/logs/1?map_index={map_index}"
        status, found = fleet.request(path, token=bearer)
        assert status == 200
        assert len(found["content"]) >= 3, path


def test_a_line_about_a_company_names_run_job_and_company_in_fields(fleet: Up) -> None:
    client = fleet.stack().object_store_client()
    listed = client.get_paginator("list_objects_v2").paginate(Bucket=object_store.TASK_LOGS, Prefix="dag_id=mp4_conversion/")
    keys = [found["Key"] for page in listed for found in page["Contents"]]
    lines = [line for key in keys for line in client.get_object(Bucket=object_store.TASK_LOGS, Key=key)["Body"].read().splitlines()]
    told = [line for line in map(json.loads, lines) if line["event"].startswith("Session ")]
    assert told
    for line in told:
        assert line["dag_id"] == "mp4_conversion"
        assert line["run_id"]
        assert line["event"].startswith(f"Session {line['company_id']}/")


def test_every_job_sends_its_figures(fleet: Up, metrics: Collector) -> None:
    for name in ("econsent.backlog", "econsent.oldest_seconds", "econsent.run_seconds", "econsent.limit_share"):
        assert metrics.values(f"airflow.{name}", "dag_id") == set(JOBS), name
    assert metrics.values("airflow.econsent.items", "outcome") >= {"changed", "quarantined"}
    assert metrics.values("airflow.econsent.troubles", "error_class") >= {"data"}
    assert any(name.startswith("airflow.ti.") for name in metrics.seen), "Airflow's own come along"


def test_no_log_holds_anything_of_a_consumer(fleet: Up) -> None:
    personal = {value for person in rows(fleet, PEOPLE, database="econsent") for value in person if value}
    assert len(personal) > 20
    for path in (path for folder in ("logs", "airflow/logs") for path in (fleet.home / folder).rglob("*.log")):
        text = path.read_text(errors="replace")
        assert not {value for value in personal if value in text}, path


def test_the_components_logs_are_json(fleet: Up) -> None:
    """All but the banner that Celery greets people with at each start."""
    for name in ("scheduler-2", "triggerer", "worker-1", "render-worker"):
        lines = (fleet.home / "logs" / f"{name}.log").read_text(errors="replace").splitlines()
        others = [line for line in lines if not (line.startswith("{") and "timestamp" in json.loads(line))]
        starts = sum("[queues]" in line for line in others)
        assert len(others) <= BANNER_LINES * starts, (name, others)
        assert len(lines) > len(others)
