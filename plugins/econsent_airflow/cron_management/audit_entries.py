"""The audit tab: entries of the sealed trail, newest first, in the words of people."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from econsent_airflow.cron_management.board import UNSEALED, UNWATCHED, text
from econsent_airflow.cron_management.queries import TRAIL, Row, TrailAbsent

PAGE: Final = 50
CSV_ROWS: Final = 10_000
KINDS: Final = {
    "": None,
    "executions": r"^job\.(succeeded|failed)$",
    "actions": r"^(job\.(?!succeeded$|failed$)|connection\.|variable\.|pool\.|asset\.|airflow\.)",
    "refused": r"_refused$",
    "platform": r"^(component|dag|incident)\.",
}
CSV_HEAD: Final = ("entry", "at", "who", "action", "dag_id", "details", "entry_hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """``kind``: one of KINDS. ``who`` and ``what`` are parts of a name; ``what`` may be an entry's number."""

    kind: str = ""
    who: str = ""
    what: str = ""
    before: int | None = None


def parameters(choice: Choice, most: int) -> dict[str, Any]:
    number = int(choice.what.replace(",", "")) if choice.what.replace(",", "").isdecimal() else None
    return {
        "pattern": KINDS[choice.kind],
        "who": like(choice.who) if choice.who else None,
        "what": like(choice.what) if choice.what and number is None else None,
        "number": number if number is not None and number < 2**63 else (None if number is None else -1),
        "before": choice.before or 2**63 - 1,
        "most": most,
    }


def like(part: str) -> str:
    """A pattern that finds ``part`` anywhere, and takes its signs for what they are."""
    escaped = part.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


def page_document(choice: Choice, titles: Mapping[str, str]) -> dict[str, Any]:
    """Return one page of entries. Two statements."""
    try:
        rows = TRAIL.ask("audit_entries", parameters(choice, PAGE + 1))
        seals = TRAIL.ask("audit_seal", {})
    except TrailAbsent:
        return {"entries": [], "before": None, "seal": None, "seal_words": UNWATCHED}
    more = rows[PAGE - 1]["audit_id"] if len(rows) > PAGE else None
    sealed = [{"entry": seal["entry"], "at": text(seal["at"])} for seal in seals]
    return {
        "entries": [entry_document(row, titles) for row in rows[:PAGE]],
        "before": more,
        "seal": sealed[0] if sealed else None,
        "seal_words": UNSEALED,
    }


def entry_document(row: Row, titles: Mapping[str, str]) -> dict[str, Any]:
    details: Mapping[str, Any] = row["details"] or {}
    dag_id = details.get("dag_id")
    result, tone = result_of(row["action"], details)
    return {
        "entry": row["audit_id"],
        "sealed": row["entry_hash"] is not None,
        "at": text(row["at"]),
        "who": row["who"],
        "action": row["action"],
        "dag_id": dag_id if isinstance(dag_id, str) else None,
        "title": titles.get(str(dag_id), str(dag_id)),
        "result": result,
        "tone": tone,
        "details": ", ".join(words(details)),
    }


def result_of(action: str, details: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the result's words and the look of its mark."""
    code = details.get("status")
    if action.endswith("_refused"):
        return (f"refused {code}" if code else "refused"), "failed"
    if action.endswith("_failed"):
        return (f"not done {code}" if code else "not done"), "warning"
    outcome = details.get("outcome")
    if outcome in ("succeeded", "failed"):
        return str(outcome), "failed" if outcome == "failed" else "active"
    return (f"done {code}" if code else str(outcome), "active") if outcome else (None, "idle")


SOURCES: Final = {
    "page": "from Cron Management",
    "api": "by Airflow's pages or API",
    "cli": "by Airflow's command line",
    "scheduler": "by the scheduler",
}
SAID_ALREADY: Final = frozenset(
    {"clear_number", "counts", "dag_id", "ended_at", "given", "method", "outcome", "path", "queued_at", "run_after", "run_kind", "status"}
    | {"fingerprint", "seconds", "stack_trace", "started_at", "tasks", "triggered_by"}
)


def words(details: Mapping[str, Any]) -> Iterator[str]:
    """Say an entry's details in short: reasons quoted, moments and the rest by name."""
    for name, value in details.items():
        if name in SAID_ALREADY or value in (None, "", [], {}):
            continue
        if name == "reason":
            yield f"“{value}”"
        elif name == "source":
            yield SOURCES.get(str(value), f"by {value}")
        elif name == "tries" and value == 1:
            continue
        elif name in ("run_id", "sentence", "error_class", "error_sentence"):
            yield str(value)
        elif isinstance(value, str) and name.endswith("_at"):
            yield f"{name.removesuffix('_at').replace('_', ' ')} {moment_words(value)}"
        elif isinstance(value, dict | list):
            yield f"{name.replace('_', ' ')} {json.dumps(value)}"
        else:
            yield f"{name.replace('_', ' ')} {value}"
    counts = details.get("counts")
    if isinstance(counts, Mapping) and counts.get("examined"):
        yield f"{counts.get('changed', 0):,} of {counts['examined']:,} done"


def moment_words(value: str) -> str:
    try:
        return f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return value


def csv_rows(choice: Choice) -> Iterable[list[Any]]:
    """Yield the lines of the export. Raises TrailAbsent."""
    for row in TRAIL.ask("audit_entries", parameters(choice, CSV_ROWS)):
        details = row["details"] or {}
        yield [
            row["audit_id"],
            text(row["at"]),
            row["who"],
            row["action"],
            details.get("dag_id"),
            json.dumps(details, ensure_ascii=False, sort_keys=True),
            row["entry_hash"],
        ]
