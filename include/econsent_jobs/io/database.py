"""PostgreSQL: what its errors mean for a run."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TypeAlias

import psycopg
from psycopg import errors

from econsent_jobs.core.errors import BadItem, ErrorClass, PermanentError, TransientError

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
