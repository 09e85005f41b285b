"""Cron Management's pages over a million runs, against Airflow's own list on the same database in the same run.

1. Start the real servers and Airflow's api-server, with nothing else of Airflow.
2. Make six jobs and a million runs of them in Airflow's PostgreSQL, and the same executions in the audit trail.
3. Twenty viewers ask every second, as an open page does: for the list (no 304: everything is sent), then for pages of the history.
   Count what each asks of the databases.
4. Twenty viewers ask for Airflow's own list the same way. The order of the two alternates.
5. One page stays open and nothing happens: the CPU of api-server and PostgreSQL over a minute, against another without it.
6. A job is paused and resumed in Airflow's database while a real browser shows the list: how long until the page says so.
"""

import argparse
import http.client
import json
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from econsent_stack import airflow_settings, components
from econsent_stack.browser import log_in as log_in_by_form
from econsent_stack.browser import open_browser, open_page
from econsent_stack.chromium import SHARED, chromium
from econsent_stack.process import processor_seconds
from econsent_stack.progress import Progress
from econsent_stack.stack import Stack

JOBS: Final = (
    ("certificate_processing", "*/3 * * * *", 180),
    ("elasticsearch_sync", "*/2 * * * *", 120),
    ("mp4_conversion", "*/5 * * * *", 300),
    ("retention_enforcement", "15 3 * * *", 86_400),
    ("wallet_reconciliation", "7 * * * *", 3_600),
    ("webhook_delivery_retry", "*/5 * * * *", 300),
)
VIEWERS: Final = 20
CHANGES: Final = 20
READY_SECONDS: Final = 180.0
KEPT_SECONDS: Final = 14.0
IDLE_SECONDS: Final = 60.0
PING: Final = "SELECT 1"  # by which Airflow's pool tries a connection before it lends it; no statement of the page's
KINDS: Final = ("list", "history", "airflow_list")
PERCENTILE: Final = 95

