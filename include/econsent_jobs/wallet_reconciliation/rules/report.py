"""The report of one turn: a text that the same snapshot gives again to the byte, in whatever order its rows come."""

import json
from dataclasses import asdict, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, cast

from econsent_jobs.core.canonical_json import canonical_json
from econsent_jobs.wallet_reconciliation.model import Entry, Finding, Snapshot, Stranger, Unposted
from econsent_jobs.wallet_reconciliation.rules.drift import explain_drift

VERSION: Final = 1
MONEY: Final = frozenset({"amount", "balance", "expected", "balance_after", "unit_price", "quoted"})
TIMES: Final = frozenset({"occurred_at", "created_at"})


def snapshot_text(snapshot: Snapshot) -> str:
    """Return the snapshot as canonical JSON, its rows in order."""
    document = asdict(snapshot)
    document["entries"] = sorted(document["entries"], key=lambda row: row["entry_no"])
    document["unposted"] = sorted(document["unposted"], key=lambda row: row["usage_id"])
    document["strangers"] = sorted(document["strangers"], key=lambda row: (row["company_id"], row["ledger_id"]))
    document["duplicates"] = sorted(document["duplicates"])
    return canonical_json(plain({"version": VERSION, **document})).decode()


def read_snapshot(text: str) -> Snapshot:
    """Read what ``snapshot_text`` wrote."""
    document: dict[str, Any] = json.loads(text)
    del document["version"]
    document["entries"] = [Entry(**typed(row)) for row in document["entries"]]
    document["unposted"] = [Unposted(**typed(row)) for row in document["unposted"]]
    document["strangers"] = [Stranger(**typed(row)) for row in document["strangers"]]
    return Snapshot(**typed(document))


def report_text(snapshot: Snapshot) -> str:
    """Return the report as canonical JSON: the balances, the drift, and what explains it."""
    findings = explain_drift(snapshot)
    document = {
        "version": VERSION,
        "company_id": snapshot.company_id,
        "balance": snapshot.balance,
        "expected": snapshot.expected,
        "drift": snapshot.drift,
        "last_entry_no": snapshot.last_entry_no,
        "findings": [row_of(finding) for finding in findings],
    }
    return canonical_json(plain(document)).decode()


def row_of(finding: Finding) -> dict[str, Any]:
    return {field.name: getattr(finding, field.name) for field in fields(finding)}


def plain(value: Any) -> Any:
    """Money and times as text: JSON has neither."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, Decimal):
        return f"{value:.4f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value


def typed(row: dict[str, Any]) -> dict[str, Any]:
    read = dict(row)
    for name, value in row.items():
        if value is None:
            continue
        if name in MONEY:
            read[name] = Decimal(value)
        elif name in TIMES:
            read[name] = datetime.fromisoformat(value)
        elif name == "period":
            read[name] = date.fromisoformat(value)
    return read
