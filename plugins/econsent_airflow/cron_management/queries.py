"""Reading: Airflow's own database by its session, and eConsent's by a role that may only read."""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from airflow.utils.session import create_session
from psycopg import sql
from psycopg.rows import dict_row

from econsent_airflow.connections import open_database
from econsent_jobs.core.errors import EconsentError
from econsent_jobs.core.statements import statement
from econsent_jobs.io.database import Connection

PACKAGE: Final = "econsent_airflow.cron_management"
MOST_IDLE: Final = 8
ABSENT_SECONDS: Final = 20.0
"""So long a database that could not be opened is not asked again, and the pages are shown without it."""

Row = Mapping[str, Any]

log = logging.getLogger(__name__)


def ask_airflow_database(*names_and_parameters: tuple[str, Mapping[str, Any]]) -> list[list[Row]]:
    """Run some of ``sql/*.sql`` on Airflow's database in one read, and return the rows of each as mappings."""
    with create_session(scoped=False) as session:
        connection = session.connection()
        return [
            [dict(row) for row in connection.exec_driver_sql(statement(PACKAGE, name).decode(), dict(parameters)).mappings()]
            for name, parameters in names_and_parameters
        ]


class TrailAbsent(Exception):
    """eConsent's database is not there, cannot be reached, or has no audit tables yet. The pages then show what Airflow knows."""


class ReadOnlyDatabase:
    """Connections to eConsent's database as a role of ours, kept open between requests; a few at most."""

    def __init__(self, role: str) -> None:
        self._role = role
        self._idle: deque[tuple[ExitStack, Connection]] = deque()
        self._lock = threading.Lock()
        self._absent_until = 0.0

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection. Raises TrailAbsent, and goes on doing so for a while without trying."""
        if time.monotonic() < self._absent_until:
            raise TrailAbsent
        try:
            held, connection = self._take()
        except (EconsentError, psycopg.Error) as error:
            self._absent_until = time.monotonic() + ABSENT_SECONDS
            log.info("Cron Management shows what Airflow knows: eConsent's database is not open to %s (%s)", self._role, error)
            raise TrailAbsent from error
        try:
            yield connection
        except psycopg.Error as error:
            held.close()
            if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.InsufficientPrivilege | psycopg.OperationalError):
                raise TrailAbsent from error
            raise
        except BaseException:
            held.close()
            raise
        self._give_back(held, connection)

    def _take(self) -> tuple[ExitStack, Connection]:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        held = ExitStack()
        return held, held.enter_context(open_database(self._role))

    def _give_back(self, held: ExitStack, connection: Connection) -> None:
        with self._lock:
            if len(self._idle) < MOST_IDLE and not connection.closed:
                self._idle.append((held, connection))
                return
        held.close()

    def ask(self, name: str, parameters: Mapping[str, Any]) -> list[Row]:
        """Run ``sql/{name}.sql`` and return its rows as mappings. Raises TrailAbsent."""
        return self.run(statement(PACKAGE, name), parameters)

    def run(self, text: bytes | sql.Composed, parameters: Mapping[str, Any]) -> list[Row]:
        with self.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return list[Row](cursor.execute(text, parameters).fetchall())


TRAIL: Final = ReadOnlyDatabase("dashboard")


def figures_folder() -> Path:
    """The folder of all jobs: each keeps its ``sql/figures.sql`` there."""
    import econsent_jobs

    return Path(econsent_jobs.__file__).parent


def read_figures(dag_ids: Sequence[str]) -> dict[str, Row]:
    """Return each job's ``backlog``, ``oldest_seconds``, ``figure_label`` and ``figure``, in one statement where all are sound.

    The figures come from the jobs' own tables by a role that may only read, so they are true when the job is dead. A job whose figures
    cannot be read is left out; the others are not.
    """
    files = {dag_id: figures_folder() / dag_id / "sql" / "figures.sql" for dag_id in dag_ids if dag_id.isidentifier()}
    texts = {dag_id: file.read_bytes() for dag_id, file in files.items() if file.is_file()}
    if not texts:
        return {}
    try:
        return {row["job"]: row for row in TRAIL.run(together(texts), {})}
    except (TrailAbsent, psycopg.Error):
        return one_by_one(texts)


def one_by_one(texts: Mapping[str, bytes]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for dag_id, text in texts.items():
        try:
            found |= {row["job"]: row for row in TRAIL.run(together({dag_id: text}), {})}
        except (TrailAbsent, psycopg.Error) as error:
            log.info("The figures of %s cannot be read: %s", dag_id, error)
    return found


def together(texts: Mapping[str, bytes]) -> sql.Composed:
    """Put the jobs' own statements side by side, so that they cost one way to the database."""
    wrapped = [
        sql.SQL(
            "SELECT {} AS job, figures.backlog::bigint, figures.oldest_seconds::float8, figures.figure_label::text, figures.figure::float8 "
            "FROM ({}) AS figures"
        ).format(sql.Literal(dag_id), sql.SQL(text.decode()))  # pyright: ignore[reportArgumentType] the texts are the project's own files
        for dag_id, text in texts.items()
    ]
    return sql.SQL(" UNION ALL ").join(wrapped)
