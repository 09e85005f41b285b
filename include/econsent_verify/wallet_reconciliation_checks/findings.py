"""What can be wrong with money, each with its name and its sentence."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final


class Trouble(StrEnum):
    """The name of a difference; ``SENTENCES`` says what it means."""

    GAP = "gap"
    CHAIN = "chain"
    HASH = "hash"
    REQUEST = "request"
    BALANCE_CHAIN = "balance_chain"
    BALANCE = "balance"
    COUNT = "count"
    LAST_HASH = "last_hash"
    CHECKPOINT = "checkpoint"
    CAUSE = "cause"
    PRICE = "price"
    USAGE = "usage"
    DUPLICATE = "duplicate"
    PAYMENT = "payment"
    REFUNDS = "refunds"
    RECHARGE = "recharge"
    REVERSAL = "reversal"
    OVERAGE = "overage"
    PERIOD = "period"
    RECONCILIATION = "reconciliation"


SENTENCES: Final = {
    Trouble.GAP: "an entry is missing before this one, or this one is there twice",
    Trouble.CHAIN: "the entry does not continue the one before it",
    Trouble.HASH: "the entry's hash is not that of what it says",
    Trouble.REQUEST: "the request's hash is not that of what was asked for",
    Trouble.BALANCE_CHAIN: "the balance after the entry is not the one before it plus its amount",
    Trouble.BALANCE: "the balance is not the sum of the entries",
    Trouble.COUNT: "the wallet knows of another number of entries",
    Trouble.LAST_HASH: "the wallet knows of another last entry",
    Trouble.CHECKPOINT: "the checkpoint is not the balance after its entry",
    Trouble.CAUSE: "the charge and the usage that it is for do not fit",
    Trouble.PRICE: "the charge is not what the price book says of that moment",
    Trouble.USAGE: "the usage says of itself what the ledger does not",
    Trouble.DUPLICATE: "the same thing is charged more than once",
    Trouble.PAYMENT: "the entry and the payment or refund that it is for do not fit",
    Trouble.REFUNDS: "what went back of a payment does not add up",
    Trouble.RECHARGE: "automatic recharges went beyond their limits",
    Trouble.REVERSAL: "the reversal does not take back exactly one earlier charge",
    Trouble.OVERAGE: "the units billed beyond the quota do not add up",
    Trouble.PERIOD: "the month does not add up, or was changed after it was closed",
    Trouble.RECONCILIATION: "what the reconciliation says of itself does not add up",
}


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
        said = f"{self.trouble}: {short(self.company_id)} {short(self.subject)}: {short(self.what)}: {SENTENCES[self.trouble]}"
        return f"{said} (expected {short(self.expected)}, found {short(self.found)})"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def short(text: str, *, most: int = 160) -> str:
    """Return a value as one short line, control characters escaped."""
    safe = "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)
    return safe if len(safe) <= most else f"{safe[:most]}…"
