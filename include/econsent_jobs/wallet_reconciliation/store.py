"""Where wallets, usage, payments and the ledger are kept: one method per statement, rows in, dataclasses out, no decisions."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.statements import statement
from econsent_jobs.io.database import Connection, database_errors
from econsent_jobs.wallet_reconciliation.model import (
    AuditEntry,
    Backlog,
    Entry,
    Lease,
    Mail,
    OpenMonth,
    Payment,
    Reconciliation,
    Refund,
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
from econsent_jobs.wallet_reconciliation.rules.money import period_of

PACKAGE: Final = "econsent_jobs.wallet_reconciliation"
SCHEDULER: Final = "system:scheduler"
MOST_ROWS: Final = 1_000
"""The most rows that one look at findings, payments, months or explanations takes in."""


class Store(Protocol):
    """Every method that depends on time is given the moment, which ``now`` says."""

    def transaction(self) -> AbstractContextManager[object]:
        """Everything inside is kept together or not at all."""
        ...

    def is_broken(self) -> bool:
        """Whether the connection is gone, so that nothing more can be done with it."""
        ...

    def now(self) -> datetime:
        """Return the moment by the database's clock."""
        ...

    def claim(self, *, due_before: datetime, moment: datetime, lease_seconds: float) -> Lease | None:
        """Lease the first wallet that has had no turn since ``due_before``; None when there is none."""
        ...

    def renew(self, lease: Lease, *, moment: datetime, lease_seconds: float) -> bool:
        """Hold the wallet for another ``lease_seconds``, and say whether it is still ours."""
        ...

    def load_wallet(self, company_id: str) -> Wallet:
        """Read a wallet without a lock."""
        ...

    def lock_wallet(self, company_id: str) -> Wallet:
        """Lock a wallet until the transaction ends, and read it."""
        ...

    def post_usage(self, company_id: str, *, occurred_until: datetime, limit: int, run_id: str | None) -> Slice:
        """Charge up to ``limit`` rows of usage, and set aside those that cannot be charged."""
        ...

    def find_duplicates(self, company_id: str, *, after_entry_no: int) -> list[int]:
        """Find charged usage whose request was charged before."""
        ...

    def reverse_usage(self, company_id: str, *, duplicate_ids: Sequence[int], limit: int, run_id: str | None) -> Slice:
        """Reverse up to ``limit`` charges of voided and of duplicate usage."""
        ...

    def post_payments(self, company_id: str, *, limit: int, run_id: str | None) -> int:
        """Post up to ``limit`` settled payments, and say how many."""
        ...

    def post_refunds(self, company_id: str, *, limit: int, run_id: str | None) -> int:
        """Post up to ``limit`` refunds and disputes, and say how many."""
        ...

    def post_requests(self, company_id: str, requests: Sequence[Request], *, created_by: str, run_id: str | None) -> None:
        """Post entries in their order."""
        ...

    def list_open_months(self, company_id: str, *, moment: datetime) -> list[OpenMonth]:
        """List months that have unbilled units, and fix the quotas of all."""
        ...

    def load_units(self, company_id: str, month: OpenMonth, *, limit: int) -> list[Units]:
        """Read up to ``limit`` unbilled units with the price lists of their times."""
        ...

    def advance_overage(self, company_id: str, period: date, *, billed_before: int, billed: int) -> bool:
        """Say that units are billed; False where somebody else has moved the mark."""
        ...

    def sum_entries(self, company_id: str) -> Sum:
        """Add up the checkpoint and the entries after it."""
        ...

    def advance_checkpoint(self, company_id: str, total: Sum) -> None:
        """Keep a sum, so that the next one is short."""
        ...

    def load_entries(self, wallet: Wallet, *, drift: Decimal) -> list[Entry]:
        """Read the entries that can explain a drift."""
        ...

    def load_unposted(self, company_id: str) -> list[Unposted]:
        """Read usage that is not in the ledger yet, at its price."""
        ...

    def load_strangers(self, company_id: str, *, drift: Decimal, moment: datetime) -> list[Stranger]:
        """Read entries of other wallets that can explain a drift."""
        ...

    def find_oddities(self, company_id: str, *, after_entry_no: int, late_before: datetime) -> list[Entry]:
        """Read entries that came late, lie in another month than their own, or cost another amount than was quoted."""
        ...

    def close_turn(self, company_id: str, *, total: Sum, needs_review: bool, crossing_no: int | None, notified_no: int | None,
                   notifies: bool, moment: datetime) -> None:  # fmt: skip
        """Set the balance to what the entries say, move the checkpoint, and give the lease back."""
        ...

    def fail_turn(self, lease: Lease, *, moment: datetime) -> Decimal | None:
        """End a turn that failed; returns the cached balance, None where the wallet is another worker's by now."""
        ...

    def record(self, done: Reconciliation, *, run_id: str | None, moment: datetime) -> None:
        """Write down what a turn found and did."""
        ...

    def list_pending(self, company_id: str, *, asked_from: datetime, moment: datetime) -> list[Payment]:
        """List open payments to ask the provider about."""
        ...

    def lease_payment(self, payment_id: str, *, token: UUID, moment: datetime, lease_seconds: float) -> int | None:
        """Take an open payment in hand and return how often it was before; None where another worker has it, or it is settled."""
        ...

    def settle_payment(self, payment_id: str, *, succeeded: bool, provider_ref: str | None, error: str | None, moment: datetime) -> bool:
        """Write down the provider's answer; False where that was done before."""
        ...

    def note_payment(self, payment_id: str, *, token: UUID, error: str) -> None:
        """Write down why a payment is still open, and let it go."""
        ...

    def insert_refunds(self, payment_id: str, refunds: Sequence[Refund]) -> None:
        """Write down what the provider says went back."""
        ...

    def count_recharges(self, company_id: str, *, since: datetime) -> Recharges:
        """Count a company's automatic recharges."""
        ...

    def insert_recharge(self, company_id: str, payment_id: str, *, amount: Decimal, moment: datetime) -> None:
        """Write down the decision to recharge."""
        ...

    def count_failures(self, company_id: str, *, failed: bool, most: int) -> tuple[bool, int]:
        """Count failures in a row; returns whether auto-recharge is still on, and how many they are."""
        ...

    def audit(self, company_id: str, entry: AuditEntry, *, moment: datetime) -> None:
        """Write one audit entry for one cause."""
        ...

    def write_mail(self, company_id: str, mail: Mail) -> None:
        """Put one mail for one cause into the outbox."""
        ...

    def backlog(self, *, due_before: datetime, moment: datetime) -> Backlog:
        """Count what a further run would find."""
        ...


