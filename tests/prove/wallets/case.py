"""One case: two companies with one of everything that a run can find, and what has to be true of them in the end."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from tests.prove.harness.verdict import Verdict
from tests.prove.wallets.world import World

POSTED_BEFORE: Final = """
SELECT posted.ledger_id FROM econsent.post_entries(%(company)s, ARRAY[ROW(
    'usage_charge', -0.35, 'debt_lookup', 1, 0.35, %(usage_id)s, NULL, NULL, 'usage:' || %(usage_id)s, %(at)s, NULL
)::econsent.ledger_request], 'system:scheduler', 'an earlier run') AS posted
"""
ENTRIES: Final = """
SELECT entry.company_id, entry.entry_type, entry.amount, entry.ledger_id, entry.entry_hash, entry.idempotency_key
FROM econsent.wallet_ledger AS entry WHERE entry.company_id = ANY(%(companies)s) ORDER BY entry.ledger_id
"""
OPEN: Final = """
SELECT
  (SELECT count(*) FROM econsent.wallets AS w WHERE w.company_id = ANY(%(companies)s)
    AND (w.last_reconciled_at IS NULL OR w.lease_token IS NOT NULL))
  + (SELECT count(*) FROM econsent.payments AS p WHERE p.company_id = ANY(%(companies)s)
    AND (p.status = 'pending' OR (p.status IN ('succeeded', 'refunded', 'disputed') AND p.ledger_id IS NULL)))
  + (SELECT count(*) FROM econsent.usage_events AS u WHERE u.company_id = ANY(%(companies)s)
    AND (u.status = 'unposted' OR (u.status = 'voided' AND u.ledger_id IS NOT NULL))) AS n
"""
STATUSES: Final = """
SELECT u.company_id, u.request_id, u.status FROM econsent.usage_events AS u WHERE u.company_id = ANY(%(companies)s)
ORDER BY u.company_id, u.usage_id
"""
TOLD: Final = """
SELECT
  (SELECT count(*) FROM econsent.mail_outbox AS m WHERE m.company_id = ANY(%(companies)s)) AS mails,
  (SELECT array_agg(a.action ORDER BY a.action) FROM econsent.audit_log AS a WHERE a.company_id = ANY(%(companies)s)) AS audit,
  (SELECT array_agg(w.balance ORDER BY w.company_id) FROM econsent.wallets AS w WHERE w.company_id = ANY(%(companies)s)) AS balances
"""
Money = Counter[tuple[str, str, Decimal]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``entries``: company, type and amount of each entry of the end; ``statuses``: of its usage; ``charged``: at the provider."""

    number: int
    companies: tuple[str, str]
    entries: Money
    statuses: Mapping[tuple[str, str], tuple[str, ...]]
    charged: Decimal
    told: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def names(self) -> dict[str, Any]:
        return {"companies": list(self.companies)}


def make_case(world: World, *, number: int) -> Case:
    """Insert the case. The first company uses, pays, is refunded, retains beyond its quota and is recharged; the second runs low."""
    world.rest()
    now = world.moment.forward(timedelta(hours=1))
    first, second = (f"w{number}-{letter}" for letter in "ab")
    recharge = {"auto_recharge_threshold": 10, "auto_recharge_amount": 25, "auto_recharge_enabled": True}
    world.company(first, **recharge)
    world.company(second, balance=Decimal("0.5"))  # a small drift
    at = now - timedelta(minutes=20)
    for request, sku, quantity in (("r-1", "verification", 1), ("r-2", "verification", 3), ("r-3", "otp", 1), ("r-4", "nothing", 1)):
        use(world, first, request, sku, at=at, quantity=quantity)
    use(world, first, "r-1", "verification", at=at + timedelta(seconds=1))  # the same request once more
    use(world, first, "r-5", "session_retention", at=at, session_id="s-1")
    use(world, first, "r-6", "phone_validation", at=at, status="voided")
    reversed_id = use(world, first, "r-7", "debt_lookup", at=at)["usage_id"]
    charge = world.one(POSTED_BEFORE, company=first, usage_id=reversed_id, at=at)["ledger_id"]
    world.database.execute("UPDATE econsent.usage_events SET status = 'posted', ledger_id = %s WHERE usage_id = %s", [charge, reversed_id])
    world.database.execute("UPDATE econsent.usage_events SET status = 'voided' WHERE usage_id = %s", [reversed_id])
    paid = {"kind": "recharge", "status": "succeeded", "created_at": at, "settled_at": at}
    world.insert("payments", payment_id=f"{first}-pay", company_id=first, idempotency_key=f"{first}-pay", amount=6, **paid)
    back = {"refund_ref": f"{first}-back", "payment_id": f"{first}-pay", "kind": "refund", "amount": Decimal("1.50")}
    world.insert("payment_refunds", **back, created_at=at)
    for unit in range(4):
        retain(world, first, f"s-{unit}", now=now)
    use(world, second, "r-1", "fraud_check", at=at)
    use(world, second, "r-2", "verification", at=at)
    return Case(
        number=number,
        companies=(first, second),
        entries=Counter(
            (company, entry_type, Decimal(amount))
            for company, entry_type, amount in (
                (first, "usage_charge", "-0.3500"),
                (first, "reversal", "0.3500"),
                (first, "usage_charge", "-0.0150"),
                (first, "usage_charge", "-0.0450"),
                (first, "usage_charge", "-0.1000"),
                (first, "retention_charge", "-0.1000"),
                (first, "recharge", "6"),
                (first, "refund", "-1.50"),
                (first, "overage_charge", "-0.2400"),
                (first, "auto_recharge", "25"),
                (second, "usage_charge", "-0.0500"),
                (second, "usage_charge", "-0.0150"),
            )
        ),
        statuses={
            (first, "r-1"): ("posted", "reversed"),
            (first, "r-4"): ("quarantined",),
            (first, "r-6"): ("voided",),
            (first, "r-7"): ("reversed",),
        },
        charged=Decimal(25),
        told={
            "mails": 2,
            "audit": ["wallet.auto_recharge_requested", "wallet.recharged"],
            "balances": [Decimal("29.0000"), Decimal("-0.0650")],
        },
    )


