"""Low balances and recharges: a sentence a row."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from econsent_jobs.wallet_reconciliation.model import Settings, Wallet
from econsent_jobs.wallet_reconciliation.rules.balance import Recharges, crossing, payment_id_of, recharge_amount

SETTINGS = Settings()
NONE = Recharges(ever=0, lately=0, pending=0)
WALLET = Wallet(
    company_id="acme",
    balance=Decimal("7.0000"),
    low_balance_threshold=Decimal("10.0000"),
    low_balance_entry_no=None,
    low_balance_notified_no=None,
    auto_recharge_enabled=True,
    auto_recharge_threshold=Decimal("5.0000"),
    auto_recharge_amount=Decimal("50.0000"),
    auto_recharge_failures=0,
    last_entry_no=9,
    checkpoint_entry_no=0,
    checkpoint_balance=Decimal(0),
)


@pytest.mark.parametrize(
    ("balance", "changes", "entry_no", "notifies"),
    [
        pytest.param("10.0001", {}, None, False, id="above the threshold nothing is low"),
        pytest.param("10.0000", {}, 9, True, id="at the threshold it is: the last entry is taken where none was noted"),
        pytest.param("9.0000", {"low_balance_entry_no": 4}, 4, True, id="the entry that crossed is the cause"),
        pytest.param("9.0000", {"low_balance_entry_no": 4, "low_balance_notified_no": 4}, 4, False, id="one crossing is told once"),
        pytest.param("9.0000", {"low_balance_entry_no": 8, "low_balance_notified_no": 4}, 8, True, id="a second crossing is told again"),
        pytest.param("11.0000", {"low_balance_entry_no": 4, "low_balance_notified_no": 4}, None, False, id="a lower threshold"),
        pytest.param("0.0000", {"last_entry_no": 0}, None, False, id="a new wallet without an entry has crossed nothing"),
        pytest.param("-3.0000", {"low_balance_entry_no": 4, "low_balance_notified_no": 4}, 4, False, id="lower still is the same crossing"),
    ],
)
def test_crossing(balance: str, changes: dict[str, Any], entry_no: int | None, notifies: bool) -> None:
    found = crossing(replace(WALLET, **changes), Decimal(balance))

    assert (found.entry_no, found.notifies) == (entry_no, notifies)


@pytest.mark.parametrize(
    ("balance", "changes", "recharges", "amount"),
    [
        pytest.param("5.0000", {}, NONE, "50.0000", id="at its threshold it is due"),
        pytest.param("5.0001", {}, NONE, None, id="a hundredth of a cent above it is not"),
        pytest.param("1.0000", {"auto_recharge_enabled": False}, NONE, None, id="switched off"),
        pytest.param("1.0000", {}, Recharges(ever=1, lately=1, pending=1), None, id="one that is open is enough"),
        pytest.param("1.0000", {}, Recharges(ever=9, lately=2, pending=0), "50.0000", id="the third within a day"),
        pytest.param("1.0000", {}, Recharges(ever=9, lately=3, pending=0), None, id="a fourth within a day waits"),
        pytest.param("-8.0000", {}, Recharges(ever=9, lately=0, pending=0), "50.0000", id="below zero through overage"),
    ],
)
def test_recharge(balance: str, changes: dict[str, Any], recharges: Recharges, amount: str | None) -> None:
    found = recharge_amount(replace(WALLET, **changes), Decimal(balance), recharges, SETTINGS)

    assert found == (None if amount is None else Decimal(amount))


def test_two_that_decide_at_once_name_one_payment() -> None:
    assert payment_id_of("acme", NONE) == payment_id_of("acme", NONE) == "auto:acme:1"
    assert payment_id_of("acme", Recharges(ever=1, lately=0, pending=0)) == "auto:acme:2"
