"""Histories on the model."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import UUID

from econsent_jobs.io.payments import ProviderPayment, ProviderRefund
from econsent_jobs.wallet_reconciliation.model import Settings
from econsent_jobs.wallet_reconciliation.tools import Tools
from tests.prove.harness.histories import Told
from tests.prove.harness.steps import SteppedStore, Worker
from tests.prove.wallets.histories import QUOTA, RETENTION, SKUS, End, History, Line, Paid, Used, line_faults, settings_of
from tests.prove.wallets.model import (
    START,
    ModelDatabase,
    ModelProvider,
    ModelStore,
    PaymentRow,
    Price,
    UsageRow,
    WalletRow,
    after,
    month_of,
    silent,
)
from tests.prove.wallets.steps import UNSTEPPED, SteppedProvider

CHARGES: Final = frozenset({"usage_charge", "retention_charge"})
FOREVER: Final = START - timedelta(days=1_000)


def history(seed: int) -> Told:
    """One history on the model, all of it drawn from its seed."""
    return History(ModelSide(), Random(seed)).run()


class StillClock:
    """The job's own stopwatch: no time passes within a run."""

    def monotonic(self) -> float:
        return 0.0


class Misbehaving:
    """The provider with a plan of words for its next charges."""

    def __init__(self, provider: ModelProvider) -> None:
        self.provider = provider
        self.plan: list[str] = []

    def charge(self, *, payment_id: str, company_id: str, amount: Decimal) -> ProviderPayment:
        word = self.plan.pop(0) if self.plan else "ok"
        if word == "error":
            raise silent()
        if word == "forget":
            self.provider.keys.clear()
        self.provider.declines = word == "decline"
        return self.provider.charge(payment_id=payment_id, company_id=company_id, amount=amount)

    def find(self, payment_id: str) -> ProviderPayment | None:
        return self.provider.find(payment_id)


class ModelSide:
    def __init__(self) -> None:
        self.database = ModelDatabase()
        self._provider = Misbehaving(ModelProvider())
        self._tokens = 0
        self._looked = 0
        tables = self.database.tables
        for company in "ab":
            tables.wallets[company] = WalletRow(company_id=company, quota=QUOTA, **settings_of(company))
        for sku, price in {**SKUS, "session_retention": RETENTION}.items():
            tables.prices[len(tables.prices)] = Price(sku=sku, unit_price=price, since=FOREVER)

    def now(self) -> datetime:
        return self.database.now

    def advance(self, seconds: float) -> None:
        self.database.now += timedelta(seconds=seconds)

    def use(self, company: str, request_id: str, sku: str, *, quantity: int, at: datetime, session_id: str | None = None) -> int:
        usage_id = len(self.database.tables.usage) + 1
        self.database.tables.usage[usage_id] = UsageRow(
            usage_id=usage_id, company_id=company, sku=sku, quantity=quantity, request_id=request_id, occurred_at=at, session_id=session_id
        )
        return usage_id

    def void(self, usage_id: int) -> None:
        if self.database.tables.usage[usage_id].status in {"unposted", "posted"}:
            self.database.use(usage_id, status="voided")

    def pay(self, company: str, payment_id: str, amount: Decimal, *, at: datetime) -> None:
        self.database.tables.payments[payment_id] = PaymentRow(
            payment_id=payment_id, company_id=company, kind="recharge", amount=amount, status="succeeded", created_at=at, settled_at=at
        )

    def refund(self, payment_id: str, reference: str, kind: Any, amount: Decimal, *, at: datetime) -> None:
        self.database.give_back(payment_id, ProviderRefund(reference=reference, kind=kind, amount=amount, created_at=at))

    def retain(self, company: str, session_id: str, *, at: datetime) -> None:
        self.database.tables.retained[company, session_id] = (month_of(at), at)

    def set_price(self, sku: str, price: Decimal, *, at: datetime) -> None:
        prices = self.database.tables.prices
        for number, known in list(prices.items()):
            if known.sku == sku and known.until is None:
                prices[number] = replace(known, until=at)
        prices[len(prices)] = Price(sku=sku, unit_price=price, since=at)

    def close_month(self, company: str) -> None:
        """Close the month after the last closed one, if it is over."""
        closed = self.database.tables.closed
        month = after(closed[company]) if company in closed else month_of(START)
        if month < month_of(self.database.now):
            closed[company] = month

    def drift(self, company: str, amount: Decimal) -> None:
        self.database.wallet(company, balance=self.database.tables.wallets[company].balance + amount)

    def misbehave(self, word: str) -> None:
        self._provider.plan.append(word)

    def store(self) -> ModelStore:
        return ModelStore(self.database, new_token=self._new_token)

    def tools(self, settings: Settings, *, worker: Worker | None, late: list[Callable[[], None]]) -> Tools:
        store, provider = self.store(), self._provider
        return Tools(
            store=store if worker is None else SteppedStore(store, worker, depth=6, unstepped=UNSTEPPED),
            provider=provider if worker is None else SteppedProvider(provider, worker, late),
            settings=settings,
            clock=StillClock(),
        )

    def _new_token(self) -> UUID:
        self._tokens += 1
        return UUID(int=self._tokens)

    def waiting(self) -> int:
        tables = self.database.tables
        used = sum(row.status == "unposted" or (row.status == "voided" and row.ledger_id is not None) for row in tables.usage.values())
        paid = sum(row.status == "pending" or (row.status != "failed" and row.ledger_id is None) for row in tables.payments.values())
        return used + paid + sum(row.ledger_id is None for row in tables.refunds.values())

    def faults(self) -> list[str]:
        """Entries and balances agree, no usage is charged twice, none calls itself charged without its entry."""
        tables = self.database.tables
        if len(tables.ledger) == self._looked:
            return []
        self._looked = len(tables.ledger)
        wrong = [fault for company in "ab" for fault in line_faults(self._lines(company))]
        charges = Counter(row.entry.usage_id for row in tables.ledger.values() if row.entry.entry_type in CHARGES)
        wrong += [f"usage {usage_id} is charged {count} times" for usage_id, count in charges.items() if count > 1]
        for row in tables.usage.values():
            if (row.ledger_id is not None) != (row.usage_id in charges):
                wrong.append(f"{row} and its charges {charges[row.usage_id]} do not fit")
        return wrong

    def _lines(self, company: str) -> list[Line]:
        return [
            Line(
                entry_no=entry.entry_no,
                entry_type=entry.entry_type,
                amount=entry.amount,
                balance_after=entry.balance_after,
                key=entry.idempotency_key,
                usage_id=entry.usage_id,
                period=entry.period,
                occurred_at=entry.occurred_at,
            )
            for entry in self.database.entries(company)
        ]

    def end(self, company: str) -> End:
        tables = self.database.tables
        charges = self._provider.provider.charges
        return End(
            balance=tables.wallets[company].balance,
            lines=self._lines(company),
            usage=[
                Used(usage_id=row.usage_id, request_id=row.request_id, status=row.status)
                for row in tables.usage.values()
                if row.company_id == company
            ],
            payments=[
                Paid(payment_id=row.payment_id, kind=row.kind, amount=row.amount, status=row.status, created_at=row.created_at)
                for row in tables.payments.values()
                if row.company_id == company
            ],
            charged=Counter(each.payment_id for each in charges if each.company_id == company and each.status == "succeeded"),
        )
