"""What the database says, read as one consistent picture a page of certificates."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, LiteralString, cast

import psycopg
from psycopg.rows import dict_row

from econsent_jobs.io.database import Connection

Row = dict[str, Any]

PACKAGE: Final = "econsent_verify.certificate_processing_checks"
CREATED_EVENTS: Final[Mapping[str, str]] = {"session": "session.certificate.created", "meta": "meta.certificate.created"}
GRANTED: Final = "consent.granted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One certificate and everything that other tables hold about it. JSON columns are text. ``waiting``: outbox, queue, sealed keys."""

    certificate: Row
    attestation: Row | None
    objects: Sequence[Row]
    events: Sequence[Row]
    audit: Row | None
    waiting: Row

    @property
    def company_id(self) -> str:
        return self.certificate["company_id"]

    @property
    def finalised(self) -> bool:
        return self.certificate["status"] == "finalized"

    @property
    def name(self) -> str:
        """What a person finds it by: its id, or ``number 17`` where it has none."""
        return self.certificate["certificate_id"] or f"number {self.certificate['certificate_pk']}"

    @property
    def already_expired(self) -> bool:
        """Whether its lock date had passed before it could be stored, so that it is archived nowhere."""
        issued_at, retain_until = self.certificate["issued_at"], self.certificate["retain_until"]
        return issued_at is not None and retain_until is not None and retain_until <= issued_at


class Database:
    """The verifier's own queries, with its read-only role."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def companies(self, company_id: str | None) -> list[str]:
        return [row["company_id"] for row in self.rows("list_companies", company_id=company_id)]

    def pages(self, company_id: str, *, since: datetime | None, page_size: int) -> Iterator[list[Record]]:
        """Yield a company's certificates by number, a page at a time, each page as one moment saw it."""
        after = 0
        while True:
            with self._connection.transaction():
                self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                certificates = self.rows("page_certificates", company_id=company_id, after=after, since=since, page_size=page_size)
                records = self._complete(company_id, certificates)
            if records:
                yield records
            if len(certificates) < page_size:
                return
            after = certificates[-1]["certificate_pk"]

    def _complete(self, company_id: str, certificates: Sequence[Row]) -> list[Record]:
        pks = [row["certificate_pk"] for row in certificates]
        attestations = {row["certificate_pk"]: row for row in self.rows("load_attestations", company_id=company_id, certificate_pks=pks)}
        objects = grouped(self.rows("load_objects", company_id=company_id, certificate_pks=pks), "certificate_pk")
        events = {
            row["dedupe_key"]: row for row in self.rows("load_events", dedupe_keys=[key for row in certificates for key in event_keys(row)])
        }
        audit = {row["dedupe_key"]: row for row in self.rows("load_audit", dedupe_keys=[audit_key(row) for row in certificates])}
        waiting = {row["certificate_pk"]: row for row in self.rows("load_waiting", company_id=company_id, certificate_pks=pks)}
        return [
            Record(
                certificate=row,
                attestation=attestations.get(row["certificate_pk"]),
                objects=objects.get(row["certificate_pk"], []),
                events=[events[key] for key in event_keys(row) if key in events],
                audit=audit.get(audit_key(row)),
                waiting=waiting[row["certificate_pk"]],
            )
            for row in certificates
        ]

    def live_indexes(self) -> int:
        return self.rows("count_live_indexes")[0]["live"]

    def rows(self, name: str, **parameters: Any) -> list[Row]:
        """Run one of the statements beside this module. Raises psycopg.Error."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement(name), parameters).fetchall()


def grouped(rows: Iterable[Row], column: str) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(row[column], []).append(row)
    return found


def event_types(certificate: Row) -> list[str]:
    """Which events a finalised certificate of this source causes, each once (docs/platform/webhooks)."""
    return [name for name in (CREATED_EVENTS.get(certificate["source"]), GRANTED) if name]


def event_keys(certificate: Row) -> list[str]:
    return [f"{name}:{certificate['company_id']}:{certificate['certificate_id']}" for name in event_types(certificate)]


def audit_key(certificate: Row) -> str:
    return f"certificate:{certificate['certificate_pk']}:{certificate['company_id']}:certificate.generated"


@cache
def statement(name: str) -> LiteralString:
    """Return the text of ``sql/{name}.sql``."""
    return cast("LiteralString", (files(PACKAGE) / "sql" / f"{name}.sql").read_text(encoding="utf-8"))


def connect(conninfo: str) -> Connection:
    """Open a connection whose times are UTC, in autocommit mode. Raises psycopg.OperationalError."""
    return psycopg.connect(conninfo, autocommit=True, options="-c timezone=UTC")