MAKE_DAGS: Final = """
INSERT INTO dag_bundle (name, active) VALUES ('dags-folder', true) ON CONFLICT DO NOTHING
"""
MAKE_DAG: Final = """
INSERT INTO dag (
    dag_id, is_paused, is_stale, exceeds_max_non_backfill, fileloc, relative_fileloc, bundle_name, owners, dag_display_name, description,
    timetable_type, timetable_summary, timetable_description, timetable_partitioned, timetable_periodic, max_active_tasks, max_active_runs,
    max_consecutive_failed_dag_runs, has_task_concurrency_limits, has_import_errors, fail_fast, last_parsed_time,
    next_dagrun, next_dagrun_create_after, partition_mapper_info
)
VALUES (
    %(dag_id)s, false, false, false, %(file)s, %(file)s, 'dags-folder', 'platform', %(dag_id)s, 'A job of the benchmark',
    'CronTriggerTimetable', %(cron)s, %(cron)s, false, true, 16, 1,
    0, false, false, false, now(), now() + interval '1 minute', now() + interval '1 minute', '[]'
)
"""
MAKE_VERSION: Final = """
WITH version AS (
    INSERT INTO dag_version (id, version_number, dag_id, bundle_name, created_at, last_updated)
    VALUES (gen_random_uuid(), 1, %(dag_id)s, 'dags-folder', now() - interval '10 years', now())
    RETURNING id
)
INSERT INTO serialized_dag (id, dag_id, data, created_at, last_updated, dag_hash, dag_version_id)
SELECT gen_random_uuid(), %(dag_id)s, %(data)s, now(), now(), 'benchmark', version.id FROM version
"""
MAKE_RUNS: Final = """
INSERT INTO dag_run (
    dag_id, run_id, run_type, state, logical_date, run_after, queued_at, start_date, end_date, created_at, updated_at, clear_number, conf,
    triggered_by, span_status, log_template_id, data_interval_start, data_interval_end
)
SELECT
    %(dag_id)s, 'scheduled__' || to_char(due.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS+00:00'), 'scheduled',
    CASE WHEN due.number %% 97 = 0 THEN 'failed' ELSE 'success' END,
    due.at, due.at, due.at, due.at + interval '1 second', due.at + interval '1 second' * (2 + due.number %% 40), due.at, due.at, 0, '{}',
    'TIMETABLE', 'ended', (SELECT max(id) FROM log_template), due.at, due.at
FROM (
    SELECT number, date_trunc('minute', now()) - number * interval '1 second' * %(every)s AS at
    FROM generate_series(1, %(runs)s) AS number
) AS due
"""
MAKE_TASKS: Final = """
INSERT INTO task_instance (
    id, task_id, dag_id, run_id, map_index, start_date, end_date, duration, state, try_number, max_tries, pool, pool_slots, queue,
    priority_weight, operator, queued_dttm, updated_at, span_status, executor_config, unixname, hostname
)
SELECT
    gen_random_uuid(), 'work', dag_run.dag_id, dag_run.run_id, -1, dag_run.start_date, dag_run.end_date, 1, dag_run.state, 1, 2,
    'default_pool', 1, 'default', 1, 'JobOperator', dag_run.start_date, dag_run.end_date, 'ended', '\\x80047d942e', 'airflow', 'here'
FROM dag_run
"""
MAKE_EXECUTIONS: Final = """
WITH due AS (
    SELECT number, date_trunc('minute', now()) - number * interval '1 second' * %(every)s AS at
    FROM generate_series(1, %(runs)s) AS number
), entry AS (
    INSERT INTO econsent.audit_log (action, category, "user", "timestamp", dedupe_key, details)
    SELECT
        'job.run.ended', 'jobs', 'system:scheduler', due.at, %(dag_id)s || '/' || due.number, jsonb_build_object('dag_id', %(dag_id)s::text)
    FROM due RETURNING audit_id, dedupe_key
)
INSERT INTO econsent.job_executions (
    dag_id, run_id, clear_number, run_kind, triggered_by, run_after, queued_at, started_at, ended_at, outcome, tries, tasks, counts,
    error_class, error_sentence, fingerprint, audit_id
)
SELECT
    %(dag_id)s, 'scheduled__' || to_char(due.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS+00:00'), 0, 'scheduled', 'scheduler',
    due.at, due.at, due.at + interval '1 second', due.at + interval '1 second' * (2 + due.number %% 40),
    CASE WHEN due.number %% 97 = 0 THEN 'failed' ELSE 'succeeded' END, 1, '[]',
    jsonb_build_object('examined', due.number %% 500, 'changed', due.number %% 500, 'skipped', 0, 'quarantined', 0, 'failed', 0),
    CASE WHEN due.number %% 97 = 0 THEN 'db_connectivity' END, CASE WHEN due.number %% 97 = 0 THEN 'the connection was lost' END,
    CASE WHEN due.number %% 97 = 0 THEN 'db_connectivity' END, entry.audit_id
FROM due INNER JOIN entry ON entry.dedupe_key = %(dag_id)s || '/' || due.number
"""


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./econsent bench cron_management", description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=20, help="how long the viewers ask for each kind")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="econsent-bench-") as folder, Stack(Path(folder)) as stack:
        say("servers are up; preparing Airflow")
        stack.prepare_airflow()
        made = make_runs(stack, options.runs)
        say(f"{made:,} runs made")
        with api_server(stack) as port:
            report = {"job": "cron_management", "runs": made, "viewers": VIEWERS, **measure(stack, port, options.seconds, options.rounds)}
    report |= {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    sys.stdout.write((json.dumps(report) if options.json else json.dumps(report, indent=2)) + "\n")
    return 0


def say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def make_runs(stack: Stack, runs: int) -> int:
    """Make the jobs and their runs, as many of each as its schedule would in the same time; return how many runs there are."""
    share = sum(1 / every for _, _, every in JOBS)
    counts = [max(1, round(runs / every / share)) for _, _, every in JOBS]
    client_side: dict[str, Any] = {
        "autocommit": True,
        "cursor_factory": psycopg.ClientCursor,
    }  # one name stands for columns of several types
    with psycopg.connect(stack.postgres_url("airflow"), **client_side) as airflow:
        airflow.execute(MAKE_DAGS)
        for (dag_id, cron, every), count in zip(JOBS, counts, strict=True):
            airflow.execute(MAKE_DAG, {"dag_id": dag_id, "file": f"{dag_id}.py", "cron": cron})
            timetable = {"__type": "airflow.timetables.trigger.CronTriggerTimetable", "__var": {"expression": cron, "timezone": "UTC"}}
            airflow.execute(MAKE_VERSION, {"dag_id": dag_id, "data": json.dumps({"dag": {"timetable": timetable}})})
            airflow.execute("INSERT INTO dag_tag (name, dag_id) VALUES ('econsent-job', %s)", [dag_id])
            airflow.execute(MAKE_RUNS, {"dag_id": dag_id, "every": every, "runs": count})
        airflow.execute(MAKE_TASKS)
        airflow.execute("VACUUM ANALYZE")
        [made] = airflow.execute("SELECT count(*) FROM dag_run").fetchone() or (0,)
    with psycopg.connect(stack.postgres_url("econsent"), **client_side) as econsent:
        for (dag_id, _, every), count in zip(JOBS, counts, strict=True):
            econsent.execute(MAKE_EXECUTIONS, {"dag_id": dag_id, "every": every, "runs": count})
        econsent.execute("VACUUM ANALYZE econsent.job_executions, econsent.audit_log")
    return made


@contextmanager
def api_server(stack: Stack) -> Iterator[int]:
    """Run Airflow's api-server for a while; yield its port."""
    port = stack.state.ports[airflow_settings.PORT]
    stack.start_process(components.API_SERVER, components.launch(components.API_SERVER, stack.environment()))
    stack.wait_until(components.API_SERVER, lambda: bool(components.read_health(port)), seconds=READY_SECONDS)
    yield port
    stack.stop_process(components.API_SERVER)


def measure(stack: Stack, port: int, seconds: int, rounds: int) -> dict[str, Any]:
    token = log_in(stack, port)
    paths: dict[str, Callable[[int, int], str]] = {
        "list": lambda _viewer, _turn: "/cron-management/api/jobs",
        "history": lambda viewer, turn: f"/cron-management/api/jobs/{JOBS[(viewer + turn) % len(JOBS)][0]}/runs",
        "airflow_list": lambda _viewer, _turn: "/ui/dags?dag_runs_limit=14&limit=50",
    }
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for kind in KINDS:
        watch(port, token, paths[kind], seconds=3)
    for turn in range(rounds):
        for kind in KINDS if turn % 2 == 0 else reversed(KINDS):
            times[kind] += watch(port, token, paths[kind], seconds=seconds)
    report: dict[str, Any] = {}
    for kind in KINDS:
        report |= {
            f"{kind}_p50_ms": round(statistics.median(times[kind]) * 1000, 1),
            f"{kind}_p95_ms": round(percentile(times[kind]) * 1000, 1),
            f"{kind}_requests": len(times[kind]),
        }
    report["faster_than_airflow_p50"] = round(statistics.median(times["airflow_list"]) / statistics.median(times["list"]), 1)
    report["faster_than_airflow_p95"] = round(percentile(times["airflow_list"]) / percentile(times["list"]), 1)
    for kind in KINDS:
        report[f"{kind}_statements"] = statements(stack, port, token, paths[kind](0, 0))
    say(f"so far: {json.dumps(report)}")
    time.sleep(5.0)
    idle = cpu_share(stack, IDLE_SECONDS, lambda: None)
    report["idle_core_share"] = round(idle, 4)
    report["open_page_core_share"] = round(cpu_share(stack, IDLE_SECONDS, lambda: keep_open(port, token, IDLE_SECONDS)) - idle, 4)
    pixels = state_to_pixel(stack, port)
    report |= {"state_to_pixel_p50_ms": round(statistics.median(pixels) * 1000), "state_to_pixel_max_ms": round(max(pixels) * 1000)}
    return report | {"load": os.getloadavg()[0]}


def state_to_pixel(stack: Stack, port: int) -> list[float]:
    """Return how long each change of a job's state took until an open page showed it, in seconds."""
    job = JOBS[0][0]
    times: list[float] = []
    with open_browser(chromium(SHARED, Progress())) as browser, psycopg.connect(stack.postgres_url("airflow")) as airflow:
        airflow.autocommit = True
        page = open_page(browser, f"http://127.0.0.1:{port}")
        log_in_by_form(page, user="admin", password=stack.secrets.get(airflow_settings.user_secret("admin")))
        page.goto("/plugin/cron-management")
        paused = page.locator(f"tbody[data-job={job}] .cm-pill.cm-paused")
        page.locator(f"tbody[data-job={job}]").wait_for()
        for turn in range(CHANGES):
            began = time.monotonic()
            airflow.execute("UPDATE dag SET is_paused = %s WHERE dag_id = %s", [turn % 2 == 0, job])
            paused.wait_for(state="visible" if turn % 2 == 0 else "detached")
            times.append(time.monotonic() - began)
    return times


def log_in(stack: Stack, port: int) -> str:
    body = json.dumps({"username": "admin", "password": stack.secrets.get(airflow_settings.user_secret("admin"))})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/auth/token", body=body, headers={"Content-Type": "application/json"})
    return json.loads(connection.getresponse().read())["access_token"]


def watch(port: int, token: str, path: Callable[[int, int], str], *, seconds: float) -> list[float]:
    """Let twenty viewers ask once a second, spread over it, each on a connection of its own; return how long each answer took."""
    times: list[float] = []
    errors: list[BaseException] = []

    def view(viewer: int) -> None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            began = time.monotonic() + viewer / VIEWERS
            for turn in range(int(seconds)):
                wait = began + turn - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                times.append(ask(connection, path(viewer, turn), token)[0])
            connection.close()
        except BaseException as error:  # noqa: BLE001 told by the main thread, which fails
            errors.append(error)

    threads = [threading.Thread(target=view, args=[viewer]) for viewer in range(VIEWERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return times


def ask(connection: http.client.HTTPConnection, path: str, token: str, etag: str | None = None) -> tuple[float, str | None]:
    headers = {"Authorization": f"Bearer {token}", **({"If-None-Match": etag, "Prefer": "wait=8"} if etag else {})}
    started = time.monotonic()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    took = time.monotonic() - started
    assert answer.status in (200, 304), f"{path} answered {answer.status}"
    return took, answer.headers.get("ETag")


def percentile(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=100)[PERCENTILE - 1]


def statements(stack: Stack, port: int, token: str, path: str) -> int:
    """Count the statements that one request makes in both databases, where nothing was asked for so long that nothing is kept."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with psycopg.connect(stack.postgres_url("postgres"), autocommit=True) as server, logged_statements(server):
        for _ in range(2):  # the first finds its connections gone
            ask(connection, path, token)
        time.sleep(KEPT_SECONDS)
        log = stack.home.log("postgres")
        begin = log.stat().st_size
        ask(connection, path, token)
        with log.open("rb") as file:  # a statement is logged before it is answered
            file.seek(begin)
            text = file.read().decode(errors="replace")
    begun = [line for line in text.splitlines() if "LOG:  statement:" in line or "LOG:  execute" in line]
    quiet = ("BEGIN", "COMMIT", "ROLLBACK", "SHOW", "SET ", "SELECT pg_catalog.version", "select pg_catalog.version")
    found = sum(1 for line in begun if not statement_of(line).startswith(quiet) and statement_of(line) != PING)
    assert found, f"PostgreSQL's log tells of no statement of {path}"
    return found


def statement_of(line: str) -> str:
    """Return what stands behind ``LOG:  statement:`` in a line of PostgreSQL's log."""
    return line.partition(": ")[2].partition(": ")[2].strip()


@contextmanager
def logged_statements(server: psycopg.Connection) -> Iterator[None]:
    """Log every statement of both databases for a while. A database's own setting outdoes the server's, for sessions that begin then."""
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ('airflow', 'econsent')"
    for database in ("airflow", "econsent"):
        server.execute(sql.SQL("ALTER DATABASE {} SET log_statement = 'all'").format(sql.Identifier(database)))
    server.execute(others)
    try:
        yield
    finally:
        for database in ("airflow", "econsent"):
            server.execute(sql.SQL("ALTER DATABASE {} RESET log_statement").format(sql.Identifier(database)))
        server.execute(others)


def cpu_share(stack: Stack, seconds: float, meanwhile: Callable[[], None]) -> float:
    """Return which share of one core the api-server and PostgreSQL used over ``seconds``."""
    worker = threading.Thread(target=meanwhile)
    before, began = cpu_seconds(stack), time.monotonic()
    worker.start()
    worker.join()
    time.sleep(max(0.0, seconds - (time.monotonic() - began)))
    return (cpu_seconds(stack) - before) / (time.monotonic() - began)


def cpu_seconds(stack: Stack) -> float:
    return sum(processor_seconds(process.pid) for name in (components.API_SERVER, "postgres") for process in stack.members(name))


def keep_open(port: int, token: str, seconds: float) -> None:
    """Do what an open page does: ask with what it has, let the server keep the question, and ask at most once a second."""
    connection, etag = http.client.HTTPConnection("127.0.0.1", port, timeout=60), None
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        took, etag = ask(connection, "/cron-management/api/jobs", token, etag)
        time.sleep(max(0.0, 1.0 - took))
