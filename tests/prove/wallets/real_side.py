"""Histories on the real PostgreSQL and the sandbox provider, under the job's own role, each with two wallets and prices of its own."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import httpx
import psycopg

from econsent_jobs.core.clock import SystemClock
from econsent_jobs.io.payments_sandbox import SandboxProvider
from econsent_jobs.wallet_reconciliation.model import Settings
from econsent_jobs.wallet_reconciliation.store import PostgresStore
from econsent_jobs.wallet_reconciliation.tools import Tools
from tests.prove.harness.steps import SteppedStore, Worker
from tests.prove.wallets.histories import QUOTA, SKUS, End, Line, Paid, Used, line_faults, settings_of
from tests.prove.wallets.model import after, month_of
from tests.prove.wallets.steps import UNSTEPPED, SteppedProvider
from tests.prove.wallets.world import TOKEN, World

LINES: Final = """
SELECT entry_no, entry_type, amount, balance_after, idempotency_key AS key, usage_id, period, occurred_at
FROM econsent.wallet_ledger WHERE company_id = %(company)s ORDER BY entry_no
"""
WAITING: Final = """
SELECT
  (SELECT count(*) FROM econsent.usage_events WHERE company_id = ANY(%(companies)s)
    AND (status = 'unposted' OR (status = 'voided' AND ledger_id IS NOT NULL)))
  + (SELECT count(*) FROM econsent.payments WHERE company_id = ANY(%(companies)s)
    AND (status = 'pending' OR (status <> 'failed' AND ledger_id IS NULL)))
  + (SELECT count(*) FROM econsent.payment_refunds AS r JOIN econsent.payments AS p USING (payment_id)
    WHERE p.company_id = ANY(%(companies)s) AND r.ledger_id IS NULL) AS n
"""
CLOSE: Final = """
INSERT INTO econsent.wallet_periods (company_id, period, closed_at, closed_by, opening_balance, closing_balance, last_entry_no)
SELECT %(company)s, %(month)s, %(at)s, 'person@example.com',
  coalesce(sum(amount) FILTER (WHERE period < %(month)s), 0), coalesce(sum(amount) FILTER (WHERE period <= %(month)s), 0),
  coalesce(max(entry_no), 0)
