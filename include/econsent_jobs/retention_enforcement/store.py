"""What retention asks of PostgreSQL: one method a statement, rows in, dataclasses out, no decisions."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from econsent_jobs.core.statements import statement
from econsent_jobs.io.database import Connection, database_errors
from econsent_jobs.retention_enforcement.model import Backend, Decision, Facts, Recording, Rule, Served, SessionFacts, State
from econsent_jobs.retention_enforcement.rules.quota import Usage

PACKAGE: Final = "econsent_jobs.retention_enforcement"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """``closes``: it has been closing for 30 days."""

    company_id: str
    name: str
    status: str
    closes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """How far a walk over a company's rows is: what comes after ``after``, at most ``size`` of it, as seen at ``now``."""

    company_id: str
    now: datetime
    after: Any
    size: int

    def parameters(self) -> Row:
        return {"company_id": self.company_id, "now": self.now, "after": self.after, "batch_size": self.size}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    action: str
    category: str
    details: Mapping[str, Any]
    dedupe_key: str


class PostgresStore:
    """The store of record, on a connection in autocommit mode. Every method raises what ``database_errors`` does.

    ``dry``: a plan. It takes no lock that somebody else may wait for, and the caller rolls back.
    """

    def __init__(self, database: Connection, *, dry: bool = False) -> None:
        self._database = database
        self.dry = dry

    @contextmanager
    def transaction(self, *, roll_back: bool = False) -> Generator[None]:
        with database_errors(), self._database.transaction(force_rollback=roll_back):
            yield

    def now(self, as_of: datetime | None = None) -> datetime:
        return self._one("read_clock", as_of=as_of)["now"]

    def companies(self, *, now: datetime, company_id: str | None = None) -> list[Company]:
        return [Company(**row) for row in self.rows("list_companies", now=now, company_id=company_id)]

    def beat(self) -> None:
        """Make sure that the session still lives, and with it its locks: the database ends one that was frozen. Raises TransientError."""
        self._one("read_clock", as_of=None)

    def lock_company(self, company_id: str) -> bool:
        """Take the company's batch lock, until the transaction ends; False where another run, or a hold, has it."""
        return self.dry or self._one("lock_company", company_id=company_id)["taken"]

    def lock_objects(self, company_id: str, object_ids: Sequence[int]) -> list[int]:
        return self._ids("lock_objects", company_id=company_id, object_ids=list(object_ids))

    def facts(self, company_id: str, object_ids: Sequence[int]) -> list[Facts]:
        """Load all that decides about the objects, in the order of their keys."""
        if not object_ids:
            return []
        return [facts_of(row) for row in self.rows("load_facts", company_id=company_id, object_ids=list(object_ids))]

    def find(self, query: str, page: Page, **more: Any) -> list[Row]:
        """One page of candidates by the statement ``query``."""
        return self.rows(query, **page.parameters(), **more)

    def retain(self, company_id: str, session_ids: Sequence[str]) -> list[str]:
        return [row["session_id"] for row in self.rows("retain_sessions", company_id=company_id, session_ids=list(session_ids))]

    def close_session(self, company_id: str, row: Row, *, size_bytes: int, sha256: str | None) -> None:
        self.run(
            "close_session",
            company_id=company_id,
            session_id=row["session_id"],
            last_chunk_at=row["last_chunk_at"],
            bytes=size_bytes,
            sha256=sha256,
        )

    def usage(self, company_id: str, *, now: datetime) -> tuple[Usage, list[str], bool]:
        """Return the month's usage, who wants to hear of overage, and whether they still have to."""
        row = self._one("read_usage", company_id=company_id, now=now)
        emails, wanted = row.pop("emails"), row.pop("wanted")
        return Usage(**row), emails, bool(wanted)

    def note_overage(self, usage: Usage) -> bool:
        return bool(self.rows("note_overage", company_id=usage.company_id, period=usage.period))

    def write_mail(self, *, message_id: str, company_id: str | None, recipients: Sequence[str], subject: str, body: str) -> None:
        self.run("write_mail", message_id=message_id, company_id=company_id, recipients=list(recipients), subject=subject, body=body)

    def mark(self, company_id: str, decided: Sequence[tuple[Facts, Decision, bool]], *, now: datetime, step: str) -> list[int]:
        """Mark objects by their decisions; the boolean says whether the guard counts them."""
        return self._ids(
            "mark_objects",
            company_id=company_id,
            now=now,
            step=step,
            object_ids=[facts.object_id for facts, _, _ in decided],
            rules=[decision.rule.value for _, decision, _ in decided],
            purge_afters=[decision.due_at for _, decision, _ in decided],
            guardeds=[guarded for _, _, guarded in decided],
        )

    def unmark(self, company_id: str, object_ids: Sequence[int]) -> None:
        """Take marks away; a session whose file is kept waits for its window again."""
        ids = list(object_ids)
        self.run("reopen_sessions", company_id=company_id, object_ids=ids)
        self.run("unmark_objects", company_id=company_id, object_ids=ids)

    def close(self, company_id: str, object_ids: Sequence[int], *, deleted_at: datetime) -> list[int]:
        return self._ids("delete_objects", company_id=company_id, object_ids=list(object_ids), deleted_at=deleted_at)

    def refuse(self, company_id: str, reasons: Mapping[int, str]) -> None:
        if reasons:
            self.run("refuse_objects", company_id=company_id, object_ids=list(reasons), reasons=list(reasons.values()))

    def audit(self, company_id: str | None, entries: Iterable[AuditEntry], *, user: str = "system:scheduler") -> None:
        listed = list(entries)
        if listed:
            self.run(
                "audit",
                company_id=company_id,
                user=user,
                actions=[entry.action for entry in listed],
                categories=[entry.category for entry in listed],
                details=[Jsonb(dict(entry.details)) for entry in listed],
                dedupe_keys=[entry.dedupe_key for entry in listed],
            )

    def rows(self, query: str, /, **parameters: Any) -> list[Row]:
        with database_errors(), self._database.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement(PACKAGE, query), parameters).fetchall()

    def run(self, query: str, /, **parameters: Any) -> int:
        with database_errors():
            return self._database.execute(statement(PACKAGE, query), parameters).rowcount

    def one(self, query: str, /, **parameters: Any) -> Row:
        return self._one(query, **parameters)

    def _one(self, query: str, /, **parameters: Any) -> Row:
        found = self.rows(query, **parameters)
        assert len(found) == 1, f"{query} gave {len(found)} rows"
        return found[0]

    def _ids(self, query: str, /, **parameters: Any) -> list[int]:
        return [row["object_id"] for row in self.rows(query, **parameters)]


