"""Bring a database to the newest schema.

The revisions in ``versions`` hold raw SQL by topic. They only go forward: a mistake is mended by a further revision, because rows
written under the newer schema cannot be carried back.

The schema ``econsent`` and everything in it belong to the role ``econsent_migrator``. What has been applied is written down in
``econsent.alembic_version``, so that dropping the schema forgets it too.
"""

import logging
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

log = logging.getLogger(__name__)

FOLDER: Final = Path(__file__).parent
LOCK_KEY: Final = 7_305_804_402_464_123_501
"""Any fixed number: whoever migrates one database holds the advisory lock of this key."""

ONE_THREAD: Final = threading.Lock()
"""Alembic keeps the running migration in variables of its modules, so threads of one process take turns."""


def upgrade(url: str) -> None:
    """Bring the database at ``url`` (``postgresql://…``) to the newest revision, in one transaction; do nothing if it is there already.

    The user must be a superuser, or own the database and have CREATEROLE. Several calls at once are safe, in one database and in several of
    one cluster. A database that a newer version of this code has migrated is left as it is: revisions only add, so this version runs on it.
    Raises psycopg.Error; nothing is changed then.
    """
    with ONE_THREAD, _connected(url) as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
        _run_file(connection, FOLDER / "prepare.sql")
        configuration = _configuration(connection)
        if newer := _newer_revision(connection, configuration):
            log.warning("The schema is at revision %s, which this version does not know: it is newer, and is left as it is", newer)
            return
        connection.exec_driver_sql("SET LOCAL ROLE econsent_migrator")
        command.upgrade(configuration, "head")


@contextmanager
def _connected(url: str) -> Generator[Connection, None, None]:
    """One transaction on one connection that is closed afterwards."""
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        # SQLAlchemy's message repeats the whole file of SQL; PostgreSQL's is a sentence.
        raise error.orig or error from None


def _configuration(connection: Connection) -> Config:
    """Alembic's settings, without a file; ``env.py`` finds the connection in them."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _newer_revision(connection: Connection, configuration: Config) -> str | None:
    """Return the database's revision where it comes after all of ours."""
    if connection.exec_driver_sql("SELECT to_regclass('econsent.alembic_version')").scalar() is None:
        return None
    applied: str | None = connection.exec_driver_sql("SELECT version_num FROM econsent.alembic_version").scalar()
    newest = max(revision.revision for revision in ScriptDirectory.from_config(configuration).walk_revisions())
    return applied if applied is not None and applied > newest else None


def _run_file(connection: Connection, path: Path) -> None:
    """Run a file's statements as they stand: no placeholder is looked for, so ``:`` and ``%`` mean themselves."""
    connection.execution_options(no_parameters=True).exec_driver_sql(path.read_text(encoding="utf-8"))
