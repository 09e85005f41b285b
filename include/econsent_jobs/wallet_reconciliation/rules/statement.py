"""A company's statement of one month, as CSV and as a page. Its lines are entries of the ledger, and they add up to it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from html import escape
from typing import Final

from econsent_jobs.core.text import counted
from econsent_jobs.wallet_reconciliation.model import Entry
from econsent_jobs.wallet_reconciliation.rules.money import next_month, period_of

COLUMNS: Final = ("entry_no", "posted_at", "occurred_at", "kind", "what", "quantity", "unit_price", "amount", "balance", "late_from", "key")
WORDS: Final = {
    "recharge": "Payment",
    "auto_recharge": "Automatic recharge",
    "usage_charge": "Usage",
    "retention_charge": "Session retention",
    "overage_charge": "Retentions above the quota",
    "refund": "Refund to your card",
    "dispute": "Disputed payment",
    "reversal": "Reversal",
    "adjustment": "Adjustment",
}
STYLE: Final = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
td.money, th.money { text-align: right; font-variant-numeric: tabular-nums; }
tr.sum td { font-weight: 600; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """``opening`` is the sum of all earlier months; ``is_closed``: no line will be added any more."""

    company_id: str
    period: date
    opening: Decimal
    is_closed: bool
    entries: Sequence[Entry]

    @property
    def closing(self) -> Decimal:
        return self.opening + sum((entry.amount for entry in self.entries), Decimal(0))


def why_not_closed(period: date, *, today: date, closed_until: date | None, unposted: int) -> str | None:
    """Say why a month cannot be closed; None when it can."""
    if closed_until is not None and period <= closed_until:
        return f"{period:%Y-%m} is closed already, with all months to {closed_until:%Y-%m}."
    if today < next_month(period):
        return f"{period:%Y-%m} is not over: it can be closed from {next_month(period)} on."
    if unposted:
        return f"Not in the ledger yet: {counted(unposted, 'usage row')} to the end of {period:%Y-%m}. Let wallet_reconciliation run first."
    return None


def as_csv(statement: Statement) -> str:
    """Return the statement as RFC 4180 text: a line for each entry, framed by opening and closing balance."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerow(["", "", "", "opening", "", "", "", "", f"{statement.opening:.4f}", "", ""])
    running = statement.opening
    for entry in statement.entries:
        running += entry.amount
        writer.writerow(
            [
                entry.entry_no,
                f"{entry.created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                f"{entry.occurred_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                entry.entry_type,
                safe_cell(what_of(entry)),
                "" if entry.quantity is None else entry.quantity,
                "" if entry.unit_price is None else f"{entry.unit_price:.4f}",
                f"{entry.amount:.4f}",
                f"{running:.4f}",
                late_from(entry),
                safe_cell(entry.idempotency_key),
            ]
        )
    writer.writerow(["", "", "", "closing", "", "", "", "", f"{statement.closing:.4f}", "", ""])
    return text.getvalue()


def as_page(statement: Statement) -> str:
    """Return the statement as one HTML page without scripts."""
    title = f"Statement {statement.period:%B %Y}"
    state = "closed" if statement.is_closed else "open: further entries may come"
    rows = [row("", "Opening balance", "", statement.opening, kind="sum")]
    running = statement.opening
    for entry in statement.entries:
        running += entry.amount
        late = f" (of {late_from(entry)})" if late_from(entry) else ""
        rows.append(row(f"{entry.occurred_at.astimezone(UTC):%Y-%m-%d %H:%M}", what_of(entry) + late, f"{entry.amount:,.4f}", running))
    rows.append(row("", "Closing balance", "", statement.closing, kind="sum"))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n"
        f"<p>{escape(statement.company_id)}, US dollars, times in UTC. This month is {state}.</p>\n"
        '<table><thead><tr><th scope="col">When</th><th scope="col">What</th><th scope="col" class="money">Amount</th>'
        '<th scope="col" class="money">Balance</th></tr></thead>\n<tbody>\n' + "\n".join(rows) + "\n</tbody></table></body></html>\n"
    )


def row(when: str, what: str, amount: str, balance: Decimal, *, kind: str = "entry") -> str:
    return (
        f'<tr class="{kind}"><td>{escape(when)}</td><td>{escape(what)}</td>'
        f'<td class="money">{escape(amount)}</td><td class="money">{balance:,.4f}</td></tr>'
    )


def what_of(entry: Entry) -> str:
    words = WORDS.get(entry.entry_type, entry.entry_type)
    if entry.sku and entry.quantity is not None and entry.unit_price is not None:
        words = f"{words}: {entry.sku}, {entry.quantity} at {entry.unit_price:.4f}"
    return f"{words} ({entry.memo})" if entry.memo else words


def late_from(entry: Entry) -> str:
    """Return the month that an entry is of, where it is booked in a later one because its own is closed."""
    own = period_of(entry.occurred_at)
    return "" if own == entry.period else f"{own:%Y-%m}"


def safe_cell(text: str) -> str:
    """Keep a spreadsheet from taking text for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