def facts_of(row: Row) -> Facts:
    """Split one joined row into the object, its session and the certificates that it serves."""
    served = [
        Served(certificate_pk=pk, status=status, consent_at=consent_at, expires_at=expires_at, claimed=claimed)
        for pk, status, consent_at, expires_at, claimed in zip(
            row["served_pks"],
            row["served_statuses"],
            row["served_consent_ats"],
            row["served_expires_ats"],
            row["served_claimeds"],
            strict=True,
        )
    ]
    return Facts(
        **{name: row[name] for name in PLAIN},
        backend=Backend(row["backend"]),
        state=State(row["state"]),
        mark_rule=Rule(row["mark_rule"]) if row["mark_rule"] else None,
        session=session_of(row),
        served=served,
    )


PLAIN: Final = (
    "object_id",
    "company_id",
    "session_id",
    "certificate_pk",
    "kind",
    "tier",
    "bucket",
    "object_key",
    "version_id",
    "size_bytes",
    "sha256",
    "created_at",
    "marked_at",
    "guarded",
    "retain_until",
    "accessed_at",
    "erasure_asked_at",
    "held_at",
    "own_window",
    "own_expiration",
    "policy_changed_at",
    "holds",
)  # fmt: skip  columns as the statement lists them


def session_of(row: Row) -> SessionFacts | None:
    if row["session_status"] is None:
        return None
    return SessionFacts(
        status=row["session_status"],
        expires_at=row["session_expires_at"],
        due_at=row["session_due_at"],
        retained_at=row["session_retained_at"],
        last_accessed_at=row["session_accessed_at"],
        video_status=row["video_status"],
        archived=row["session_archived"],
        archive_gone_at=row["session_archive_gone_at"],
    )


def recording_of(row: Row) -> Recording:
    return Recording(**{name: row[name] for name in Recording.__dataclass_fields__})