FROM econsent.wallet_ledger WHERE company_id = %(company)s
"""
REPRICE: Final = "UPDATE econsent.price_book SET effective_to = %(at)s WHERE sku = %(sku)s AND effective_to IS NULL"


class RealSide:
    """One history. Names of companies, skus and payments get its number, so that histories share a database. A context manager."""

    def __init__(self, world: World, *, number: int) -> None:
        self._world, self._number = world, number
        self._opened = ExitStack()
        self._companies = {company: f"h{number}-{company}" for company in "ab"}
        world.rest(all_of_them=True)
        self._first_month = month_of(world.moment.forward(timedelta(hours=1)))
        self._closed: dict[str, Any] = {}
        for company, name in self._companies.items():
            world.company(name, quota=QUOTA, **settings_of(company))
        for sku, price in SKUS.items():
            world.insert("price_book", sku=self._sku(sku), unit_price=price, effective_from=datetime(2020, 1, 1, tzinfo=self.now().tzinfo))

    def __enter__(self) -> "RealSide":
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _named(self, name: str) -> str:
        return f"h{self._number}-{name}"

    def _sku(self, sku: str) -> str:
        return sku if sku == "session_retention" else self._named(sku)

    def now(self) -> datetime:
        return self._world.moment.at

    def advance(self, seconds: float) -> None:
        self._world.moment.forward(timedelta(seconds=seconds))

    def use(self, company: str, request_id: str, sku: str, *, quantity: int, at: datetime, session_id: str | None = None) -> int:
        row = {"company_id": self._companies[company], "sku": self._sku(sku), "quantity": quantity, "request_id": request_id}
        return self._world.insert("usage_events", **row, occurred_at=at, session_id=session_id)["usage_id"]

    def void(self, usage_id: int) -> None:
        self._world.database.execute(
            "UPDATE econsent.usage_events SET status = 'voided' WHERE usage_id = %s AND status IN ('unposted', 'posted')", [usage_id]
        )

    def pay(self, company: str, payment_id: str, amount: Decimal, *, at: datetime) -> None:
        name = self._named(payment_id)
        row = {"payment_id": name, "company_id": self._companies[company], "kind": "recharge", "idempotency_key": name, "amount": amount}
        self._world.insert("payments", **row, status="succeeded", created_at=at, settled_at=at)

    def refund(self, payment_id: str, reference: str, kind: str, amount: Decimal, *, at: datetime) -> None:
        names = {"refund_ref": self._named(reference), "payment_id": self._named(payment_id)}
        self._world.insert("payment_refunds", **names, kind=kind, amount=amount, created_at=at)

    def retain(self, company: str, session_id: str, *, at: datetime) -> None:
        row = {"company_id": self._companies[company], "session_id": session_id, "period": month_of(at), "retained_at": at}
        self._world.insert("retention_usage_items", **row)

    def set_price(self, sku: str, price: Decimal, *, at: datetime) -> None:
        self._world.database.execute(REPRICE, {"at": at, "sku": self._sku(sku)})
        self._world.insert("price_book", sku=self._sku(sku), unit_price=price, effective_from=at)

    def close_month(self, company: str) -> None:
        """Close the month after the last closed one, if it is over. No usage of a history is older than that."""
        month = after(self._closed[company]) if company in self._closed else self._first_month
        if month < month_of(self.now()):
            self._closed[company] = month
            self._world.database.execute(CLOSE, {"company": self._companies[company], "month": month, "at": self.now()})

    def drift(self, company: str, amount: Decimal) -> None:
        self._world.database.execute(
            "UPDATE econsent.wallets SET balance = balance + %s WHERE company_id = %s", [amount, self._companies[company]]
        )

    def misbehave(self, word: str) -> None:
        with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            client.post(f"{self._world.direct.provider}/v1/faults", json={"plan": [word]}).raise_for_status()

    def tools(self, settings: Settings, *, worker: Worker | None, late: list[Callable[[], None]]) -> Tools:
        connection = self._opened.enter_context(psycopg.connect(self._world.direct.database, autocommit=True))
        store = PostgresStore(connection, moment=self.now)
        provider = SandboxProvider(url=self._world.direct.provider, token=TOKEN)
        return Tools(
            store=store if worker is None else SteppedStore(store, worker, depth=6, unstepped=UNSTEPPED),
            provider=provider if worker is None else SteppedProvider(provider, worker, late),
            settings=settings,
            clock=SystemClock(),
        )

    def waiting(self) -> int:
        return self._world.one(WAITING, companies=list(self._companies.values()))["n"]

    def faults(self) -> list[str]:
        return [fault for company in "ab" for fault in line_faults(self._lines(company))]

    def _lines(self, company: str) -> list[Line]:
        return [Line(**self._plain(row)) for row in self._world.rows(LINES, company=self._companies[company])]

    def _plain(self, row: dict[str, Any]) -> dict[str, Any]:
        """Keys as the driver named them: without the history's number."""
        return {**row, "key": row["key"].replace(f"payment:h{self._number}-", "payment:")}

    def end(self, company: str) -> End:
        name = self._companies[company]
        usage = self._world.rows("SELECT usage_id, request_id, status FROM econsent.usage_events WHERE company_id = %(name)s", name=name)
        payments = self._world.rows(
            "SELECT payment_id, kind, amount, status, created_at FROM econsent.payments WHERE company_id = %(name)s", name=name
        )
        charged: dict[str, int] = {}
        for charge in self._world.bank.charges(f"auto:{name}:"):
            if charge["status"] == "succeeded":
                charged[charge["payment_id"]] = charged.get(charge["payment_id"], 0) + 1
        return End(
            balance=self._world.one("SELECT balance FROM econsent.wallets WHERE company_id = %(name)s", name=name)["balance"],
            lines=self._lines(company),
            usage=[Used(**row) for row in usage],
            payments=[Paid(**row) for row in payments],
            charged=charged,
        )
