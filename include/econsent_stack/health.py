"""Whether one component of a fleet is well: ``python -m econsent_stack.health NAME``, the health check of its container.

Ends with 0 where it is, with 1 and a sentence where it is not. It imports no Airflow, which takes seconds: whoever asks every fifteen
seconds should not cost more than what it asks about.

- ``api-server``: it answers, and reaches Airflow's database.
- ``scheduler``, ``dag-processor``, ``triggerer``: this machine's newest heartbeat is fresh, and newer than ``$HEALTHY_SINCE`` (seconds
  since the epoch) where that is set: a dead predecessor's stays fresh for a while.
- ``watch``: its last round is fresh.
- anything else: the Celery worker of that name on this machine answers.
"""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, Final

import psycopg
from psycopg.conninfo import make_conninfo

from econsent_jobs.io.environment import conninfo_of
from econsent_stack.components import API_SERVER, WATCH, is_healthy, read_health

SINCE: Final = "HEALTHY_SINCE"
JOB_TYPES: Final[Mapping[str, str]] = {"scheduler": "SchedulerJob", "dag-processor": "DagProcessorJob", "triggerer": "TriggererJob"}
FRESH: Final = timedelta(seconds=30)
WATCH_FRESH: Final = timedelta(seconds=90)
ANSWER_SECONDS: Final = 10.0
HEARTBEAT: Final = "SELECT max(latest_heartbeat) FROM job WHERE job_type = %s AND hostname = ANY(%s) AND state = 'running'"
LAST_ROUND: Final = "SELECT changed_at FROM econsent.watch_state WHERE name = 'alive'"


def main(argv: list[str], environment: Mapping[str, str] = os.environ) -> int:
    [name] = argv
    trouble = trouble_of(name, environment)
    if trouble is not None:
        sys.stderr.write(f"{name}: {trouble}\n")
    return 0 if trouble is None else 1


def trouble_of(name: str, environment: Mapping[str, str]) -> str | None:
    """Return what is wrong with the component, None if nothing is."""
    since = datetime.fromtimestamp(float(environment.get(SINCE, "0")), UTC)
    try:
        if name == API_SERVER:
            report = read_health(int(environment["AIRFLOW__API__PORT"]))
            return None if is_healthy(name, report, since=0.0) else "it does not answer, or has no database"
        if name == WATCH:
            return stale(last_of(conninfo_of(environment, "AIRFLOW_CONN_ECONSENT_WATCH_DATABASE"), LAST_ROUND, []), since, WATCH_FRESH)
        if job_type := JOB_TYPES.get(name):
            return stale(last_of(metadata_address(environment), HEARTBEAT, [job_type, own_names()]), since, FRESH)
    except psycopg.OperationalError as error:
        return f"its database does not answer ({str(error).strip().splitlines()[0]})"
    return None if worker_answers(f"{name}@{socket.gethostname()}", environment["AIRFLOW__CELERY__BROKER_URL"]) else "it does not answer"


def metadata_address(environment: Mapping[str, str]) -> str:
    """Return Airflow's own database in the words of libpq, from an address for SQLAlchemy."""
    url = environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("postgresql+psycopg2://", "postgresql://")
    return make_conninfo(url, connect_timeout=5)


def own_names() -> list[str]:
    """Return what Airflow may call this machine: the long name, or the short one where the long one says nothing."""
    return [socket.getfqdn(), socket.gethostname()]


def last_of(address: str, query: str, values: list[Any]) -> datetime | None:
    with psycopg.connect(address) as connection:
        row = connection.execute(query.encode(), values).fetchone()
        return row[0] if row else None


def stale(
    beat: datetime | None, since: datetime, fresh: timedelta, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> str | None:
    """Return what is wrong with a component whose last sign of life is ``beat``, None if nothing is."""
    if beat is None or beat < since:
        return "it has given no sign of life yet"
    age = clock() - beat
    return None if age <= fresh else f"its last sign of life is {age.total_seconds():.0f} s old"


def worker_answers(node: str, broker_url: str) -> bool:
    celery: Any = import_module("celery")  # takes a third of a second: only where it is needed
    with celery.Celery(broker=broker_url) as app:
        return bool(app.control.inspect(destination=[node], timeout=ANSWER_SECONDS, limit=1).ping())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
