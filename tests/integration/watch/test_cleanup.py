"""Airflow's tables are cleaned by Airflow's own command, and of nothing that the audit trail does not hold."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from econsent_airflow.watch import cleanup
from tests.integration.watch.conftest import Airflow

Database = psycopg.Connection[Any]


def runs(airflow: Airflow) -> list[int]:
    return [number for (number,) in airflow.connection.execute("SELECT id FROM dag_run ORDER BY run_after").fetchall()]


@pytest.mark.timeout(400)
def test_what_was_not_copied_is_not_removed(airflow: Airflow, watch_of: Any, database: Database, now: datetime) -> None:
    airflow.dag("demo", since=now - timedelta(days=50))
    old, young = airflow.run("demo", now - timedelta(days=40)), airflow.run("demo", now - timedelta(days=3))
    watch = watch_of()
    given = {"now": now, "copied_until": now, "environment": watch._settings.environment}

    assert cleanup.clean_up(watch._metadata, watch._trail, lambda _: None, **given) is False
    assert runs(airflow) == [old, young]

    assert cleanup.clean_up(watch._metadata, watch._trail, lambda ids: watch.copy_numbered(ids, now), **given) is True
    assert runs(airflow) == [young]
    assert database.execute("SELECT count(*) FROM econsent.job_executions").fetchone() == (1,)


def test_people_s_actions_that_were_not_copied_bound_the_clean_up(airflow: Airflow, watch_of: Any, now: datetime) -> None:
    airflow.dag("demo", since=now - timedelta(days=50))
    airflow.run("demo", now - timedelta(days=40))
    watch = watch_of()

    assert cleanup.unaudited(watch._metadata, watch._trail, min(now - cleanup.KEPT, now - timedelta(days=45))) == []
    assert len(cleanup.unaudited(watch._metadata, watch._trail, now - cleanup.KEPT)) == 1
