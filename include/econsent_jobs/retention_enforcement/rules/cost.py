"""What storage costs a month, for plans: list prices, to be changed where a contract says otherwise."""

from decimal import Decimal
from typing import Final

GIGABYTE: Final = Decimal(1024**3)
STANDARD_USD: Final = Decimal("0.0230")  # a gigabyte and month
COLD_USD: Final = Decimal("0.0040")
OVERAGE_USD: Final = Decimal("0.1200")  # the documented price of the first retention above the quota
MONTHS: Final = "a month"


def monthly_usd(what: str, *, size_bytes: int, objects: int) -> Decimal:
    """Return what a line of a plan adds to (or, negative, takes off) a month's cost, four places."""
    gigabytes = Decimal(size_bytes) / GIGABYTE
    word = what.split(" ", 1)[0]
    if what == "retain above the quota":
        cost = OVERAGE_USD * objects
    elif what == "archive":
        cost = STANDARD_USD * gigabytes
    elif what == "tier 3":
        cost = (COLD_USD - STANDARD_USD) * gigabytes
    elif word == "delete":
        cost = -STANDARD_USD * gigabytes
    else:
        cost = Decimal(0)
    return cost.quantize(Decimal("0.0001")) + 0  # a little less than nothing is nothing, without a minus
