"""The job on the real PostgreSQL and a real payment server, with the rights and the clock that each test gives it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.io.payments_sandbox import SandboxProvider
from econsent_jobs.wallet_reconciliation import reconcile_wallets
from econsent_jobs.wallet_reconciliation.model import Settings
from econsent_jobs.wallet_reconciliation.tools import Tools, real_tools
from econsent_stack.payments_sandbox import serve
from econsent_stack.stack import Stack

ACME = "acme"
NOON = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)
LIMITS = Limits(batch_size=1_000, run_seconds=60)
TOKEN = "a token of the tests"
Rows = list[tuple[Any, ...]]


@dataclass(slots=True)
class Moment:
    """A clock that stands until it is moved."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **parts: float) -> datetime:
        self.at += timedelta(**parts)
        return self.at


@dataclass(slots=True)
class Bank:
    """The payment server, as a test sees it: it can be told to misbehave, and it knows what was charged."""

    url: str
    headers: Mapping[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {TOKEN}"})

    def plan(self, *words: str) -> None:
        httpx.post(f"{self.url}/v1/faults", json={"plan": list(words)}, headers=self.headers).raise_for_status()

    def charges(self) -> list[dict[str, Any]]:
        return httpx.get(f"{self.url}/v1/charges", headers=self.headers).raise_for_status().json()["charges"]

    def refund(self, reference: str, amount: str, kind: str = "refund") -> None:
        document = {"reference": reference, "amount": amount, "kind": kind}
        httpx.post(f"{self.url}/v1/refunds", json=document, headers=self.headers).raise_for_status()


@dataclass(slots=True)
class World:
    """One database with companies, and short ways to put rows there and to look at what became of them."""

    database: psycopg.Connection[Any]
    moment: Moment

    def company(self, company_id: str = ACME, *, plan: str = "starter", owner: str | None = None) -> str:
        self.database.execute("SELECT econsent.create_company(%s, %s, %s)", [company_id, company_id.title(), plan])
        self.database.execute(
            "INSERT INTO econsent.memberships (company_id, email, role) VALUES (%s, %s, 'owner')",
            [company_id, owner or f"owner@{company_id}.example"],
        )
        return company_id

    def usage(self, request_id: str, *, sku: str = "otp", company_id: str = ACME, at: datetime | None = None, **columns: Any) -> int:
        row = {"company_id": company_id, "sku": sku, "request_id": request_id, "occurred_at": at or self.moment.at - timedelta(hours=1)}
        return self.insert("usage_events", "usage_id", row | columns)

    def paid(self, payment_id: str, amount: str, *, company_id: str = ACME, status: str = "succeeded", **columns: Any) -> None:
        row = {
            "payment_id": payment_id,
            "company_id": company_id,
            "kind": "recharge",
            "idempotency_key": payment_id,
            "amount": Decimal(amount),
            "status": status,
            "created_at": self.moment.at - timedelta(minutes=30),
            "settled_at": None if status == "pending" else self.moment.at - timedelta(minutes=30),
        }
        self.insert("payments", "payment_id", row | columns)

    def sent_back(self, refund_ref: str, payment_id: str, amount: str, kind: str = "refund") -> None:
        row = {"refund_ref": refund_ref, "payment_id": payment_id, "kind": kind, "amount": Decimal(amount), "created_at": self.moment.at}
        self.insert("payment_refunds", "refund_ref", row)

    def retained(self, count: int, *, period: str, company_id: str = ACME, label: str = "s") -> None:
        self.database.execute(
            """
            INSERT INTO econsent.retention_usage_items (company_id, session_id, period, retained_at)
            SELECT %s, %s || n, %s::date, %s::date::timestamp AT TIME ZONE 'UTC' + n * interval '1 minute' FROM generate_series(1, %s) AS n
            """,
            [company_id, f"{label}-{period}-", period, period, count],
        )

    def insert(self, table: str, returning: str, row: Mapping[str, Any]) -> Any:
        names, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
        return self.one(f"INSERT INTO econsent.{table} ({names}) VALUES ({places}) RETURNING {returning}", row)

    def one(self, query: str, parameters: Any = None) -> Any:
        found = self.database.execute(query, parameters).fetchone()
        assert found is not None
        return found[0]

    def rows(self, query: str, parameters: Any = None) -> Rows:
        return self.database.execute(query, parameters).fetchall()

    def entries(self, company_id: str = ACME) -> Rows:
        return self.rows(
            "SELECT entry_no, entry_type, amount, balance_after, idempotency_key FROM econsent.wallet_ledger"
            " WHERE company_id = %s ORDER BY entry_no",
            [company_id],
        )

    def amounts(self, company_id: str = ACME) -> list[str]:
        return [f"{row[1]} {row[2]}" for row in self.entries(company_id)]

    def balance(self, company_id: str = ACME) -> str:
        return str(self.one("SELECT balance FROM econsent.wallets WHERE company_id = %s", [company_id]))

    def set_wallet(self, company_id: str = ACME, **columns: Any) -> None:
        assignments = ", ".join(f"{name} = %({name})s" for name in columns)
        self.database.execute(
            f"UPDATE econsent.wallets SET {assignments} WHERE company_id = %(company_id)s", columns | {"company_id": company_id}
        )

    def mails(self) -> Rows:
        return self.rows("SELECT recipients, subject FROM econsent.mail_outbox ORDER BY created_at, message_id")

    def audited(self) -> list[str]:
        return [row[0] for row in self.rows("SELECT action FROM econsent.audit_log ORDER BY audit_id")]

    def results(self, company_id: str = ACME) -> Rows:
        return self.rows(
            "SELECT result, drift, error FROM econsent.wallet_reconciliations WHERE company_id = %s ORDER BY reconciliation_id",
            [company_id],
        )

    def findings(self, company_id: str = ACME) -> Rows:
        return self.rows(
            "SELECT kind, amount, sentence FROM econsent.wallet_findings WHERE company_id = %s ORDER BY reconciliation_id, finding_no",
            [company_id],
        )

    def is_whole(self) -> bool:
        """Balances are the sums of their entries, numbers have no gap, running balances follow, and so do the hashes."""
        return self.rows(BROKEN) == []


BROKEN = """
WITH linked AS (
    SELECT
        entry.*,
        lag(entry_hash, 1, repeat('0', 64)) OVER in_order AS hash_before,
        lag(balance_after, 1, 0::numeric) OVER in_order + amount AS running,
        row_number() OVER in_order AS number
    FROM econsent.wallet_ledger AS entry
    WINDOW in_order AS (PARTITION BY company_id ORDER BY entry_no)
)
SELECT company_id, entry_no::text FROM linked
WHERE
    entry_no <> number OR balance_after <> running OR prev_hash <> hash_before
    OR entry_hash <> encode(sha256(convert_to(concat_ws(
        chr(31), prev_hash, request_sha256, entry_no, ledger_id, balance_after, to_char(period, 'YYYY-MM-DD'), coalesce(memo, ''),
        created_by,
        coalesce(run_id, ''), to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    ), 'UTF8')), 'hex')
    OR request_sha256 <> encode(sha256(convert_to(concat_ws(
        chr(31), company_id, entry_type, amount, coalesce(sku, ''), coalesce(quantity::text, ''), coalesce(unit_price::text, ''),
        coalesce(usage_id::text, ''), coalesce(payment_id, ''), coalesce(reverses_ledger_id::text, ''), idempotency_key,
        to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    ), 'UTF8')), 'hex')
UNION ALL
SELECT wallet.company_id, 'balance' FROM econsent.wallets AS wallet
LEFT JOIN (SELECT company_id, sum(amount) AS amount FROM econsent.wallet_ledger GROUP BY company_id) AS added USING (company_id)
WHERE wallet.balance <> coalesce(added.amount, 0)
"""


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
def world(database: psycopg.Connection[Any], moment: Moment) -> World:
    database.execute("SET TIME ZONE 'UTC'")
    return World(database, moment)


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    """The sandbox payment server, fresh."""
    server = serve(port=0, state=tmp_path / "charges.sqlite", token=TOKEN)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Bank(f"http://127.0.0.1:{server.server_address[1]}")
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def make_tools(stack: Stack, database: psycopg.Connection[Any], bank: Bank, moment: Moment) -> Iterator[Callable[..., Tools]]:
    """Make one worker's tools, each with a connection of its own under the job's own role."""
    with ExitStack() as opened:

        def make(**changes: Any) -> Tools:
            url = stack.postgres_url(database.info.dbname, user="econsent_wallet_reconciliation")
            own = opened.enter_context(psycopg.connect(url, autocommit=True))
            provider = SandboxProvider(url=bank.url, token=TOKEN, timeout_seconds=1)
            tools = real_tools(database=own, provider=provider, settings=Settings(run_id="test"), moment=moment)
            return replace(tools, **changes)

        yield make


@pytest.fixture
def run(make_tools: Callable[..., Tools], moment: Moment) -> Callable[..., JobResult]:
    """Run the job once, a second later than before."""

    def run_once(*, limits: Limits = LIMITS, **changes: Any) -> JobResult:
        moment.forward(seconds=1)
        return reconcile_wallets(tools=make_tools(**changes), limits=limits)

    return run_once
