"""PostgreSQL: what its errors mean for a run, and how its JSON is read."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec
import psycopg
from psycopg import errors
from psycopg.types.json import set_json_loads

from econsent_jobs.core.errors import BadItem, ErrorClass, PermanentError, TransientError

MOST_DIGITS: Final = 4_000
"""Python refuses to read a longer whole number, and with it the row and all that were read beside it; PostgreSQL stores 131,072 digits."""


def whole_number(digits: str) -> int | Decimal:
    """Read a whole number of JSON, of whatever length."""
    return int(digits) if len(digits) <= MOST_DIGITS else Decimal(digits)


class TooDeep:
    """Stands for a JSON column that is nested deeper than Python can follow: no text, no list, and no object."""


DECODER: Final = json.JSONDecoder(parse_int=whole_number)


def loads(text: str | bytes) -> Any:
    """Read a JSON column. PostgreSQL sends nothing but valid JSON in UTF-8; the fast way reads all but enormous numbers."""
    try:
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return DECODER.decode(text if isinstance(text, str) else text.decode())
    except RecursionError:
        return TooDeep()


set_json_loads(loads)  # for every connection: what one row holds must never keep others from being read

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

TRANSIENT = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.LockNotAvailable,
    errors.QueryCanceled,
    errors.TooManyConnections,
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.IdleInTransactionSessionTimeout,
)


@contextmanager
def database_errors() -> Generator[None]:
    """Translate what PostgreSQL raises inside.

    Raises TransientError (db_connectivity) where trying again can help, PermanentError (config) where a right or a table is missing,
    and BadItem (data) for a value that no row can hold. All else is a bug, and keeps its own name and stack trace.
    """
    try:
        yield
    except TRANSIENT as error:
        raise TransientError(ErrorClass.DB_CONNECTIVITY, f"PostgreSQL gave up on a statement ({first_line(error)})") from error
    except (errors.InsufficientPrivilege, errors.UndefinedTable, errors.UndefinedColumn) as error:
        raise PermanentError(
            ErrorClass.CONFIG, f"the database does not fit this version ({first_line(error)}); run ./econsent migrate"
        ) from error
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        # the message may quote the value, which may be personal
        where = error.diag.constraint_name or error.diag.column_name or "no column named"
        raise BadItem(ErrorClass.DATA, f"PostgreSQL refused a value ({type(error).__name__}, {where})") from error
    except psycopg.OperationalError as error:
        raise TransientError(
            ErrorClass.DB_CONNECTIVITY, f"PostgreSQL cannot be reached ({first_line(error)}); the next run continues"
        ) from error


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
