"""What the watch sees, writes down and tells, with real servers that listen."""

import json
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from econsent_airflow.watch.alerts import Channels, channels_of
from econsent_airflow.watch.resume import AirflowApi
from econsent_jobs.core.statements import statement
from econsent_stack.stack import Stack
from tests.integration.watch.conftest import Airflow
from tests.sink import Sink

Database = psycopg.Connection[Any]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def channels(sink: Sink) -> Channels:
    pings = {"demo": f"{sink.url}/ping/demo", "watch": f"{sink.url}/ping/watch"}
    return Channels(
        webhook_url=f"{sink.url}/hook", pagerduty_url=f"{sink.url}/pd", pagerduty_key="secret", pings=pings, recipients=("ops@example.com",)
    )


def failed(airflow: Airflow, at: datetime) -> None:
    airflow.run("demo", at, state="failed", error={"error_class": "s3_write", "sentence": "S3 is away"})


def test_one_incident_after_k_failures_and_one_recovery(
    airflow: Airflow, watch_of: Any, database: Database, now: datetime, sink: Sink, channels: Channels
) -> None:
    start = now - timedelta(seconds=30)
    airflow.dag("demo", since=start - 6 * MINUTE)
    watch = watch_of(channels)
    failed(airflow, start - 6 * MINUTE)
    watch.round(now - 5 * MINUTE)
    assert sink.sent("/hook") == [], "alert-after:2, and this is the first"

    failed(airflow, start - 3 * MINUTE)
    for seconds in (0, 5, 10):
        watch.round(now - 2 * MINUTE + timedelta(seconds=seconds))
    watch_of(channels).round(now - MINUTE)

    assert sink.sent("/hook") == [{"text": "demo (failing): 2 runs in a row failed or did not start: s3_write: S3 is away"}]
    assert [event["event_action"] for event in sink.sent("/pd")] == ["trigger"]

    airflow.run("demo", start)
    watch.round(now)
    watch.round(now + timedelta(seconds=5))

    assert sink.sent("/hook")[1:] == [{"text": "Recovered: demo (failing)"}]
    assert [event["event_action"] for event in sink.sent("/pd")] == ["trigger", "resolve"]
    assert len({event["dedup_key"] for event in sink.sent("/pd")}) == 1
    told = database.execute("SELECT subject, recipients FROM econsent.mail_outbox ORDER BY created_at").fetchall()
    assert told == [("eConsent: demo needs attention", ["ops@example.com"]), ("eConsent: demo recovered", ["ops@example.com"])]
    kinds = database.execute("SELECT action FROM econsent.audit_log WHERE action LIKE 'incident.%' ORDER BY audit_id").fetchall()
    assert kinds == [("incident.opened",), ("incident.recovered",)]


def test_missed_runs_are_told_while_the_scheduler_is_dead(
    airflow: Airflow, watch_of: Any, database: Database, now: datetime, sink: Sink, channels: Channels
) -> None:
    tick = now - timedelta(seconds=30)
    airflow.dag("demo", since=tick - 4 * MINUTE)
    airflow.run("demo", tick - 3 * MINUTE)
    airflow.beat("SchedulerJob", tick - 2 * MINUTE)
    watch = watch_of(channels)

    watch.round(tick + timedelta(seconds=59))
    watch.round(tick + 3 * MINUTE + timedelta(seconds=59))
    assert sink.sent("/hook") == [], "one was missed, the second is within its grace"
    watch.round(tick + 4 * MINUTE)

    assert len(sink.sent("/hook")) == 1
    assert "because the scheduler's heartbeat stopped at" in sink.sent("/hook")[0]["text"]
    lost = database.execute("SELECT details ->> 'component' FROM econsent.audit_log WHERE action = 'component.lost'").fetchall()
    assert lost == [("scheduler",)]

    airflow.beat("SchedulerJob", tick + 5 * MINUTE)
    watch.round(tick + 5 * MINUTE)
    watch.round(tick + 5 * MINUTE)
    row = database.execute("SELECT count(*) FROM econsent.audit_log WHERE action = 'component.back'").fetchone()
    assert row == (1,)


def test_a_file_that_breaks_and_is_mended(
    airflow: Airflow, watch_of: Any, database: Database, now: datetime, sink: Sink, channels: Channels
) -> None:
    airflow.dag("demo", since=now - MINUTE)
    airflow.connection.execute(
        "INSERT INTO import_error (timestamp, filename, bundle_name, stacktrace) VALUES (%s, 'demo.py', 'dags', E'Trace\\nSyntaxError: x')",
        [now],
    )
    watch = watch_of(channels)
    watch.round(now)
    assert sink.sent("/hook") == [], "a file that is being saved may not import for a moment"
    watch.round(now + MINUTE)
    airflow.connection.execute("DELETE FROM import_error")
    watch.round(now + 2 * MINUTE)

    assert ["SyntaxError: x" in body["text"] for body in sink.sent("/hook")] == [True, False]
    found = database.execute("SELECT action FROM econsent.audit_log WHERE action LIKE 'dag.%' ORDER BY audit_id").fetchall()
    assert found == [("dag.broken",), ("dag.mended",)]


