"""Wallets, entries and payments for tables, of which a row changes what it is about."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from econsent_jobs.wallet_reconciliation.model import Answer, Entry, Finding, Kind, Payment, Wallet

AT = datetime(2026, 11, 3, 12, tzinfo=UTC)


def wallet(**changes: Any) -> Wallet:
    values: dict[str, Any] = {
        "company_id": "acme",
        "balance": Decimal("7.0000"),
        "low_balance_threshold": Decimal("10.0000"),
        "low_balance_entry_no": None,
        "low_balance_notified_no": None,
        "auto_recharge_enabled": True,
        "auto_recharge_threshold": Decimal("5.0000"),
        "auto_recharge_amount": Decimal("50.0000"),
        "auto_recharge_failures": 0,
        "last_entry_no": 9,
        "checkpoint_entry_no": 0,
        "checkpoint_balance": Decimal("0.0000"),
    }
    return Wallet(**values | changes)


def entry(number: int, amount: str, balance_after: str, **changes: Any) -> Entry:
    """A charge for usage; its ledger_id is a hundred more than its number."""
    values: dict[str, Any] = {
        "ledger_id": 100 + number,
        "entry_no": number,
        "entry_type": "usage_charge",
        "amount": Decimal(amount),
        "balance_after": Decimal(balance_after),
        "idempotency_key": f"usage:{number}",
        "period": date(2026, 11, 1),
        "occurred_at": AT,
        "created_at": AT,
        "usage_id": number,
    }
    return Entry(**values | changes)


def recharge(number: int, amount: str, balance_after: str, **changes: Any) -> Entry:
    """A person's payment as it stands in the ledger."""
    values: dict[str, Any] = {
        "entry_type": "recharge",
        "idempotency_key": f"payment:p-{number}",
        "usage_id": None,
        "payment_id": f"p-{number}",
    }
    return entry(number, amount, balance_after, **values | changes)


def payment(**changes: Any) -> Payment:
    values: dict[str, Any] = {
        "payment_id": "auto:acme:3",
        "company_id": "acme",
        "amount": Decimal("50.0000"),
        "ours": True,
        "attempts": 1,
        "created_at": AT,
    }
    return Payment(**values | changes)


def answer(**changes: Any) -> Answer:
    return Answer(**{"reference": "ch_7", "succeeded": True} | changes)


def finding(kind: Kind, amount: str, sentence: str, **about: Any) -> Finding:
    return Finding(kind=kind, amount=Decimal(amount), sentence=sentence, **about)


def about_entry(number: int, kind: Kind, amount: str, sentence: str) -> Finding:
    """A finding about a charge for usage."""
    return finding(kind, amount, sentence, ledger_id=100 + number, usage_id=number)
