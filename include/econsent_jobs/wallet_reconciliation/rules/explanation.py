"""How a balance came to be, and what a run would do, in lines for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby

from econsent_jobs.core.dated_lines import clock_text
from econsent_jobs.core.text import counted
from econsent_jobs.wallet_reconciliation.model import Entry
from econsent_jobs.wallet_reconciliation.rules.statement import late_from, what_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthSum:
    """What one kind of entry added up to in one month."""

    period: date
    entry_type: str
    entries: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would find of one company. ``amount`` is what its usage costs; ``drift`` is cached balance minus ledger."""

    company_id: str
    balance: Decimal
    drift: Decimal
    charges: int
    amount: Decimal
    without_price: int
    reversals: int
    payments: int
    open_payments: int
    refunds: int
    overage_units: int


def explain_balance(company_id: str, sums: Sequence[MonthSum], last: Sequence[Entry], *, at: datetime) -> list[str]:
    """Add the balance up month by month; then the newest entries. ``last`` comes newest first."""
    total = sum((each.amount for each in sums), Decimal(0))
    lines = [f"{company_id} at {clock_text(at)}: {total:.4f} USD, {counted(sum(each.entries for each in sums), 'entry', 'entries')}"]
    running = Decimal(0)
    for period, group in groupby(sums, key=lambda each: each.period):
        kinds = list(group)
        running += sum((each.amount for each in kinds), Decimal(0))
        parts = "  ".join(f"{each.entry_type} {each.amount:+.4f} ({each.entries})" for each in kinds)
        lines.append(f"  {period:%Y-%m}  {parts}  = {running:.4f}")
    if last:
        lines.append("The newest entries:")
    for entry in reversed(last):
        late = f", of {late_from(entry)}" if late_from(entry) else ""
        lines.append(
            f"  #{entry.entry_no}  {clock_text(entry.created_at)}  {entry.amount:+.4f}  = {entry.balance_after:.4f}  "
            f"{what_of(entry)}{late}  [{entry.idempotency_key}]"
        )
    return lines


def explain_plan(plan: Plan) -> str:
    """Say in one line what a run would do with one company."""
    parts = [
        f"{counted(plan.charges, 'charge')} of {plan.amount:.4f}" if plan.charges else "",
        f"{counted(plan.without_price, 'usage row')} without a price to set aside" if plan.without_price else "",
        counted(plan.reversals, "reversal") if plan.reversals else "",
        counted(plan.payments, "payment") if plan.payments else "",
        counted(plan.refunds, "refund or dispute", "refunds or disputes") if plan.refunds else "",
        f"{counted(plan.open_payments, 'open payment')} to ask about" if plan.open_payments else "",
        f"{counted(plan.overage_units, 'retention')} above the quota" if plan.overage_units else "",
        f"a drift of {plan.drift:+.4f} to explain and repair" if plan.drift else "",
    ]
    return f"{plan.company_id}: {', '.join(part for part in parts if part) or 'nothing to do'}"
