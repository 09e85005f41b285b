"""Airflow's tables are cleaned by Airflow's own command, and of nothing that the audit trail does not hold."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from econsent_airflow.watch import cleanup
from econsent_airflow.watch.alerts import Channels
from tests.integration.watch.conftest import Airflow
from tests.sink import Sink
from tests.system.running import wait_for

Database = psycopg.Connection[Any]


def runs(airflow: Airflow) -> list[int]:
    return [number for (number,) in airflow.connection.execute("SELECT id FROM dag_run ORDER BY run_after").fetchall()]


@pytest.mark.timeout(400)
def test_what_was_not_copied_is_not_removed(airflow: Airflow, watch_of: Any, database: Database, now: datetime) -> None:
    airflow.dag("demo", since=now - timedelta(days=50))
    old, young = airflow.run("demo", now - timedelta(days=40)), airflow.run("demo", now - timedelta(days=3))
    watch = watch_of()
    given = {"now": now, "copied_until": now, "environment": watch._settings.environment}

    assert cleanup.begin(watch._metadata, watch._trail, lambda _: None, **given) is None
    assert runs(airflow) == [old, young]

    begun = cleanup.begin(watch._metadata, watch._trail, lambda ids: watch.copy_numbered(ids, now), **given)
    assert begun is not None
    wait_for(lambda: begun.look() is not None, what="the end of the clean-up", seconds=300)
    assert runs(airflow) == [young]
    assert database.execute("SELECT count(*) FROM econsent.job_executions").fetchone() == (1,)


def test_people_s_actions_that_were_not_copied_bound_the_clean_up(airflow: Airflow, watch_of: Any, now: datetime) -> None:
    airflow.dag("demo", since=now - timedelta(days=50))
    airflow.run("demo", now - timedelta(days=40))
    watch = watch_of()

    assert cleanup.unaudited(watch._metadata, watch._trail, min(now - cleanup.KEPT, now - timedelta(days=45))) == []
    assert len(cleanup.unaudited(watch._metadata, watch._trail, now - cleanup.KEPT)) == 1


@pytest.mark.timeout(400)
def test_rounds_go_on_while_the_tables_are_cleaned_once_a_day(
    airflow: Airflow, watch_of: Any, database: Database, sink: Sink, now: datetime
) -> None:
    at = now.replace(hour=4, minute=31)
    airflow.dag("demo", since=at - timedelta(days=50), tags=("econsent-job", "alert-after:1"))
    old = airflow.run("demo", at - timedelta(days=40))
    watch = watch_of(Channels(webhook_url=f"{sink.url}/hook"), clean=True)

    assert watch.round(at - timedelta(minutes=2)) is True
    assert runs(airflow) == [old], "it is not yet half past four"
    assert watch.round(at) is True
    assert watch._memory.cleaning is not None
    failed = airflow.run("demo", at - timedelta(minutes=1), state="failed", error={"error_class": "data", "sentence": "told meanwhile"})
    assert watch.round(at + timedelta(seconds=5)) is True
    copied = database.execute("SELECT count(*) FROM econsent.job_executions WHERE outcome = 'failed'").fetchone()
    assert copied == (1,), "the round beside it copied what ended meanwhile"

    def is_cleaned() -> bool:
        watch.round(at + timedelta(seconds=10))
        return runs(airflow) == [failed] and watch._memory.cleaning is None

    wait_for(is_cleaned, what="the old run gone", seconds=300)
    assert database.execute("SELECT position ->> 'day' FROM econsent.watch_state WHERE name = 'cleaned'").fetchone() == (f"{at:%Y-%m-%d}",)
