"""What every job's own commands share: their database, their rows, and one sentence where they cannot go on."""

import argparse
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

import psycopg
from psycopg.rows import dict_row

from econsent_jobs.core.statements import statement
from econsent_jobs.io.database import Connection, database_errors
from econsent_jobs.io.environment import conninfo_of

Row = dict[str, Any]


class Rows(Protocol):
    def __call__(self, database: Connection, query: str, **parameters: Any) -> list[Row]:
        """Run ``sql/{query}.sql`` and return its rows by column."""
        ...


@contextmanager
def open_database(environment: Mapping[str, str], connection: str) -> Generator[Connection]:
    """Open the database as the role of the Connection that the variable ``connection`` holds, in autocommit mode.

    Raises PermanentError (config) where nothing tells where it is, and TransientError (db_connectivity) where it is away.
    """
    with database_errors(), psycopg.connect(conninfo_of(environment, connection), autocommit=True) as database:
        yield database


def rows_of(package: str) -> Rows:
    """Return what runs the statements of ``package``. It raises what ``database_errors`` does."""

    def rows(database: Connection, query: str, **parameters: Any) -> list[Row]:
        with database_errors(), database.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement(package, query), parameters).fetchall()

    return rows


def time_of(text: str) -> datetime:
    """Read an argument that is a time in ISO 8601; one without a zone is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("a time in ISO 8601 is needed, such as 2026-11-03 or 2026-11-03T12:00Z") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def limit_up_to(most: int) -> Callable[[str], int]:
    """Return what reads an argument that is a number from 1 to ``most``."""

    def limit_of(text: str) -> int:
        number = int(text)
        if not 1 <= number <= most:
            raise argparse.ArgumentTypeError(f"a number from 1 to {most} is needed")
        return number

    return limit_of


def add_listing_options(words: argparse.ArgumentParser, *, most: int) -> None:
    """Add what chooses rows of a list: ``--company`` and ``--limit``."""
    words.add_argument("--company", metavar="ID", help="one company instead of all")
    words.add_argument("--limit", metavar="N", type=limit_up_to(most), default=50, help=f"at most so many, 50 unless said, {most} at most")


def add_retry_options(words: argparse.ArgumentParser, *, naming: str, classes: Sequence[str], most: int) -> None:
    """Add what chooses failed items, one by its name or all of a class, and who puts them back."""
    chosen = words.add_mutually_exclusive_group(required=True)
    chosen.add_argument("id", metavar="ID", nargs="?", help=naming)
    chosen.add_argument("--class", dest="error_class", choices=classes, help="all that failed by one mended cause")
    words.add_argument("--company", metavar="ID", help="with --class: one company instead of all")
    limit = f"with --class: at most so many, {most} unless said"
    words.add_argument("--limit", metavar="N", type=limit_up_to(most), default=most, help=limit)
    words.add_argument("--by", metavar="WHO", default=None, help="who asks, for the audit trail; your login unless said")
    words.add_argument("--dry-run", action="store_true", help="say what would be put back, and change nothing")


def tell(sentence: str) -> int:
    """Say why a command ends without having done anything; return its exit code."""
    sys.stdout.flush()
    sys.stderr.write(f"{sentence}\n")
    return 1
