"""The whole verification: one consistent picture of the database, and a handful of set-based questions to it.

Every statement beside this module answers with its findings, none when all is well; each is one pass over its table, so a million entries
take seconds. Nothing is written anywhere.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final, LiteralString, cast

import psycopg
from psycopg.rows import dict_row

from econsent_jobs.io.database import Connection
from econsent_verify.wallet_reconciliation_checks.findings import Finding, Trouble

PACKAGE: Final = "econsent_verify.wallet_reconciliation_checks"
MOST_KEPT: Final = 1_000
"""Findings of one question that are told; there may be more."""

QUESTIONS: Final = (
    "find_broken_links",
    "find_wrong_hashes",
    "find_wrong_balances",
    "find_wrong_charges",
    "find_unlike_usage",
    "find_double_charges",
    "find_wrong_payments",
    "find_wrong_recharges",
    "find_wrong_reversals",
    "find_wrong_overage",
    "find_wrong_periods",
    "find_wrong_reconciliations",
)


@dataclass(slots=True, kw_only=True)
class Report:
    """What was looked at and found. ``waiting``: usage and payments that the next run posts. ``cut``: a question had more findings."""

    wallets: int = 0
    entries: int = 0
    waiting: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])
    cut: bool = False
    seconds: float = 0.0

    @property
    def found(self) -> int:
        return len(self.findings)

    def as_dict(self) -> dict[str, Any]:
        return {
            "job": "wallet_reconciliation",
            "wallets": self.wallets,
            "entries": self.entries,
            "waiting": self.waiting,
            "found": self.found,
            "cut": self.cut,
            "findings": [finding.as_dict() for finding in self.findings],
            "seconds": round(self.seconds, 1),
            "entries_per_second": round(self.entries / self.seconds) if self.seconds else None,
        }


class Database:
    """The verifier's own queries, with its read-only role."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def knows(self, company_id: str) -> bool:
        return bool(self.rows("find_wallet", company_id=company_id))

    def snapshot(self) -> Any:
        """A transaction in which everything is seen as of one moment, and nothing can be written."""
        return self._connection.transaction()

    def begin(self) -> None:
        self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        self._connection.execute("SET LOCAL work_mem = '64MB'")  # a million rows are joined by hash instead of one by one

    def rows(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run one of the statements beside this module. Raises psycopg.Error."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement(name), parameters).fetchall()


def verify(database: Database, *, company_id: str | None = None, progress: Callable[[str], None] | None = None) -> Report:
    """Ask everything, of one company or of all. Raises psycopg.Error when the database cannot be read to the end."""
    report, began = Report(), time.monotonic()
    with database.snapshot():
        database.begin()
        for name in QUESTIONS:
            if progress is not None:
                progress(name.replace("_", " "))
            rows = database.rows(name, company_id=company_id, most=MOST_KEPT + 1)
            report.cut = report.cut or len(rows) > MOST_KEPT
            report.findings += [Finding(**{**row, "trouble": Trouble(row["trouble"])}) for row in rows[:MOST_KEPT]]
        (counts,) = database.rows("count_looked_at", company_id=company_id)
    report.wallets, report.entries, report.waiting = counts["wallets"], counts["entries"], counts["waiting"]
    report.seconds = time.monotonic() - began
    return report


@cache
def statement(name: str) -> LiteralString:
    """Return the text of ``sql/{name}.sql``."""
    return cast("LiteralString", (files(PACKAGE) / "sql" / f"{name}.sql").read_text(encoding="utf-8"))


def connect(conninfo: str) -> Connection:
    """Open a connection whose times are UTC, in autocommit mode. Raises psycopg.OperationalError."""
    return psycopg.connect(conninfo, autocommit=True, options="-c timezone=UTC")
