"""A payment provider, as far as jobs need one: charge once under an id of ours, and find what became of it.

The id is the provider's idempotency key, so a call that is repeated is one charge, for as long as the provider remembers the key (about a
day). Whoever repeats a call later has to ``find`` first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

Status = Literal["succeeded", "failed", "pending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRefund:
    """Money that went back, under the provider's own ``reference``. ``kind``: asked for (refund) or taken by the card's bank (dispute)."""

    reference: str
    kind: Literal["refund", "dispute"]
    amount: Decimal
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPayment:
    """What the provider says of one payment. ``payment_id`` and ``company_id`` are ours, as it stored them; ``amount`` in ``currency``."""

    reference: str
    payment_id: str
    company_id: str
    amount: Decimal
    currency: str
    status: Status
    refunds: Sequence[ProviderRefund] = ()
    failure_reason: str | None = None


class PaymentProvider(Protocol):
    """Every method raises TransientError (http_delivery) where the provider cannot be asked or its answer does not come, and PermanentError
    (config) where it does not let us in. After a TransientError of ``charge`` nobody knows whether it was charged.
    """

    def charge(self, *, payment_id: str, company_id: str, amount: Decimal) -> ProviderPayment:
        """Charge ``amount`` US dollars (whole cents) to the company's stored card, once for one ``payment_id``."""
        ...

    def find(self, payment_id: str) -> ProviderPayment | None:
        """Return what became of one of our payments, None where the provider never got it."""
        ...