def test_a_message_that_is_not_taken_is_sent_again_and_holds_up_no_other(
    airflow: Airflow, watch_of: Any, database: Database, now: datetime, sink: Sink, channels: Channels
) -> None:
    airflow.dag("demo", since=now - timedelta(hours=1), tags=("econsent-job", "grace:60s", "alert-after:1"))
    failed(airflow, now - timedelta(seconds=30))
    sink.status = 503
    watch = watch_of(channels)
    watch.round(now)
    assert database.execute("SELECT count(*) FROM econsent.alert_outbox WHERE sent_at IS NULL AND attempts = 1").fetchone() == (3,)
    assert database.execute("SELECT DISTINCT last_error FROM econsent.alert_outbox").fetchall() == [("OSError: not taken (503)",)]

    sink.status = 200
    database.execute("UPDATE econsent.alert_outbox SET next_attempt_at = now()")
    watch.round(now + timedelta(seconds=5))
    watch.round(now + timedelta(seconds=10))

    assert database.execute("SELECT count(*) FROM econsent.alert_outbox WHERE sent_at IS NULL").fetchone() == (0,)
    assert len(sink.sent("/hook")) == 2, "the refused one and the one that was taken"


def test_pings_say_how_runs_ended_and_that_the_watch_lives(
    airflow: Airflow, watch_of: Any, now: datetime, sink: Sink, channels: Channels
) -> None:
    airflow.dag("demo", since=now - timedelta(hours=1), tags=("econsent-job", "alert-after:9"))
    airflow.run("demo", now - 5 * MINUTE)
    failed(airflow, now - 2 * MINUTE)
    watch = watch_of(channels)

    watch.round(now)
    watch.round(now + timedelta(seconds=5))

    assert sorted(path for _, path, _ in sink.got) == ["/ping/demo", "/ping/demo/fail", "/ping/watch"]


def test_a_pause_made_elsewhere_is_followed_and_nothing_is_told_while_it_lasts(
    airflow: Airflow, watch_of: Any, database: Database, now: datetime, sink: Sink, channels: Channels
) -> None:
    airflow.dag("demo", since=now - MINUTE)
    airflow.pause("demo", paused=True)
    airflow.log("cli_dag_pause", now, dag_id="demo", extra={"full_command": "['airflow', 'dags', 'pause', 'demo']"})
    watch = watch_of(channels)

    watch.round(now)
    watch.round(now + 20 * MINUTE)
    airflow.pause("demo", paused=False)
    watch.round(now)

    rows = database.execute("SELECT paused_by, reason, resumed_at IS NOT NULL FROM econsent.job_pauses").fetchall()
    assert rows == [("ann", None, True)]
    assert sink.sent("/hook") == []


def test_a_pause_ends_by_itself_through_airflows_api(
    airflow: Airflow, watch_of: Any, database: Database, now: datetime, sink: Sink
) -> None:
    airflow.dag("demo", since=now - MINUTE)
    airflow.pause("demo", paused=True)
    database.execute(
        "INSERT INTO econsent.job_pauses (dag_id, paused_by, reason, paused_at, resume_at) VALUES ('demo', 'ann', 'why', %s, %s)",
        [now - MINUTE, now + MINUTE],
    )
    login = {"host": "127.0.0.1", "port": sink.server.server_port, "login": "watch", "password": "p"}
    watch = watch_of(api=AirflowApi({"AIRFLOW_CONN_ECONSENT_AIRFLOW_API": json.dumps(login)}))

    watch.round(now)
    assert sink.got == []
    sink.status = 503
    assert watch.round(now + MINUTE) is False, "the web server is away, so the pause waits"
    sink.got.clear()
    sink.status = 200
    watch.round(now + MINUTE)

    assert [(method, path) for method, path, _ in sink.got] == [("POST", "/auth/token"), ("PATCH", "/api/v2/dags/demo")]
    assert sink.sent("/api/v2/dags/demo") == [{"is_paused": False}]


def test_a_pause_that_airflow_refused_is_withdrawn(airflow: Airflow, watch_of: Any, database: Database, now: datetime) -> None:
    airflow.dag("demo", since=now - MINUTE)
    database.execute(
        "INSERT INTO econsent.job_pauses (dag_id, paused_by, paused_at) VALUES ('demo', 'viewer', now() - interval '2 minutes')"
    )

    watch_of().round(now)

    assert database.execute("SELECT count(*) FROM econsent.job_pauses").fetchone() == (0,)


def test_everything_is_off_until_it_is_configured(airflow: Airflow, watch_of: Any, database: Database, now: datetime) -> None:
    airflow.dag("demo", since=now - timedelta(hours=1), tags=("econsent-job", "alert-after:1"))
    failed(airflow, now - 2 * MINUTE)

    watch_of(channels_of({})).round(now)

    assert database.execute("SELECT count(*) FROM econsent.incidents").fetchone() == (1,)
    for table in ("alert_outbox", "mail_outbox"):
        assert database.execute(f"SELECT count(*) FROM econsent.{table}").fetchone() == (0,)


