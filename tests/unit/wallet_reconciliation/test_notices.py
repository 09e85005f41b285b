"""What is told, to the letter: audit entries are searched by their words, and mail is read by customers."""

from decimal import Decimal
from typing import Any

import pytest

from econsent_jobs.wallet_reconciliation.model import AuditEntry, Finding, Kind, Mail
from econsent_jobs.wallet_reconciliation.rules import notices
from econsent_jobs.wallet_reconciliation.rules.balance import Crossing
from tests.unit.wallet_reconciliation.examples import AT, answer, finding, payment, wallet


@pytest.mark.parametrize(
    ("paid", "answered", "action", "details"),
    [
        pytest.param(
            {},
            {},
            "wallet.recharged",
            {"payment_id": "auto:acme:3", "amount": "50.0000", "automatic": True, "reference": "ch_7"},
            id="an automatic recharge came",
        ),
        pytest.param(
            {"payment_id": "p-1", "ours": False, "amount": Decimal("1234.5")},
            {},
            "wallet.recharged",
            {"payment_id": "p-1", "amount": "1234.5000", "automatic": False, "reference": "ch_7"},
            id="a person's payment came",
        ),
        pytest.param(
            {},
            {"succeeded": False, "failure_reason": "card_declined"},
            "wallet.recharge_failed",
            {"payment_id": "auto:acme:3", "amount": "50.0000", "automatic": True, "reference": "ch_7", "reason": "card_declined"},
            id="the card was declined",
        ),
        pytest.param(
            {"payment_id": "p-1", "ours": False},
            {"succeeded": False, "reference": None},
            "wallet.recharge_failed",
            {"payment_id": "p-1", "amount": "50.0000", "automatic": False, "reference": None},
            id="it failed, and nobody said why",
        ),
    ],
)
def test_a_settled_payment(paid: dict[str, Any], answered: dict[str, Any], action: str, details: dict[str, Any]) -> None:
    told = notices.settled(payment(**paid), answer(**answered))

    assert told == AuditEntry(action=action, details=details, dedupe_key=f"{action}:{details['payment_id']}", user="system:scheduler")


def test_a_recharge_that_was_decided() -> None:
    assert notices.recharge_requested("auto:acme:3", Decimal("50.0000"), Decimal("-0.0640")) == AuditEntry(
        action="wallet.auto_recharge_requested",
        details={"payment_id": "auto:acme:3", "amount": "50.0000", "balance": "-0.0640"},
        dedupe_key="wallet.auto_recharge_requested:auto:acme:3",
        user="system:scheduler",
    )


def test_auto_recharge_that_was_switched_off() -> None:
    assert notices.switched_off(payment(), 3) == AuditEntry(
        action="wallet.auto_recharge_toggled",
        details={"old": True, "new": False, "reason": "3 recharges in a row failed", "payment_id": "auto:acme:3"},
        dedupe_key="wallet.auto_recharge_toggled:auto:acme:3",
        user="system:scheduler",
    )


def test_a_payment_that_was_set_aside() -> None:
    assert notices.payment_disputed(payment(payment_id="p-1"), "the currency is EUR") == AuditEntry(
        action="wallet.payment_quarantined",
        details={"payment_id": "p-1", "amount": "50.0000", "reason": "the currency is EUR"},
        dedupe_key="wallet.payment_quarantined:p-1",
        user="system:scheduler",
    )


def lost(number: int, amount: str = "4.0000") -> Finding:
    return finding(Kind.MISSING, amount, f"entry {number} is missing", ledger_id=number)


@pytest.mark.parametrize(
    ("findings", "named"),
    [
        pytest.param([], [], id="nothing is named"),
        pytest.param(
            [lost(8), finding(Kind.LATE, "-2.0000", "usage 9 came late", usage_id=9)],
            [{"kind": "missing", "sentence": "entry 8 is missing"}, {"kind": "late", "sentence": "usage 9 came late"}],
            id="all that make it up are named, in their order",
        ),
        pytest.param(
            [lost(7, "0.0000"), lost(8), lost(9, "0.0000")],
            [{"kind": "missing", "sentence": "entry 8 is missing"}],
            id="oddities change no balance and are left out",
        ),
        pytest.param(
            [*(lost(number, "0.0000") for number in range(5)), *(lost(number) for number in range(10, 40))],
            [{"kind": "missing", "sentence": f"entry {number} is missing"} for number in range(10, 30)],
            id="no more than twenty are named, and oddities take no place",
        ),
    ],
)
def test_a_drift(findings: list[Finding], named: list[dict[str, Any]]) -> None:
    assert notices.drift_detected("acme", Decimal("-4.5"), findings, AT) == AuditEntry(
        action="wallet.drift_detected",
        details={"drift": "-4.5000", "findings": named},
        dedupe_key="wallet.drift_detected:acme:2026-11-03T12:00:00+00:00",
        user="system:scheduler",
    )


