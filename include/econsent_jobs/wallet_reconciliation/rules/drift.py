"""Why a cached balance is not the sum of its entries, and which entries are not where or what one would expect.

``drift`` is cached minus expected. The first cause that fits exactly is given; nothing is guessed from what only comes near.
"""

from collections.abc import Callable, Sequence
from datetime import UTC
from decimal import Decimal
from itertools import accumulate
from typing import Final

from econsent_jobs.wallet_reconciliation.model import Entry, Finding, Kind, Snapshot, Unposted
from econsent_jobs.wallet_reconciliation.rules.money import period_of

ZERO: Final = Decimal(0)
Rule = Callable[[Snapshot], "list[Finding]"]


def explain_drift(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return the findings whose amounts together are the drift; none without one."""
    if snapshot.drift == ZERO:
        return ()
    for rule in (wrong_company, out_of_period, missing, stale, duplicate, wrong_amount, late):
        if found := rule(snapshot):
            return tuple(found)
    sentence = f"the balance is off by {snapshot.drift} and no entry, usage or other wallet accounts for it"
    return (Finding(kind=Kind.UNEXPLAINED, amount=snapshot.drift, sentence=sentence),)


def wrong_company(snapshot: Snapshot) -> list[Finding]:
    """Another wallet lacks what this one has too much of."""
    stranger = next(iter(sorted(snapshot.strangers, key=lambda each: (each.company_id, -each.ledger_id))), None)
    if stranger is None or stranger.amount != snapshot.drift:
        return []
    sentence = f"entry {stranger.ledger_id} of the company {stranger.company_id} was counted into this balance"
    return [Finding(kind=Kind.WRONG_COMPANY, amount=snapshot.drift, ledger_id=stranger.ledger_id, sentence=sentence)]


def out_of_period(snapshot: Snapshot) -> list[Finding]:
    """The cache left out exactly the entries that were booked in another month than their own."""
    moved = [entry for entry in newest_first(snapshot) if entry.entry_no > snapshot.checkpoint_entry_no and is_out_of_period(entry)]
    if not moved or -sum_of(moved) != snapshot.drift:
        return []
    return [about(entry, Kind.OUT_OF_PERIOD, -entry.amount, f"{named(entry)} of a closed month is not in the balance") for entry in moved]


def missing(snapshot: Snapshot) -> list[Finding]:
    entry = next((entry for entry in newest_first(snapshot) if -entry.amount == snapshot.drift), None)
    return [] if entry is None else [about(entry, Kind.MISSING, snapshot.drift, f"{named(entry)} is not in the balance")]


def stale(snapshot: Snapshot) -> list[Finding]:
    """The cache stood still: it is what the balance was after an earlier entry, and all later ones are missing."""
    later = newest_first(snapshot)
    for count, total in enumerate(accumulate(entry.amount for entry in later), start=1):
        if -total == snapshot.drift and is_unbroken(later[:count], snapshot.last_entry_no):
            return [about(entry, Kind.MISSING, -entry.amount, f"{named(entry)} is not in the balance") for entry in reversed(later[:count])]
    return []


def duplicate(snapshot: Snapshot) -> list[Finding]:
    entry = next((entry for entry in newest_first(snapshot) if entry.amount == snapshot.drift), None)
    return [] if entry is None else [about(entry, Kind.DUPLICATE, snapshot.drift, f"{named(entry)} was counted twice into the balance")]


def wrong_amount(snapshot: Snapshot) -> list[Finding]:
    """The balance went down by what the caller was told, and not by what was charged."""
    entry = next(
        (entry for entry in newest_first(snapshot) if entry.quoted is not None and -entry.quoted - entry.amount == snapshot.drift), None
    )
    if entry is None:
        return []
    sentence = f"{named(entry)} went into the balance as {-entry.quoted if entry.quoted is not None else None}, not as {entry.amount}"
    return [about(entry, Kind.WRONG_AMOUNT, snapshot.drift, sentence)]


def late(snapshot: Snapshot) -> list[Finding]:
    """Usage was taken off the balance that is not in the ledger yet: one of it, or all of it."""
    unposted = sorted(snapshot.unposted, key=lambda usage: usage.usage_id)
    one = [usage for usage in unposted if usage.amount == snapshot.drift][:1]
    every = unposted if sum_of(unposted) == snapshot.drift else []
    return [
        Finding(
            kind=Kind.LATE,
            amount=usage.amount,
            usage_id=usage.usage_id,
            sentence=f"usage {usage.usage_id} is in the balance and comes into the ledger later",
        )
        for usage in one or every
    ]


def find_oddities(entries: Sequence[Entry], *, late_ids: frozenset[int]) -> list[Finding]:
    """Name entries of this turn that came late, lie in another month than their own, or cost another amount than was quoted.

    They change nothing of the balance, so their amounts are 0.
    """
    findings: list[Finding] = []
    for entry in sorted(entries, key=lambda each: each.entry_no):
        if is_out_of_period(entry):
            sentence = f"{named(entry)} is of {period_of(entry.occurred_at):%Y-%m}, which is closed, and is booked in {entry.period:%Y-%m}"
            findings.append(about(entry, Kind.OUT_OF_PERIOD, ZERO, sentence))
        elif entry.ledger_id in late_ids:
            findings.append(
                about(entry, Kind.LATE, ZERO, f"{named(entry)} is of {entry.occurred_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC and came late")
            )
        if entry.quoted is not None and entry.quoted != -entry.amount:
            findings.append(
                about(entry, Kind.WRONG_AMOUNT, ZERO, f"{named(entry)} cost {-entry.amount}, and the caller was told {entry.quoted}")
            )
    return findings


def is_out_of_period(entry: Entry) -> bool:
    return entry.period != period_of(entry.occurred_at)


def is_unbroken(newest: Sequence[Entry], last_entry_no: int) -> bool:
    return [entry.entry_no for entry in newest] == list(range(last_entry_no, last_entry_no - len(newest), -1))


def newest_first(snapshot: Snapshot) -> list[Entry]:
    return sorted(snapshot.entries, key=lambda entry: entry.entry_no, reverse=True)


def sum_of(items: Sequence[Entry] | Sequence[Unposted]) -> Decimal:
    return sum((item.amount for item in items), ZERO)


def named(entry: Entry) -> str:
    return f"entry {entry.entry_no} ({entry.idempotency_key}, {entry.amount})"


def about(entry: Entry, kind: Kind, amount: Decimal, sentence: str) -> Finding:
    return Finding(
        kind=kind, amount=amount, sentence=sentence, ledger_id=entry.ledger_id, usage_id=entry.usage_id, payment_id=entry.payment_id
    )