class PostgresStore:
    """The store of record. Needs a connection in autocommit mode, so that ``transaction`` alone says what belongs together.

    ``moment`` replaces the database's clock, for whoever has to move it. Every method raises TransientError (db_connectivity),
    PermanentError (config), or BadItem (data) for what PostgreSQL refuses.
    """

    def __init__(self, database: Connection, *, moment: Callable[[], datetime] | None = None) -> None:
        self._database = database
        self._moment = moment

    @contextmanager
    def transaction(self) -> Generator[None]:
        with database_errors(), self._database.transaction():
            yield

    def is_broken(self) -> bool:
        return self._database.closed

    def now(self) -> datetime:
        return self._moment() if self._moment is not None else self._row("read_clock")["moment"]

    def claim(self, *, due_before: datetime, moment: datetime, lease_seconds: float) -> Lease | None:
        token = uuid4()
        parameters = {"due_before": due_before, "moment": moment, "lease_seconds": lease_seconds, "lease_token": token, "batch_size": 1}
        return next((Lease(token=token, **row) for row in self._rows("claim_wallet", **parameters)), None)

    def renew(self, lease: Lease, *, moment: datetime, lease_seconds: float) -> bool:
        fence = {"company_id": lease.company_id, "lease_token": lease.token}
        return bool(self._rows("renew_lease", **fence, moment=moment, lease_seconds=lease_seconds))

    def load_wallet(self, company_id: str) -> Wallet:
        return Wallet(**self._row("load_wallet", company_id=company_id))

    def lock_wallet(self, company_id: str) -> Wallet:
        return Wallet(**self._row("lock_wallet", company_id=company_id))

    def post_usage(self, company_id: str, *, occurred_until: datetime, limit: int, run_id: str | None) -> Slice:
        return Slice(**self._row("post_usage", company_id=company_id, occurred_until=occurred_until, batch_size=limit, run_id=run_id))

    def find_duplicates(self, company_id: str, *, after_entry_no: int) -> list[int]:
        rows = self._rows("find_duplicates", company_id=company_id, after_entry_no=after_entry_no, most=MOST_ROWS)
        return [row["usage_id"] for row in rows]

    def reverse_usage(self, company_id: str, *, duplicate_ids: Sequence[int], limit: int, run_id: str | None) -> Slice:
        parameters = {"duplicate_ids": list(duplicate_ids), "batch_size": limit, "run_id": run_id}
        return Slice(**self._row("reverse_usage", company_id=company_id, **parameters))

    def post_payments(self, company_id: str, *, limit: int, run_id: str | None) -> int:
        return len(self._rows("post_payments", company_id=company_id, batch_size=limit, run_id=run_id))

    def post_refunds(self, company_id: str, *, limit: int, run_id: str | None) -> int:
        return len(self._rows("post_refunds", company_id=company_id, batch_size=limit, run_id=run_id))

    def post_requests(self, company_id: str, requests: Sequence[Request], *, created_by: str, run_id: str | None) -> None:
        columns = {plural: [getattr(request, name) for request in requests] for name, plural in REQUEST_COLUMNS.items()}
        self._rows("post_requests", company_id=company_id, created_by=created_by, run_id=run_id, **columns)

    def list_open_months(self, company_id: str, *, moment: datetime) -> list[OpenMonth]:
        rows = self._rows("list_open_months", company_id=company_id, running_month=period_of(moment), most=MOST_ROWS)
        return [OpenMonth(**row) for row in rows]

    def load_units(self, company_id: str, month: OpenMonth, *, limit: int) -> list[Units]:
        parameters = {"period": month.period, "quota": month.quota, "billed": month.billed, "most": limit}
        return [
            Units(**row, tiers=[Tier(**tier) for tier in self._rows("load_tiers", moment=row["occurred_at"])])
            for row in self._rows("load_units", company_id=company_id, **parameters)
        ]

    def advance_overage(self, company_id: str, period: date, *, billed_before: int, billed: int) -> bool:
        return bool(self._rows("advance_overage", company_id=company_id, period=period, billed_before=billed_before, billed=billed))

    def sum_entries(self, company_id: str) -> Sum:
        return Sum(**without_company(self._row("sum_entries", company_ids=[company_id])))

    def advance_checkpoint(self, company_id: str, total: Sum) -> None:
        self._run("advance_checkpoint", company_id=company_id, entry_no=total.entry_no, expected=total.expected)

    def load_entries(self, wallet: Wallet, *, drift: Decimal) -> list[Entry]:
        looked = {"last_entry_no": wallet.last_entry_no, "balance": wallet.balance, "drift": drift, "most": MOST_ROWS}
        return [Entry(**row) for row in self._rows("load_entries", company_id=wallet.company_id, **looked)]

    def load_unposted(self, company_id: str) -> list[Unposted]:
        return [Unposted(**row) for row in self._rows("load_unposted", company_id=company_id, most=MOST_ROWS)]

    def load_strangers(self, company_id: str, *, drift: Decimal, moment: datetime) -> list[Stranger]:
        return [Stranger(**row) for row in self._rows("load_strangers", company_id=company_id, drift=drift, moment=moment, most=MOST_ROWS)]

    def find_oddities(self, company_id: str, *, after_entry_no: int, late_before: datetime) -> list[Entry]:
        parameters = {"after_entry_no": after_entry_no, "late_before": late_before, "most": MOST_ROWS}
        return [Entry(**row) for row in self._rows("find_oddities", company_id=company_id, **parameters)]

    def close_turn(self, company_id: str, *, total: Sum, needs_review: bool, crossing_no: int | None, notified_no: int | None,
                   notifies: bool, moment: datetime) -> None:  # fmt: skip
        self._run(
            "close_turn",
            company_id=company_id,
            expected=total.expected,
            entry_no=total.entry_no,
            needs_review=needs_review,
            low_balance_entry_no=crossing_no,
            low_balance_notified_no=notified_no,
            notifies=notifies,
            moment=moment,
        )

    def fail_turn(self, lease: Lease, *, moment: datetime) -> Decimal | None:
        rows = self._rows("fail_turn", company_id=lease.company_id, lease_token=lease.token, moment=moment)
        return rows[0]["balance"] if rows else None

    def record(self, done: Reconciliation, *, run_id: str | None, moment: datetime) -> None:
        totals = done.totals
        row = self._row(
            "insert_reconciliation",
            run_id=run_id,
            company_id=done.company_id,
            opening=done.opening,
            expected=done.expected,
            drift=done.drift,
            closing=done.closing,
            charges=totals.charges,
            reversals=totals.reversals,
            recharges=totals.recharges,
            overage=totals.overage,
            result=done.result.value,
            error=done.error,
            snapshot=done.snapshot,
            report=done.report,
            report_sha256=None if done.report is None else sha256_hex(done.report.encode()),
            moment=moment,
        )
        findings = done.findings
        self._run(
            "insert_findings",
            reconciliation_id=row["reconciliation_id"],
            company_id=done.company_id,
            kinds=[finding.kind.value for finding in findings],
            ledger_ids=[finding.ledger_id for finding in findings],
            usage_ids=[finding.usage_id for finding in findings],
            payment_ids=[finding.payment_id for finding in findings],
            amounts=[finding.amount for finding in findings],
            sentences=[finding.sentence for finding in findings],
        )

    def list_pending(self, company_id: str, *, asked_from: datetime, moment: datetime) -> list[Payment]:
        rows = self._rows("list_pending", company_id=company_id, asked_from=asked_from, moment=moment, most=MOST_ROWS)
        return [Payment(**row) for row in rows]

    def lease_payment(self, payment_id: str, *, token: UUID, moment: datetime, lease_seconds: float) -> int | None:
        fence = {"payment_id": payment_id, "lease_token": token}
        leased = self._rows("lease_payment", **fence, moment=moment, lease_seconds=lease_seconds)
        return leased[0]["attempts_before"] if leased else None

    def settle_payment(self, payment_id: str, *, succeeded: bool, provider_ref: str | None, error: str | None, moment: datetime) -> bool:
        status = "succeeded" if succeeded else "failed"
        return bool(
            self._rows("settle_payment", payment_id=payment_id, status=status, provider_ref=provider_ref, last_error=error, moment=moment)
        )

    def note_payment(self, payment_id: str, *, token: UUID, error: str) -> None:
        self._run("note_payment", payment_id=payment_id, lease_token=token, last_error=error)

    def insert_refunds(self, payment_id: str, refunds: Sequence[Refund]) -> None:
        self._run(
            "insert_refunds",
            payment_id=payment_id,
            refund_refs=[refund.reference for refund in refunds],
            kinds=[refund.kind for refund in refunds],
            amounts=[refund.amount for refund in refunds],
            created_ats=[refund.created_at for refund in refunds],
        )

    def count_recharges(self, company_id: str, *, since: datetime) -> Recharges:
        return Recharges(**self._row("count_recharges", company_id=company_id, since=since))

    def insert_recharge(self, company_id: str, payment_id: str, *, amount: Decimal, moment: datetime) -> None:
        self._run("insert_recharge", company_id=company_id, payment_id=payment_id, amount=amount, moment=moment)

    def count_failures(self, company_id: str, *, failed: bool, most: int) -> tuple[bool, int]:
        row = self._row("count_failures", company_id=company_id, failed=failed, most=most)
        return row["auto_recharge_enabled"], row["auto_recharge_failures"]

    def audit(self, company_id: str, entry: AuditEntry, *, moment: datetime) -> None:
        self._run(
            "audit_wallet",
            company_id=company_id,
            action=entry.action,
            user=entry.user,
            details=Jsonb(entry.details),
            dedupe_key=entry.dedupe_key,
            moment=moment,
        )

    def write_mail(self, company_id: str, mail: Mail) -> None:
        self._run("write_mail", company_id=company_id, message_id=mail.message_id, subject=mail.subject, body=mail.body)

    def backlog(self, *, due_before: datetime, moment: datetime) -> Backlog:
        return Backlog(**self._row("count_due", due_before=due_before, moment=moment))

    def _rows(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        with database_errors(), self._database.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement(PACKAGE, name), parameters).fetchall()

    def _row(self, name: str, **parameters: Any) -> dict[str, Any]:
        rows = self._rows(name, **parameters)
        assert len(rows) == 1, f"{name} gives one row, not {len(rows)}"
        return rows[0]

    def _run(self, name: str, **parameters: Any) -> None:
        with database_errors():
            self._database.execute(statement(PACKAGE, name), parameters)


REQUEST_COLUMNS: Final = {name: "quantities" if name == "quantity" else f"{name}s" for name in Request.__dataclass_fields__}


def without_company(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "company_id"}
