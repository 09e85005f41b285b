"""What the database says of events, deliveries and endpoints, a page of events as one moment saw it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, LiteralString, cast
from urllib.parse import unquote
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from econsent_jobs.io.database import Connection

Row = dict[str, Any]

PACKAGE: Final = "econsent_verify.webhook_delivery_retry_checks"
MESSAGE: Final = re.compile(r"<webhook-disabled\.(?P<endpoint>.+)\.\d+@econsent\.org>")
FIRST_UUID: Final = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery with its attempts in their order."""

    row: Row
    attempts: Sequence[Row]

    @property
    def name(self) -> str:
        return f"delivery {self.row['delivery_id']}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    row: Row
    deliveries: Sequence[Delivery]

    @property
    def name(self) -> str:
        return f"event {self.row['event_id']}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint with what was said about its being disabled: ``notices`` from the audit trail, ``mails`` from the outbox."""

    row: Row
    notices: Sequence[Row]
    mails: Sequence[Row]

    @property
    def name(self) -> str:
        return f"endpoint {self.row['endpoint_id']}"


class Database:
    """The verifier's own queries, with its read-only role."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def knows_company(self, company_id: str) -> bool:
        return bool(self.rows("find_company", company_id=company_id))

    def endpoints(self, company_id: str | None) -> dict[str, Endpoint]:
        """Return every endpoint by its id, deleted ones too."""
        notices = grouped(self.rows("load_notices", company_id=company_id), "endpoint_id")
        told = [row | {"endpoint_id": endpoint_of(row["message_id"])} for row in self.rows("load_mails", company_id=company_id)]
        mails = grouped(told, "endpoint_id")
        return {
            row["endpoint_id"]: Endpoint(row=row, notices=notices.get(row["endpoint_id"], []), mails=mails.get(row["endpoint_id"], []))
            for row in self.rows("list_endpoints", company_id=company_id)
        }

    def pages(self, company_id: str | None, *, since: datetime | None, page_size: int) -> Iterator[tuple[dict[str, Endpoint], list[Event]]]:
        """Yield events by their id, a page at a time, with all endpoints as that moment saw them."""
        after = FIRST_UUID
        while True:
            with self._connection.transaction():
                self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                endpoints = self.endpoints(company_id)
                rows = self.rows("page_events", company_id=company_id, since=since, after=after, page_size=page_size)
                events = self._complete(rows)
            yield endpoints, events
            if len(rows) < page_size:
                return
            after = rows[-1]["event_id"]

    def strays(self) -> list[Row]:
        """Deliveries whose event or endpoint is gone; foreign keys ought to make that impossible."""
        return self.rows("find_strays")

    def _complete(self, rows: Sequence[Row]) -> list[Event]:
        deliveries = self.rows("load_deliveries", event_ids=[row["event_id"] for row in rows])
        attempts = grouped(self.rows("load_attempts", delivery_ids=[row["delivery_id"] for row in deliveries]), "delivery_id")
        of_event = grouped(deliveries, "event_id")
        return [
            Event(
                row=row,
                deliveries=[
                    Delivery(row=each, attempts=attempts.get(each["delivery_id"], [])) for each in of_event.get(row["event_id"], [])
                ],
            )
            for row in rows
        ]

    def rows(self, name: str, **parameters: Any) -> list[Row]:
        """Run one of the statements beside this module. Raises psycopg.Error."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement(name), parameters).fetchall()


def endpoint_of(message_id: str) -> str | None:
    """``<webhook-disabled.{endpoint id, percent-encoded}.{seconds}@econsent.org>``; None for any other."""
    found = MESSAGE.fullmatch(message_id)
    return None if found is None else unquote(found["endpoint"])


def grouped(rows: Iterable[Row], column: str) -> Mapping[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(row[column], []).append(row)
    return found


@cache
def statement(name: str) -> LiteralString:
    """Return the text of ``sql/{name}.sql``."""
    return cast("LiteralString", (files(PACKAGE) / "sql" / f"{name}.sql").read_text(encoding="utf-8"))


def connect(conninfo: str) -> Connection:
    """Open a connection whose times are UTC, in autocommit mode. Raises psycopg.OperationalError."""
    return psycopg.connect(conninfo, autocommit=True, options="-c timezone=UTC")
