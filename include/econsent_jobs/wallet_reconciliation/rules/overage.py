"""Retentions above the quota, by tier. Documented: $0.12 falling to $0.064 with volume; where the tiers break is guessed (price book)."""

from collections.abc import Sequence

from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.wallet_reconciliation.model import OverageCharge, Tier, Units
from econsent_jobs.wallet_reconciliation.rules.money import charge_amount


def price_overage(groups: Sequence[Units]) -> list[OverageCharge]:
    """Cut units into charges of one price each. ``groups`` follow one another without a gap, each with the price list of its time.

    Raises BadItem (data) where a list has no price for a unit.
    """
    charges: list[OverageCharge] = []
    for units in groups:
        first, end = units.first, units.first + units.count
        while first < end:
            tier, upper = tier_of(first, units.tiers)
            last = min(end, upper if upper is not None else end) - 1
            amount = charge_amount(last - first + 1, tier.unit_price)
            charges.append(OverageCharge(first=first, last=last, unit_price=tier.unit_price, amount=amount, occurred_at=units.occurred_at))
            first = last + 1
    return charges


def tier_of(unit: int, tiers: Sequence[Tier]) -> tuple[Tier, int | None]:
    """Return the tier of one unit (counted from 0), and the first unit of the next tier, None after the last."""
    ordered = sorted(tiers, key=lambda tier: tier.tier_from)
    reached = [tier for tier in ordered if tier.tier_from <= unit]
    if not reached:
        raise BadItem(ErrorClass.DATA, f"the price book has no overage price for unit {unit} then; the next run bills it")
    return reached[-1], next((tier.tier_from for tier in ordered if tier.tier_from > unit), None)
