"""When a balance is low, and when it is filled up again."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from econsent_jobs.wallet_reconciliation.model import Settings, Wallet

A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """``entry_no``: the entry by which the balance got low, None while it is not. ``notifies``: nobody was told of this crossing yet."""

    entry_no: int | None
    notifies: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recharges:
    """A company's automatic recharges: ``ever``, ``lately`` (within a day, whatever became of them), and those still ``pending``."""

    ever: int
    lately: int
    pending: int


def crossing(wallet: Wallet, balance: Decimal) -> Crossing:
    """Judge ``balance`` against the threshold of this moment: the customer may have moved it, with no entry in between.

    A wallet that never had an entry has crossed nothing.
    """
    if balance > wallet.low_balance_threshold or wallet.last_entry_no == 0:
        return Crossing(entry_no=None, notifies=False)
    entry_no = wallet.low_balance_entry_no or wallet.last_entry_no
    told = wallet.low_balance_notified_no is not None and wallet.low_balance_entry_no is not None
    return Crossing(entry_no=entry_no, notifies=not (told and wallet.low_balance_notified_no == entry_no))


def recharge_amount(wallet: Wallet, balance: Decimal, recharges: Recharges, settings: Settings) -> Decimal | None:
    """Return the amount of the recharge that is due, None where none is: off, not low enough, one open, or too many within a day."""
    if not wallet.auto_recharge_enabled or wallet.auto_recharge_threshold is None or wallet.auto_recharge_amount is None:
        return None
    if balance > wallet.auto_recharge_threshold or recharges.pending or recharges.lately >= settings.recharges_a_day:
        return None
    return wallet.auto_recharge_amount


def payment_id_of(company_id: str, recharges: Recharges) -> str:
    """Name the next automatic recharge. Two workers that decide at once name the same one, so that there is one."""
    return f"auto:{company_id}:{recharges.ever + 1}"