def test_a_low_balance() -> None:
    said = notices.low_balance_mail(wallet(balance=Decimal("99.0000")), Decimal("1.9850"), Crossing(entry_no=9, notifies=True))

    assert said == Mail(
        message_id="wallet-low-ba2e3a81509a1ca6f2213c79494d6f9d",
        subject="Your eConsent balance is low",
        body=(
            "Your eConsent balance is $1.9850, at or below your threshold of $10.00.\n"
            "\n"
            "Paid calls are refused once it is used up. Add funds in Settings, Billing, or let auto-recharge do it.\n"
        ),
    )


def test_the_mail_about_what_was_switched_off() -> None:
    assert notices.switched_off_mail(payment(), 3) == Mail(
        message_id="wallet-recharge-off-94cd70d7be09de86807cf6ca03d05c4e",
        subject="Auto-recharge was switched off",
        body=(
            "3 automatic recharges in a row failed, so auto-recharge is off now.\n"
            "\n"
            "Please check the card in Settings, Billing, and switch auto-recharge on again.\n"
        ),
    )


@pytest.mark.parametrize(
    ("what", "company_id", "cause", "expected"),
    [
        pytest.param("low", "acme", 9, "wallet-low-ba2e3a81509a1ca6f2213c79494d6f9d", id="a crossing"),
        pytest.param("low", "acme", 4, "wallet-low-d299fa1a4eb0efaa60f28664575307a2", id="another crossing"),
        pytest.param("low", "other", 9, "wallet-low-1c4542fe1b268f2d68e8ceb4f67fedca", id="another company's"),
        pytest.param("off", "acme", 9, "wallet-off-ba2e3a81509a1ca6f2213c79494d6f9d", id="another mail of the same cause"),
        pytest.param("low", 'Ac:me "\u00fc"', 1, "wallet-low-c1e1d0b3aa0a096ff6a0beee3c6ca1a0", id="a company's id is any text"),
        pytest.param("low", "a", "b1", "wallet-low-451e6b22c919b8531e365eee43e6a5e3", id="an id and a cause do not run together"),
        pytest.param("low", "ab", 1, "wallet-low-e188f523493b467fb20e3b0423f3cbe5", id="as these would"),
    ],
)
def test_a_mail_is_named_by_its_cause_alone(what: str, company_id: str, cause: object, expected: str) -> None:
    """The digests are what ``printf 'acme\\x1f9' | sha256sum`` says, to 32 places."""
    assert notices.message_id(what, company_id, cause) == expected


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        pytest.param("10.0000", "$10.00", id="cents"),
        pytest.param("100", "$100.00", id="whole dollars have cents too"),
        pytest.param("0.0000", "$0.00", id="nothing"),
        pytest.param("0.0150", "$0.0150", id="half a cent is not dropped"),
        pytest.param("10.0001", "$10.0001", id="nor is a hundredth of one"),
        pytest.param("1234567.5000", "$1,234,567.50", id="thousands are set apart"),
        pytest.param("-3.0000", "-$3.00", id="the sign comes before the dollar"),
        pytest.param("-0.0640", "-$0.0640", id="a little below zero"),
    ],
)
def test_dollars_for_people(amount: str, text: str) -> None:
    assert notices.shown(Decimal(amount)) == text


@pytest.mark.parametrize(("amount", "text"), [("1234.5", "1234.5000"), ("-0.0640", "-0.0640"), ("0", "0.0000")])
def test_dollars_for_machines(amount: str, text: str) -> None:
    assert notices.money(Decimal(amount)) == text