def test_addresses_are_read_from_connections_and_not_shown() -> None:
    found = channels_of(
        {
            "AIRFLOW_CONN_ECONSENT_ALERT_WEBHOOK": json.dumps({"conn_type": "http", "password": "https://hooks.example.com/s3cret"}),
            "AIRFLOW_CONN_ECONSENT_ALERT_PAGERDUTY": json.dumps({"conn_type": "http", "password": "s3cret"}),
            "AIRFLOW_CONN_ECONSENT_ALERT_MAIL": json.dumps({"conn_type": "generic", "extra": {"recipients": ["ops@example.com"]}}),
            "AIRFLOW_CONN_ECONSENT_PINGS": json.dumps({"conn_type": "generic", "extra": '{"watch": "https://ping.example.com/s3cret"}'}),
        }
    )

    assert (found.names, found.recipients, set(found.pings)) == (["webhook", "pagerduty"], ["ops@example.com"], {"watch"})
    assert "s3cret" not in repr(found)


def test_one_step_that_cannot_do_its_work_keeps_no_other_from_its_own(
    airflow: Airflow, watch_of: Any, database: Database, now: datetime, sink: Sink, channels: Channels
) -> None:
    airflow.dag("demo", since=now - timedelta(hours=1), tags=("econsent-job", "alert-after:1"))
    failed(airflow, now - 2 * MINUTE)
    airflow.beat("SchedulerJob", now - 5 * MINUTE)
    database.execute("REVOKE INSERT ON econsent.component_outages FROM econsent_watch")

    assert watch_of(channels).round(now) is False

    assert "S3 is away" in sink.sent("/hook")[0]["text"]
    assert "/ping/watch" not in {path for _, path, _ in sink.got}, "only a whole round says that the watch is well"


def test_alerts_leave_before_airflows_api_is_asked(airflow: Airflow, watch_of: Any, now: datetime, sink: Sink, channels: Channels) -> None:
    """An api-server that is frozen takes a connection and never answers: nothing urgent may wait for it."""
    airflow.dag("demo", since=now - timedelta(hours=1), tags=("econsent-job", "alert-after:1"))
    failed(airflow, now - 2 * MINUTE)
    login = {"host": "127.0.0.1", "port": sink.server.server_port, "login": "watch", "password": "p"}

    watch_of(channels, api=AirflowApi({"AIRFLOW_CONN_ECONSENT_AIRFLOW_API": json.dumps(login)})).round(now)

    asked = [path for _, path, _ in sink.got]
    assert asked.index("/hook") < asked.index("/auth/token")
    assert [path for path in asked if "/dagRuns/" in path], "the run's note is written, too"


def test_a_tag_that_cannot_be_read_silences_nobody(airflow: Airflow, watch_of: Any, now: datetime, sink: Sink, channels: Channels) -> None:
    tick = now - timedelta(seconds=30)
    airflow.dag("demo", since=tick - 6 * MINUTE, tags=("econsent-job", "alert-after:soon"))
    for minutes in (6, 3, 0):
        failed(airflow, tick - minutes * MINUTE)

    watch_of(channels).round(now)

    assert "3 runs in a row" in sink.sent("/hook")[0]["text"]


def test_the_page_ends_a_pause_itself_so_that_the_next_one_has_its_own_reason(stack: Stack, database_url: str, database: Database) -> None:
    name = database_url.rpartition("/")[2]
    database.execute(f"GRANT CONNECT ON DATABASE {name} TO econsent_cron_management")
    pause = {"dag_id": "demo", "by": "ann", "resume_at": None, "batch_id": None}
    with psycopg.connect(stack.postgres_url(name, user="econsent_cron_management"), autocommit=True) as page:

        def ask(statement_name: str, **values: Any) -> Any:
            return page.execute(statement("econsent_airflow.cron_management", statement_name), values).fetchone()

        assert ask("insert_pause", **pause, reason="first") is not None
        assert ask("insert_pause", **pause, reason="twice") is None, "a second request of the same pause finds the first"
        assert ask("end_pause", dag_id="demo", by=None, stale_only=True) == (False,), "it may be under way still"
        assert ask("end_pause", dag_id="demo", by="bob", stale_only=False) == (True,)
        assert ask("insert_pause", **pause, reason="second") is not None
        database.execute("UPDATE econsent.job_pauses SET seen_at = now() WHERE reason = 'second'")
        assert ask("end_pause", dag_id="demo", by=None, stale_only=True) == (True,), "it was seen, so it was ended elsewhere"

    found = database.execute("SELECT reason, resumed_by, resumed_at >= paused_at FROM econsent.job_pauses ORDER BY paused_at").fetchall()
    assert found == [("first", "bob", True), ("second", "unknown", True)]
