"""Wallets, usage, payments and the ledger in memory: what the statements do, as far as the job can see it, without PostgreSQL.

Every table is a dictionary of rows that are never changed in place, so a transaction that ends badly puts the tables back as they were.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from econsent_jobs.core.errors import BadItem, ErrorClass, TransientError
from econsent_jobs.io.payments import ProviderPayment, ProviderRefund
from econsent_jobs.wallet_reconciliation.model import (
    AuditEntry,
    Backlog,
    Entry,
    Lease,
    Mail,
    OpenMonth,
    Payment,
    Reconciliation,
    Request,
    Slice,
    Stranger,
    Sum,
    Tier,
    Units,
    Unposted,
    Wallet,
)
from econsent_jobs.wallet_reconciliation.rules.balance import Recharges

START: Final = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
"""Half an hour before the clocks of Berlin go back, and six days before the month ends."""
TIERS: Final = (Tier(tier_from=0, unit_price=Decimal("0.1200")), Tier(tier_from=2, unit_price=Decimal("0.0640")))


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletRow:
    company_id: str
    balance: Decimal = Decimal(0)
    low_balance_threshold: Decimal = Decimal(10)
    low_balance_entry_no: int | None = None
    low_balance_notified_no: int | None = None
    auto_recharge_enabled: bool = False
    auto_recharge_threshold: Decimal | None = None
    auto_recharge_amount: Decimal | None = None
    auto_recharge_failures: int = 0
    last_entry_no: int = 0
    checkpoint_entry_no: int = 0
    checkpoint_balance: Decimal = Decimal(0)
    last_turn_at: datetime | None = None
    lease_token: UUID | None = None
    leased_until: datetime | None = None
    lost_leases: int = 0
    quota: int = 2

    def shown(self) -> Wallet:
        return Wallet(**{each.name: getattr(self, each.name) for each in fields(Wallet)})


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    usage_id: int
    company_id: str
    sku: str
    quantity: int
    request_id: str
    occurred_at: datetime
    session_id: str | None = None
    status: str = "unposted"
    ledger_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRow:
    payment_id: str
    company_id: str
    kind: str
    amount: Decimal
    status: str
    created_at: datetime
    settled_at: datetime | None = None
    ledger_id: int | None = None
    attempts: int = 0
    lease_token: UUID | None = None
    leased_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow:
    refund: ProviderRefund
    payment_id: str
    ledger_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    company_id: str
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    sku: str
    unit_price: Decimal
    since: datetime
    until: datetime | None = None


@dataclass(slots=True)
class Tables:
    wallets: dict[str, WalletRow] = field(default_factory=dict[str, WalletRow])
    usage: dict[int, UsageRow] = field(default_factory=dict[int, UsageRow])
    payments: dict[str, PaymentRow] = field(default_factory=dict[str, PaymentRow])
    refunds: dict[str, RefundRow] = field(default_factory=dict[str, RefundRow])
    ledger: dict[int, EntryRow] = field(default_factory=dict[int, EntryRow])
    by_key: dict[str, int] = field(default_factory=dict[str, int])
    closed: dict[str, date] = field(default_factory=dict[str, date])
    retained: dict[tuple[str, str], tuple[date, datetime]] = field(default_factory=dict[tuple[str, str], tuple[date, datetime]])
    billed: dict[tuple[str, date], int] = field(default_factory=dict[tuple[str, date], int])
    quotas: dict[tuple[str, date], int] = field(default_factory=dict[tuple[str, date], int])
    prices: dict[int, Price] = field(default_factory=dict[int, Price])
    audit: dict[str, AuditEntry] = field(default_factory=dict[str, AuditEntry])
    mails: dict[str, Mail] = field(default_factory=dict[str, Mail])
    turns: dict[int, Reconciliation] = field(default_factory=dict[int, Reconciliation])

    def copy(self) -> "Tables":
        return Tables(*(dict(getattr(self, each.name)) for each in fields(self)))


@dataclass(slots=True)
class ModelDatabase:
    now: datetime = START
    tables: Tables = field(default_factory=Tables)

    def entries(self, company_id: str) -> list[Entry]:
        """A company's entries in their order, which is that of the ids here."""
        return [row.entry for row in self.tables.ledger.values() if row.company_id == company_id]

    def price_at(self, sku: str, at: datetime) -> Decimal | None:
        found = (price for price in self.tables.prices.values() if price.sku == sku and price.since <= at)
        return next((price.unit_price for price in found if price.until is None or at < price.until), None)

    def wallet(self, company_id: str, **changes: Any) -> None:
        self.tables.wallets[company_id] = replace(self.tables.wallets[company_id], **changes)

    def use(self, usage_id: int, **changes: Any) -> None:
        self.tables.usage[usage_id] = replace(self.tables.usage[usage_id], **changes)

    def pay(self, payment_id: str, **changes: Any) -> None:
        self.tables.payments[payment_id] = replace(self.tables.payments[payment_id], **changes)

    def give_back(self, payment_id: str, refund: ProviderRefund) -> None:
        """What the trigger on refunds does. Raises BadItem for more than came in."""
        payment = self.tables.payments[payment_id]
        back = sum((row.refund.amount for row in self.tables.refunds.values() if row.payment_id == payment_id), refund.amount)
        if payment.status not in {"succeeded", "refunded", "disputed"} or back > payment.amount:
            raise BadItem(ErrorClass.DATA, "more than came in cannot go back")
        self.tables.refunds[refund.reference] = RefundRow(refund=refund, payment_id=payment_id)
        disputed = refund.kind == "dispute" or payment.status == "disputed"
        status = "disputed" if disputed else "refunded" if back == payment.amount else payment.status
        self.pay(payment_id, status=status)

    def post(self, company_id: str, requests: Sequence[Request]) -> dict[str, int]:
        """What post_entries() does: the ids of the entries by key. Raises BadItem for a known key with other content."""
        posted: dict[str, int] = {}
        wallet = self.tables.wallets[company_id]
        mine = self.entries(company_id)
        balance, number = (mine[-1].balance_after, mine[-1].entry_no) if mine else (Decimal(0), 0)
        for request in requests:
            known = self.tables.by_key.get(request.idempotency_key)
            if known is not None:
                row = self.tables.ledger[known]
                if row.company_id != company_id or row.entry.amount != request.amount or row.entry.entry_type != request.entry_type:
                    raise BadItem(ErrorClass.DATA, "the key is in the ledger with other content")
                posted[request.idempotency_key] = known
                continue
            balance, number, ledger_id = balance + request.amount, number + 1, len(self.tables.ledger) + 1
            named = {each.name: getattr(request, each.name) for each in fields(Request)}
            period = month_of(request.occurred_at)
            closed = self.tables.closed.get(company_id)
            self.tables.ledger[ledger_id] = EntryRow(
                company_id=company_id,
                entry=Entry(
                    ledger_id=ledger_id,
                    entry_no=number,
                    balance_after=balance,
                    period=period if closed is None or period > closed else after(closed),
                    created_at=self.now,
                    **named,
                ),
            )
            self.tables.by_key[request.idempotency_key] = ledger_id
            posted[request.idempotency_key] = ledger_id
            low = balance <= wallet.low_balance_threshold
            crossed = wallet.low_balance_entry_no if low and wallet.low_balance_entry_no else number if low else None
            wallet = replace(wallet, balance=wallet.balance + request.amount, last_entry_no=number, low_balance_entry_no=crossed)
        self.tables.wallets[company_id] = wallet
        return posted


