"""Low balances and recharges: a sentence a row."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from econsent_jobs.wallet_reconciliation.model import Settings
from econsent_jobs.wallet_reconciliation.rules.balance import A_DAY, Crossing, Recharges, crossing, payment_id_of, recharge_amount
from tests.unit.wallet_reconciliation.examples import wallet

SETTINGS = Settings()
NONE = Recharges(ever=0, lately=0, pending=0)


@pytest.mark.parametrize(
    ("balance", "changes", "entry_no", "notifies"),
    [
        pytest.param("10.0001", {}, None, False, id="above the threshold nothing is low"),
        pytest.param("10.0000", {}, 9, True, id="at the threshold it is: the last entry is taken where none was noted"),
        pytest.param("9.0000", {"low_balance_entry_no": 4}, 4, True, id="the entry that crossed is the cause"),
        pytest.param("9.0000", {"low_balance_entry_no": 4, "low_balance_notified_no": 4}, 4, False, id="one crossing is told once"),
        pytest.param("9.0000", {"low_balance_entry_no": 8, "low_balance_notified_no": 4}, 8, True, id="a second crossing is told again"),
        pytest.param("9.0000", {"low_balance_notified_no": 4}, 9, True, id="so is one that was not noted yet"),
        pytest.param("9.0000", {"low_balance_notified_no": 9}, 9, True, id="a threshold that was raised over the balance again"),
        pytest.param("11.0000", {"low_balance_entry_no": 4, "low_balance_notified_no": 4}, None, False, id="a lower threshold"),
        pytest.param("0.0000", {"last_entry_no": 0}, None, False, id="a new wallet without an entry has crossed nothing"),
        pytest.param("-3.0000", {"low_balance_entry_no": 4, "low_balance_notified_no": 4}, 4, False, id="lower still is the same crossing"),
    ],
)
def test_a_crossing(balance: str, changes: dict[str, Any], entry_no: int | None, notifies: bool) -> None:
    assert crossing(wallet(**changes), Decimal(balance)) == Crossing(entry_no=entry_no, notifies=notifies)


@pytest.mark.parametrize(
    ("balance", "changes", "recharges", "amount"),
    [
        pytest.param("5.0000", {}, NONE, "50.0000", id="at its threshold it is due"),
        pytest.param("5.0001", {}, NONE, None, id="a hundredth of a cent above it is not"),
        pytest.param("1.0000", {"auto_recharge_enabled": False}, NONE, None, id="switched off"),
        pytest.param("1.0000", {"auto_recharge_threshold": None}, NONE, None, id="no threshold was chosen"),
        pytest.param("1.0000", {"auto_recharge_amount": None}, NONE, None, id="no amount was chosen"),
        pytest.param("1.0000", {}, Recharges(ever=1, lately=1, pending=1), None, id="one that is open is enough"),
        pytest.param("1.0000", {}, Recharges(ever=9, lately=2, pending=0), "50.0000", id="the third within a day"),
        pytest.param("1.0000", {}, Recharges(ever=9, lately=3, pending=0), None, id="a fourth within a day waits"),
        pytest.param("-8.0000", {}, Recharges(ever=9, lately=0, pending=0), "50.0000", id="below zero through overage"),
    ],
)
def test_a_recharge(balance: str, changes: dict[str, Any], recharges: Recharges, amount: str | None) -> None:
    found = recharge_amount(wallet(**changes), Decimal(balance), recharges, SETTINGS)

    assert found == (None if amount is None else Decimal(amount))


def test_two_that_decide_at_once_name_one_payment() -> None:
    assert payment_id_of("acme", NONE) == payment_id_of("acme", NONE) == "auto:acme:1"
    assert payment_id_of("acme", Recharges(ever=1, lately=0, pending=0)) == "auto:acme:2"


def test_recharges_are_counted_over_a_day() -> None:
    assert timedelta(hours=24) == A_DAY
