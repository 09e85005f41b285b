"""What can be wrong with money, each with its name and its sentence."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from econsent_verify import findings
from econsent_verify.findings import TroubleName

short = partial(findings.short, most=160)


class Trouble(TroubleName):
    """What a difference is called, and what that means."""

    GAP = "gap", "an entry is missing before this one, or this one is there twice"
    CHAIN = "chain", "the entry does not continue the one before it"
    HASH = "hash", "the entry's hash is not that of what it says"
    REQUEST = "request", "the request's hash is not that of what was asked for"
    BALANCE_CHAIN = "balance_chain", "the balance after the entry is not the one before it plus its amount"
    BALANCE = "balance", "the balance is not the sum of the entries"
    COUNT = "count", "the wallet knows of another number of entries"
    LAST_HASH = "last_hash", "the wallet knows of another last entry"
    CHECKPOINT = "checkpoint", "the checkpoint is not the balance after its entry"
    CAUSE = "cause", "the charge and the usage that it is for do not fit"
    PRICE = "price", "the charge is not what the price book says of that moment"
    USAGE = "usage", "the usage says of itself what the ledger does not"
    DUPLICATE = "duplicate", "the same thing is charged more than once"
    PAYMENT = "payment", "the entry and the payment or refund that it is for do not fit"
    REFUNDS = "refunds", "what went back of a payment does not add up"
    RECHARGE = "recharge", "automatic recharges went beyond their limits"
    REVERSAL = "reversal", "the reversal does not take back exactly one earlier charge"
    OVERAGE = "overage", "the units billed beyond the quota do not add up"
    PERIOD = "period", "the month does not add up, or was changed after it was closed"
    RECONCILIATION = "reconciliation", "what the reconciliation says of itself does not add up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference of a company's wallet. ``subject`` is an entry, usage, payment or month; ``what`` the column that differs."""

    company_id: str
    subject: str
    trouble: Trouble
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        said = f"{self.trouble}: {short(self.company_id)} {short(self.subject)}: {short(self.what)}: {self.trouble.sentence}"
        return f"{said} (expected {short(self.expected)}, found {short(self.found)})"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
