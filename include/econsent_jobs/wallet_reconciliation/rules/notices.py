"""What the job tells: audit entries, and mail to a company's owners and admins. Each is named by its cause, so that it is told once."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Final

from econsent_jobs.wallet_reconciliation.model import Answer, AuditEntry, Finding, Mail, Payment, Wallet
from econsent_jobs.wallet_reconciliation.rules.balance import Crossing

MOST_NAMED: Final = 20


def settled(payment: Payment, answer: Answer) -> AuditEntry:
    """Documented action for a success: wallet recharge (docs/platform/audit-log)."""
    action = "wallet.recharged" if answer.succeeded else "wallet.recharge_failed"
    details = {
        "payment_id": payment.payment_id,
        "amount": money(payment.amount),
        "automatic": payment.ours,
        "reference": answer.reference,
        **({} if answer.failure_reason is None else {"reason": answer.failure_reason}),
    }
    return AuditEntry(action=action, details=details, dedupe_key=f"{action}:{payment.payment_id}")


def recharge_requested(payment_id: str, amount: Decimal, balance: Decimal) -> AuditEntry:
    details = {"payment_id": payment_id, "amount": money(amount), "balance": money(balance)}
    return AuditEntry(action="wallet.auto_recharge_requested", details=details, dedupe_key=f"wallet.auto_recharge_requested:{payment_id}")


def switched_off(payment: Payment, failures: int) -> AuditEntry:
    """Documented action: auto-recharge toggled (docs/platform/audit-log)."""
    details = {"old": True, "new": False, "reason": f"{failures} recharges in a row failed", "payment_id": payment.payment_id}
    return AuditEntry(
        action="wallet.auto_recharge_toggled", details=details, dedupe_key=f"wallet.auto_recharge_toggled:{payment.payment_id}"
    )


def payment_disputed(payment: Payment, reason: str) -> AuditEntry:
    details = {"payment_id": payment.payment_id, "amount": money(payment.amount), "reason": reason}
    return AuditEntry(action="wallet.payment_quarantined", details=details, dedupe_key=f"wallet.payment_quarantined:{payment.payment_id}")


def drift_detected(company_id: str, drift: Decimal, findings: Sequence[Finding], moment: datetime) -> AuditEntry:
    details = {
        "drift": money(drift),
        "findings": [{"kind": finding.kind.value, "sentence": finding.sentence} for finding in findings if finding.amount][:MOST_NAMED],
    }
    return AuditEntry(
        action="wallet.drift_detected", details=details, dedupe_key=f"wallet.drift_detected:{company_id}:{moment.isoformat()}"
    )


def low_balance_mail(wallet: Wallet, balance: Decimal, low: Crossing) -> Mail:
    body = (
        f"Your eConsent balance is {shown(balance)}, at or below your threshold of {shown(wallet.low_balance_threshold)}.\n\n"
        "Paid calls are refused once it is used up. Add funds in Settings, Billing, or let auto-recharge do it.\n"
    )
    return Mail(message_id=message_id("low", wallet.company_id, low.entry_no), subject="Your eConsent balance is low", body=body)


def switched_off_mail(payment: Payment, failures: int) -> Mail:
    body = (
        f"{failures} automatic recharges in a row failed, so auto-recharge is off now.\n\n"
        "Please check the card in Settings, Billing, and switch auto-recharge on again.\n"
    )
    return Mail(
        message_id=message_id("recharge-off", payment.company_id, payment.payment_id), subject="Auto-recharge was switched off", body=body
    )


def message_id(what: str, company_id: str, cause: object) -> str:
    """A Message-ID of this cause alone. The company's id is any text, so its hash stands for it."""
    digest = sha256(f"{company_id}\x1f{cause}".encode()).hexdigest()[:32]
    return f"wallet-{what}-{digest}"


def money(amount: Decimal) -> str:
    return f"{amount:.4f}"


def shown(amount: Decimal) -> str:
    """Dollars for people: cents, and the smaller places only where there are any."""
    text = f"{abs(amount):,.4f}"
    text = text.removesuffix("00")
    return f"{'-' if amount < 0 else ''}${text}"