def month_of(at: datetime) -> date:
    return date(at.year, at.month, 1)


def after(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


class ModelStore:
    """The job's store over the model, one worker's."""

    def __init__(self, database: ModelDatabase, *, new_token: Any) -> None:
        self._database, self._new_token = database, new_token

    @property
    def _tables(self) -> Tables:
        return self._database.tables

    @contextmanager
    def transaction(self) -> Generator[None]:
        before = self._database.tables.copy()
        try:
            yield
        except BaseException:
            self._database.tables = before
            raise

    def is_broken(self) -> bool:
        return False

    def now(self) -> datetime:
        return self._database.now

    def claim(self, *, due_before: datetime, moment: datetime, lease_seconds: float) -> Lease | None:
        for company_id, row in sorted(self._tables.wallets.items()):
            due = row.last_turn_at is None or row.last_turn_at < due_before
            if due and (row.leased_until is None or row.leased_until <= moment):
                token = self._new_token()
                until = moment + timedelta(seconds=lease_seconds)
                self._database.wallet(company_id, lease_token=token, leased_until=until, lost_leases=row.lost_leases + 1)
                return Lease(token=token, company_id=company_id, lost_leases=row.lost_leases)
        return None

    def renew(self, lease: Lease, *, moment: datetime, lease_seconds: float) -> bool:
        ours = self._tables.wallets[lease.company_id].lease_token == lease.token
        if ours:
            self._database.wallet(lease.company_id, leased_until=moment + timedelta(seconds=lease_seconds))
        return ours

    def load_wallet(self, company_id: str) -> Wallet:
        return self._tables.wallets[company_id].shown()

    lock_wallet = load_wallet

    def post_usage(self, company_id: str, *, occurred_until: datetime, limit: int, run_id: str | None) -> Slice:
        waiting = [row for row in self._tables.usage.values() if row.company_id == company_id and row.status == "unposted"]
        due = sorted((row.occurred_at, row.usage_id) for row in waiting if row.occurred_at <= occurred_until)[:limit]
        seen = [self._tables.usage[usage_id] for _, usage_id in due]
        verdicts = {row.usage_id: self._verdict(row) for row in seen}
        posted = self._database.post(
            company_id,
            [self._charge(row) for row in seen if verdicts[row.usage_id] == "posted" and self._database.price_at(row.sku, row.occurred_at)],
        )
        for row in seen:
            self._database.use(row.usage_id, status=verdicts[row.usage_id], ledger_id=posted.get(f"usage:{row.usage_id}"))
        counts = list(verdicts.values())
        return Slice(
            seen=len(seen),
            posted=counts.count("posted"),
            reversed=counts.count("reversed"),
            quarantined=counts.count("quarantined"),
        )

    def _verdict(self, row: UsageRow) -> str:
        for other in self._tables.usage.values():
            if (other.company_id, other.sku, other.request_id) == (row.company_id, row.sku, row.request_id) and other != row:
                earlier = (other.occurred_at, other.usage_id) < (row.occurred_at, row.usage_id)
                charges = other.status == "unposted" and self._database.price_at(other.sku, other.occurred_at) is not None
                if other.status == "posted" or (charges and earlier):
                    return "reversed"
        return "quarantined" if self._database.price_at(row.sku, row.occurred_at) is None else "posted"

    def _charge(self, row: UsageRow) -> Request:
        price = self._database.price_at(row.sku, row.occurred_at)
        assert price is not None
        return Request(
            entry_type="retention_charge" if row.sku == "session_retention" else "usage_charge",
            amount=-row.quantity * price,
            idempotency_key=f"usage:{row.usage_id}",
            occurred_at=row.occurred_at,
            sku=row.sku,
            quantity=row.quantity,
            unit_price=price,
            usage_id=row.usage_id,
        )

    def find_duplicates(self, company_id: str, *, after_entry_no: int) -> list[int]:
        charged = [row for row in self._tables.usage.values() if row.company_id == company_id and row.status == "posted"]
        return [
            row.usage_id
            for row in charged
            if row.ledger_id is not None
            and self._tables.ledger[row.ledger_id].entry.entry_no > after_entry_no
            and any(
                (other.sku, other.request_id) == (row.sku, row.request_id)
                and (other.occurred_at, other.usage_id) < (row.occurred_at, row.usage_id)
                for other in charged
            )
        ]

    def reverse_usage(self, company_id: str, *, duplicate_ids: Sequence[int], limit: int, run_id: str | None) -> Slice:
        due = [
            row
            for row in self._tables.usage.values()
            if row.company_id == company_id and ((row.status == "voided" and row.ledger_id is not None) or row.usage_id in duplicate_ids)
        ][:limit]
        for row in due:
            if row.ledger_id is None:
                continue
            charge = self._tables.ledger[row.ledger_id].entry
            request = Request(
                entry_type="reversal",
                amount=-charge.amount,
                idempotency_key=f"reversal:{row.ledger_id}",
                occurred_at=charge.occurred_at,
                usage_id=row.usage_id,
                reverses_ledger_id=row.ledger_id,
            )
            self._database.post(company_id, [request])
            self._database.use(row.usage_id, status="reversed")
        return Slice(seen=len(due), reversed=sum(row.ledger_id is not None for row in due))

    def post_payments(self, company_id: str, *, limit: int, run_id: str | None) -> int:
        settled = {"succeeded", "refunded", "disputed"}
        mine = [row for row in self._tables.payments.values() if row.company_id == company_id]
        due = [row for row in mine if row.ledger_id is None and row.status in settled][:limit]
        for row in due:
            key = f"payment:{row.payment_id}"
            at = row.settled_at or row.created_at
            request = Request(entry_type=row.kind, amount=row.amount, idempotency_key=key, occurred_at=at, payment_id=row.payment_id)
            self._database.pay(row.payment_id, ledger_id=self._database.post(company_id, [request])[key])
        return len(due)

    def post_refunds(self, company_id: str, *, limit: int, run_id: str | None) -> int:
        due = [
            row
            for row in self._tables.refunds.values()
            if row.ledger_id is None
            and self._tables.payments[row.payment_id].company_id == company_id
            and self._tables.payments[row.payment_id].ledger_id is not None
        ][:limit]
        for row in due:
            key = f"{row.refund.kind}:{row.refund.reference}"
            request = Request(
                entry_type=row.refund.kind,
                amount=-row.refund.amount,
                idempotency_key=key,
                occurred_at=row.refund.created_at,
                payment_id=row.payment_id,
            )
            self._tables.refunds[row.refund.reference] = replace(row, ledger_id=self._database.post(company_id, [request])[key])
        return len(due)

    def post_requests(self, company_id: str, requests: Sequence[Request], *, created_by: str, run_id: str | None) -> None:
        self._database.post(company_id, requests)

    def list_open_months(self, company_id: str, *, moment: datetime) -> list[OpenMonth]:
        counts: dict[date, int] = {}
        for (company, _), (month, _) in self._tables.retained.items():
            if company == company_id:
                counts[month] = counts.get(month, 0) + 1
        found: list[OpenMonth] = []
        for month, retained in sorted(counts.items()):
            key, quota = (company_id, month), self._tables.wallets[company_id].quota
            kept = self._tables.quotas.get(key)
            if kept is None or (month == month_of(moment) and quota > kept):
                self._tables.quotas[key] = quota
            billed = self._tables.billed.get(key, 0)
            if retained - self._tables.quotas[key] > billed:
                found.append(OpenMonth(period=month, quota=self._tables.quotas[key], retained=retained, billed=billed))
        return found

    def load_units(self, company_id: str, month: OpenMonth, *, limit: int) -> list[Units]:
        times = sorted((at, session) for (company, session), (period, at) in self._tables.retained.items()
                       if company == company_id and period == month.period)  # fmt: skip
        units = times[month.quota + month.billed :][:limit]
        return [Units(first=month.billed, count=len(units), occurred_at=units[0][0], tiers=TIERS)] if units else []

    def advance_overage(self, company_id: str, period: date, *, billed_before: int, billed: int) -> bool:
        if self._tables.billed.get((company_id, period), 0) != billed_before:
            return False
        self._tables.billed[company_id, period] = billed
        return True

    def sum_entries(self, company_id: str) -> Sum:
        wallet, mine = self._tables.wallets[company_id], self._database.entries(company_id)
        later = [entry for entry in mine if entry.entry_no > wallet.checkpoint_entry_no]
        number = later[-1].entry_no if later else wallet.checkpoint_entry_no
        last = next((entry.balance_after for entry in mine if entry.entry_no == number), None)
        expected = wallet.checkpoint_balance + sum((entry.amount for entry in later), Decimal(0))
        return Sum(expected=expected, entry_no=number, balance_after=last)

    def advance_checkpoint(self, company_id: str, total: Sum) -> None:
        if self._tables.wallets[company_id].checkpoint_entry_no <= total.entry_no:
            self._database.wallet(company_id, checkpoint_entry_no=total.entry_no, checkpoint_balance=total.expected)

    def load_entries(self, wallet: Wallet, *, drift: Decimal) -> list[Entry]:
        return self._database.entries(wallet.company_id)[::-1]

    def load_unposted(self, company_id: str) -> list[Unposted]:
        waiting = [row for row in self._tables.usage.values() if row.company_id == company_id and row.status == "unposted"]
        priced = [(row, self._database.price_at(row.sku, row.occurred_at)) for row in waiting]
        return [Unposted(usage_id=row.usage_id, amount=-row.quantity * price) for row, price in priced if price is not None]

    def load_strangers(self, company_id: str, *, drift: Decimal, moment: datetime) -> list[Stranger]:
        return []

    def find_oddities(self, company_id: str, *, after_entry_no: int, late_before: datetime) -> list[Entry]:
        mine = [entry for entry in self._database.entries(company_id) if entry.entry_no > after_entry_no]
        return [entry for entry in mine if entry.occurred_at < late_before or entry.period != month_of(entry.occurred_at)]

    def close_turn(self, company_id: str, *, total: Sum, needs_review: bool, crossing_no: int | None, notified_no: int | None,
                   notifies: bool, moment: datetime) -> None:  # fmt: skip
        self._database.wallet(
            company_id,
            balance=total.expected,
            checkpoint_entry_no=total.entry_no,
            checkpoint_balance=total.expected,
            low_balance_entry_no=crossing_no,
            low_balance_notified_no=notified_no,
            last_turn_at=moment,
            lost_leases=0,
            lease_token=None,
            leased_until=None,
        )

    def fail_turn(self, lease: Lease, *, moment: datetime) -> Decimal | None:
        row = self._tables.wallets[lease.company_id]
        if row.lease_token != lease.token:
            return None
        self._database.wallet(lease.company_id, last_turn_at=moment, lost_leases=0, lease_token=None, leased_until=None)
        return row.balance

    def record(self, done: Reconciliation, *, run_id: str | None, moment: datetime) -> None:
        self._tables.turns[len(self._tables.turns) + 1] = done

    def list_pending(self, company_id: str, *, asked_from: datetime, moment: datetime) -> list[Payment]:
        return [
            Payment(
                payment_id=row.payment_id,
                company_id=company_id,
                amount=row.amount,
                ours=row.kind == "auto_recharge",
                attempts=row.attempts,
                created_at=row.created_at,
            )
            for row in self._tables.payments.values()
            if row.company_id == company_id
            and row.status == "pending"
            and (row.kind == "auto_recharge" or row.created_at <= asked_from)
            and (row.leased_until is None or row.leased_until <= moment)
        ]

    def lease_payment(self, payment_id: str, *, token: UUID, moment: datetime, lease_seconds: float) -> int | None:
        row = self._tables.payments[payment_id]
        if row.status != "pending" or (row.leased_until is not None and row.leased_until > moment):
            return None
        before = row.attempts
        self._database.pay(payment_id, lease_token=token, leased_until=moment + timedelta(seconds=lease_seconds), attempts=before + 1)
        return before

    def settle_payment(self, payment_id: str, *, succeeded: bool, provider_ref: str, error: str | None, moment: datetime) -> bool:
        if self._tables.payments[payment_id].status != "pending":
            return False
        status = "succeeded" if succeeded else "failed"
        self._database.pay(payment_id, status=status, settled_at=moment, lease_token=None, leased_until=None)
        return True

    def note_payment(self, payment_id: str, *, token: UUID, error: str) -> None:
        if self._tables.payments[payment_id].lease_token == token:
            self._database.pay(payment_id, lease_token=None, leased_until=None)

    def insert_refunds(self, payment_id: str, refunds: Sequence[ProviderRefund]) -> None:
        for refund in refunds:
            if refund.reference not in self._tables.refunds:
                self._database.give_back(payment_id, refund)

    def count_recharges(self, company_id: str, *, since: datetime) -> Recharges:
        mine = [row for row in self._tables.payments.values() if row.company_id == company_id and row.kind == "auto_recharge"]
        return Recharges(
            ever=len(mine),
            lately=sum(row.created_at > since for row in mine),
            pending=sum(row.status == "pending" for row in mine),
        )

    def insert_recharge(self, company_id: str, payment_id: str, *, amount: Decimal, moment: datetime) -> None:
        if payment_id in self._tables.payments:
            raise BadItem(ErrorClass.DATA, "the payment is there already")
        row = PaymentRow(
            payment_id=payment_id, company_id=company_id, kind="auto_recharge", amount=amount, status="pending", created_at=moment
        )
        self._tables.payments[payment_id] = row

    def count_failures(self, company_id: str, *, failed: bool, most: int) -> tuple[bool, int]:
        row = self._tables.wallets[company_id]
        failures = row.auto_recharge_failures + 1 if failed else 0
        still_on = row.auto_recharge_enabled and not (failed and failures >= most)
        self._database.wallet(company_id, auto_recharge_failures=failures, auto_recharge_enabled=still_on)
        return still_on, failures

    def audit(self, company_id: str, entry: AuditEntry, *, moment: datetime) -> None:
        self._tables.audit.setdefault(entry.dedupe_key, entry)

    def write_mail(self, company_id: str, mail: Mail) -> None:
        self._tables.mails.setdefault(mail.message_id, mail)

    def backlog(self, *, due_before: datetime, moment: datetime) -> Backlog:
        due = [row for row in self._tables.wallets.values() if row.last_turn_at is None or row.last_turn_at < due_before]
        return Backlog(due=len(due), oldest_seconds=0)


@dataclass(slots=True)
class ModelProvider:
    """A provider that charges once for one key, as long as it remembers it, and always knows what it charged."""

    charges: list[ProviderPayment] = field(default_factory=list[ProviderPayment])
    keys: dict[str, int] = field(default_factory=dict[str, int])
    declines: bool = False

    def charge(self, *, payment_id: str, company_id: str, amount: Decimal) -> ProviderPayment:
        if payment_id not in self.keys:
            self.keys[payment_id] = len(self.charges)
            self.charges.append(
                ProviderPayment(
                    reference=f"ch_{len(self.charges)}",
                    payment_id=payment_id,
                    company_id=company_id,
                    amount=amount,
                    currency="USD",
                    status="failed" if self.declines else "succeeded",
                    failure_reason="declined" if self.declines else None,
                )
            )
        return self.charges[self.keys[payment_id]]

    def find(self, payment_id: str) -> ProviderPayment | None:
        return next((charge for charge in self.charges if charge.payment_id == payment_id), None)


def silent() -> TransientError:
    return TransientError(ErrorClass.HTTP_DELIVERY, "a fault of the proof")