def use(world: World, company: str, request: str, sku: str, *, at: datetime, **columns: Any) -> dict[str, Any]:
    return world.insert("usage_events", company_id=company, sku=sku, request_id=request, occurred_at=at, **columns)


def retain(world: World, company: str, session: str, *, now: datetime) -> None:
    month = now.date().replace(day=1)
    world.insert("retention_usage_items", company_id=company, session_id=session, period=month, retained_at=now - timedelta(minutes=15))


def entries_of(world: World, case: Case) -> list[dict[str, Any]]:
    return world.rows(ENTRIES, **case.names)


def open_items(world: World, case: Case) -> int:
    return world.one(OPEN, **case.names)["n"]


def examine(world: World, case: Case, snapshots: Sequence[Mapping[int, str]], *, thorough: bool = True) -> Verdict:
    """Compare the end with that of a run without faults, to the entry and to the cent fraction."""
    verdict, entries = Verdict(), entries_of(world, case)
    found = Counter((row["company_id"], row["entry_type"], row["amount"]) for row in entries)
    for missing, count in (case.entries - found).items():
        verdict.lost += count
        verdict.sentences.append(f"{missing} is missing from the ledger {count} times")
    for surplus, count in (found - case.entries).items():
        verdict.duplicated += count
        verdict.sentences.append(f"{surplus} is in the ledger {count} times too often")
    charged = world.bank.charges(f"auto:{case.companies[0]}:")
    if [Decimal(charge["amount"]) for charge in charged if charge["status"] == "succeeded"] != [case.charged]:
        verdict.duplicated += 1
        verdict.sentences.append(f"the provider charged {charged}")
    statuses: dict[tuple[str, str], list[str]] = {}
    for row in world.rows(STATUSES, **case.names):
        statuses.setdefault((row["company_id"], row["request_id"]), []).append(row["status"])
    for key, seen in statuses.items():
        if tuple(sorted(seen)) != case.statuses.get(key, ("posted",)):
            verdict.wrong += 1
            verdict.sentences.append(f"usage {key} ended as {seen}")
    told = world.one(TOLD, **case.names)
    if told != case.told:
        verdict.wrong += 1
        verdict.sentences.append(f"told and kept: {told} instead of {case.told}")
    present = {row["ledger_id"]: row["entry_hash"] for row in entries}
    for snapshot in snapshots:
        gone = [ledger_id for ledger_id, entry_hash in snapshot.items() if present.get(ledger_id) != entry_hash]
        verdict.wrong += len(gone)
        verdict.sentences += [f"entry {ledger_id} was written and is another one, or none, now" for ledger_id in gone]
    return verdict + verified(world, case.companies) if thorough else verdict


def verified(world: World, companies: Sequence[str] | None = None) -> Verdict:
    """What the verifier finds, with its own code, in some companies or in all."""
    reports = world.verify(companies)
    findings = [str(finding) for report in reports for finding in report.findings]
    return Verdict(wrong=len(findings), sentences=findings[:5])
