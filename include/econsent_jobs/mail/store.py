"""The outbox of mail: one method per statement."""

from datetime import timedelta
from typing import Final, Protocol
from uuid import uuid4

from psycopg.rows import class_row

from econsent_jobs.core.statements import statement
from econsent_jobs.io.database import Connection, database_errors
from econsent_jobs.mail.model import Backlog, Mail

PACKAGE: Final = "econsent_jobs.mail"


class Outbox(Protocol):
    def claim(self, *, lease_seconds: float) -> Mail | None:
        """Lease the mail that has been due longest; None when none is due."""
        ...

    def sent(self, mail: Mail, *, note: str | None) -> None:
        """Write down that the server took it; ``note`` says what was odd about that."""
        ...

    def back_off(self, mail: Mail, *, reason: str, delay: timedelta) -> None:
        """Let it be tried again after ``delay``."""
        ...

    def give_up(self, mail: Mail, *, reason: str) -> None:
        """Set it aside with its reason."""
        ...

    def backlog(self) -> Backlog:
        """Count what is due."""
        ...


class PostgresOutbox:
    """The outbox in PostgreSQL, on a connection in autocommit mode. Raises what ``database_errors`` does."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, *, lease_seconds: float) -> Mail | None:
        token = uuid4()
        values = {"lease_token": token, "lease_seconds": lease_seconds, "most": 1}
        with database_errors(), self._connection.cursor(row_factory=class_row(Mail)) as cursor:
            return cursor.execute(statement(PACKAGE, "claim_due_mail"), values).fetchone()

    def sent(self, mail: Mail, *, note: str | None) -> None:
        self._close(mail, outcome="sent", error=note)

    def back_off(self, mail: Mail, *, reason: str, delay: timedelta) -> None:
        self._close(mail, outcome="waits", error=reason, delay=delay)

    def give_up(self, mail: Mail, *, reason: str) -> None:
        self._close(mail, outcome="failed", error=reason)

    def _close(self, mail: Mail, *, outcome: str, error: str | None, delay: timedelta = timedelta()) -> None:
        values = {
            "message_id": mail.message_id,
            "lease_token": mail.lease_token,
            "outcome": outcome,
            "error": error,
            "delay": delay,
        }
        with database_errors():
            self._connection.execute(statement(PACKAGE, "close_mail"), values)

    def backlog(self) -> Backlog:
        with database_errors(), self._connection.cursor(row_factory=class_row(Backlog)) as cursor:
            found = cursor.execute(statement(PACKAGE, "count_due_mail")).fetchone()
        assert found is not None
        return found
