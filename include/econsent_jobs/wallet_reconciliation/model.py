"""What wallet reconciliation reasons about. Money is Decimal US dollars with four places, times are aware UTC, months their first day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID


class Kind(StrEnum):
    """Why a balance, an entry or its cause is not what it should be."""

    MISSING = "missing"
    DUPLICATE = "duplicate"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_COMPANY = "wrong_company"
    LATE = "late"
    OUT_OF_PERIOD = "out_of_period"
    UNEXPLAINED = "unexplained"


class Result(StrEnum):
    CLEAN = "clean"
    REPAIRED = "repaired"
    NEEDS_REVIEW = "needs_review"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The job's policy; what is guessed of the platform stands here, so that it can be changed.

    ``due_before``: wallets reconciled since then are left out; None means since the run's own start. ``run_id`` is written into entries.
    ``usage_age``: younger usage may still be voided by the call that made it. ``pending_age``: an open payment of a person is
    asked for after this.
    ``drift_review``: drift above it needs a person. ``lock_seconds``: how long a slice should hold a wallet's lock, well below 0.2.
    """

    run_id: str | None = None
    due_before: datetime | None = None
    lease_seconds: float = 300
    usage_age: timedelta = timedelta(minutes=5)
    pending_age: timedelta = timedelta(hours=1)
    payment_lease_seconds: float = 120
    late_after: timedelta = timedelta(hours=2)
    drift_review: Decimal = Decimal("1.0000")
    recharges_a_day: int = 3
    failures_in_a_row: int = 3
    lock_seconds: float = 0.08
    smallest_slice: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The wallet in hand. A lease only saves work: everything under it is idempotent, and done under the wallet's lock.

    ``lost_leases``: workers that ended with this wallet in hand.
    """

    token: UUID
    company_id: str
    lost_leases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """One wallet as its lock found it. ``low_balance_entry_no``: the entry that took it down to the threshold, None while above."""

    company_id: str
    balance: Decimal
    low_balance_threshold: Decimal
    low_balance_entry_no: int | None
    low_balance_notified_no: int | None
    auto_recharge_enabled: bool
    auto_recharge_threshold: Decimal | None
    auto_recharge_amount: Decimal | None
    auto_recharge_failures: int
    last_entry_no: int
    checkpoint_entry_no: int
    checkpoint_balance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What a balance has to be up to ``entry_no``; ``balance_after`` is what that entry itself says, None before the first one."""

    expected: Decimal
    entry_no: int
    balance_after: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What one slice did. ``seen`` rows were taken in hand: nothing is left when it is 0."""

    seen: int = 0
    posted: int = 0
    reversed: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """An open payment. ``ours``: a recharge of this job, which may be sent again under its own id; a person's is only asked for."""

    payment_id: str
    company_id: str
    amount: Decimal
    ours: bool
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money that went back, under the provider's own reference. ``kind``: refund or dispute."""

    reference: str
    kind: str
    amount: Decimal
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a payment. ``reference``: the provider's name for it, None where it never got it."""

    reference: str | None
    succeeded: bool
    failure_reason: str | None = None
    refunds: Sequence[Refund] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One entry asked of the ledger."""

    entry_type: str
    amount: Decimal
    idempotency_key: str
    occurred_at: datetime
    sku: str | None = None
    quantity: int | None = None
    unit_price: Decimal | None = None
    usage_id: int | None = None
    payment_id: str | None = None
    reverses_ledger_id: int | None = None
    memo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMonth:
    """A month of retentions: ``retained`` of them against ``quota``; ``billed`` units above it are in the ledger."""

    period: date
    quota: int
    retained: int
    billed: int

    @property
    def unbilled(self) -> int:
        return max(0, self.retained - self.quota) - self.billed


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """From its ``tier_from``-th unit above the quota (counted from 0) on, a retention costs ``unit_price``."""

    tier_from: int
    unit_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """``count`` consecutive units above the quota, from number ``first`` (counted from 0), retained while ``tiers`` held."""

    first: int
    count: int
    occurred_at: datetime
    tiers: Sequence[Tier]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverageCharge:
    """Units ``first`` to ``last`` (counted from 0, both included) at one price."""

    first: int
    last: int
    unit_price: Decimal
    amount: Decimal
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the ledger, as far as explanations need it. ``quoted`` is what the caller of the API was told it costs."""

    ledger_id: int
    entry_no: int
    entry_type: str
    amount: Decimal
    balance_after: Decimal
    idempotency_key: str
    period: date
    occurred_at: datetime
    created_at: datetime
    usage_id: int | None = None
    payment_id: str | None = None
    reverses_ledger_id: int | None = None
    sku: str | None = None
    quantity: int | None = None
    unit_price: Decimal | None = None
    quoted: Decimal | None = None
    memo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """An entry of another wallet whose amount is our drift."""

    company_id: str
    ledger_id: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Unposted:
    """Usage that is not in the ledger, at the price that holds for it."""

    usage_id: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that a report is made of: two reports of one snapshot are the same to the byte."""

    company_id: str
    balance: Decimal
    expected: Decimal
    checkpoint_entry_no: int
    last_entry_no: int
    entries: Sequence[Entry] = ()
    unposted: Sequence[Unposted] = ()
    strangers: Sequence[Stranger] = ()
    duplicates: Sequence[int] = ()

    @property
    def drift(self) -> Decimal:
        return self.balance - self.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be, with the entry, usage or payment that it is about."""

    kind: Kind
    amount: Decimal
    sentence: str
    ledger_id: int | None = None
    usage_id: int | None = None
    payment_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What one company's turn posted."""

    charges: int = 0
    reversals: int = 0
    recharges: int = 0
    overage: Decimal = Decimal(0)
    quarantined: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """The row that a turn leaves."""

    company_id: str
    opening: Decimal
    expected: Decimal
    drift: Decimal
    closing: Decimal
    totals: Totals
    result: Result
    error: str | None = None
    snapshot: str | None = None
    report: str | None = None
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """``dedupe_key`` makes it one of its kind."""

    action: str
    details: dict[str, Any]
    dedupe_key: str
    user: str = "system:scheduler"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """To the owners and admins of the company. ``message_id`` is made of its cause, so that there is one mail for one cause."""

    message_id: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    due: int
    oldest_seconds: int
