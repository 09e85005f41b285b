"""Bring Airflow's own database to its newest schema and create the pools; a process of its own, because importing Airflow takes seconds.

``is_prepared`` says without Airflow whether that is needed. Run as ``python -m econsent_stack.airflow_prepare`` in the stack's environment.
"""

import json
import tomllib
from importlib.metadata import version
from typing import Any, Final

import psycopg
from psycopg import sql

from econsent_stack.project import ROOT

RECORD: Final = "econsent_prepared"
WATCH: Final = "econsent_watch"
READ_BY_WATCH: Final = (
    "dag",
    "dag_run",
    "dag_tag",
    "dag_version",
    "import_error",
    "job",
    "log",
    "serialized_dag",
    "task_instance",
    "task_instance_history",
    "xcom",
)
"""No connection, no variable and no user is among them."""


def pools() -> dict[str, dict[str, Any]]:
    """Return the pools of ``[tool.econsent.pools]`` in pyproject.toml: ``slots`` and ``description`` by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return project.get("tool", {}).get("econsent", {}).get("pools", {})


def wanted() -> str:
    """What a prepared database is prepared for, as one text to compare."""
    return json.dumps({"airflow": version("apache-airflow-core"), "pools": pools(), "read_by_watch": READ_BY_WATCH}, sort_keys=True)


def is_prepared(database_url: str) -> bool:
    """Whether Airflow's database was prepared for this version and these pools. The record lies in the database that it speaks of."""
    with psycopg.connect(database_url) as connection:
        if connection.execute("SELECT to_regclass(%s)", [RECORD]).fetchone() == (None,):
            return False
        return connection.execute("SELECT prepared FROM econsent_prepared").fetchone() == (wanted(),)


def write_down(database_url: str) -> None:
    """Let the watch read what it needs, and record what the database is prepared for."""
    with psycopg.connect(database_url) as connection:
        tables = sql.SQL(", ").join(map(sql.Identifier, READ_BY_WATCH))
        watch = sql.Identifier(WATCH)
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(connection.info.dbname), watch))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(watch))
        connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(tables, watch))
        connection.execute("CREATE TABLE IF NOT EXISTS econsent_prepared (prepared text NOT NULL)")
        connection.execute("DELETE FROM econsent_prepared")
        connection.execute("INSERT INTO econsent_prepared VALUES (%s)", [wanted()])


def prepare() -> None:
    """Migrate and create the pools. Idempotent."""
    from airflow.models.pool import Pool  # importing Airflow reads its configuration, so it waits until it is needed
    from airflow.utils.db import upgradedb
    from airflow.utils.session import create_session

    upgradedb()
    with create_session() as session:
        for name, pool in pools().items():
            Pool.create_or_update_pool(name, pool["slots"], pool["description"], include_deferred=False, session=session)


if __name__ == "__main__":
    prepare()
