"""The execution history of one job: from the audit trail, or from Airflow's own rows where there is no trail."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from econsent_airflow.cron_management.board import text
from econsent_airflow.cron_management.facts import Job
from econsent_airflow.cron_management.queries import TRAIL, Row, TrailAbsent, ask_airflow_database
from econsent_airflow.cron_management.rules import Standing, Verdict

PAGE: Final = 50
CSV_ROWS: Final = 10_000
DAYS: Final = 7
RECENT: Final = 40
OUTCOMES: Final = {"failed": "failed", "success": "succeeded"}
FAR_PAST: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
FAR_FUTURE: Final = datetime.fromisoformat("9999-01-01T00:00:00+00:00")
NOBODY: Final = frozenset({"unknown", "scheduler", "queue"})
LAST_NAME: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to show. ``before`` is the place after which an older page begins: (run_after, run_id, clear_number)."""

    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[datetime, str, int] | None = None


def parameters(dag_id: str, choice: Choice, most: int) -> dict[str, Any]:
    run_after, run_id, clear_number = choice.before or (FAR_FUTURE, LAST_NAME, 0)
    return {
        "dag_id": dag_id,
        "outcome": OUTCOMES.get(choice.outcome or ""),
        "since": choice.since or FAR_PAST,
        "until": choice.until or FAR_FUTURE,
        "before_at": run_after,
        "before_id": run_id,
        "before_clear": clear_number,
        "most": most,
    }


def read_executions(dag_id: str, choice: Choice, most: int) -> list[Row]:
    """Return executions, newest first: those of the trail, and those that it does not have yet. Two statements at most."""
    asked = parameters(dag_id, choice, most)
    try:
        kept = TRAIL.ask("trail_history", asked)
    except TrailAbsent:
        [rows] = ask_airflow_database(("airflow_history", asked))
        return rows
    newest_page = choice.before is None
    if not newest_page:
        return kept
    [fresh] = ask_airflow_database(("airflow_history", {**asked, "since": max(asked["since"], fresh_from(kept)), "most": 20}))
    there = {(row["run_id"], row["clear_number"]) for row in kept}
    added = [row for row in fresh if (row["run_id"], row["clear_number"]) not in there]
    return sorted([*added, *kept], key=lambda row: (row["run_after"], row["run_id"], row["clear_number"]), reverse=True)[:most]


def fresh_from(kept: list[Row]) -> datetime:
    """Return since when Airflow may know more than the trail: a day before its newest entry, for a run that took long."""
    return kept[0]["run_after"] - timedelta(days=1) if kept else FAR_PAST


def page_document(job: Job, standing: Standing, choice: Choice) -> dict[str, Any]:
    """Return one page of the history. Missed ticks of the last twenty stand among the runs of the newest page."""
    gaps = missed_rows(standing, choice) if choice.before is None else []
    if choice.outcome == "missed":
        return {"runs": gaps, "before": None, "counts": {"missed": len(gaps)}}
    rows = read_executions(job.dag_id, choice, PAGE + 1)
    runs = [execution_document(row) for row in rows[:PAGE]]
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    before = f"{last['run_after'].isoformat()}~{last['clear_number']}~{last['run_id']}" if last else None
    shown = [*runs, *(gaps if not choice.outcome else [])]
    shown.sort(key=lambda run: run["at"] or "", reverse=True)
    return {"runs": shown, "before": before, "counts": {"missed": len(missed_rows(standing, Choice()))}}


def missed_rows(standing: Standing, choice: Choice) -> list[dict[str, Any]]:
    causes = {flag.tick_at: flag.cause for flag in standing.flags}
    wanted = [
        tick
        for tick in standing.ticks
        if tick.verdict in (Verdict.MISSED, Verdict.SKIPPED)
        and tick.run_id is None
        and (choice.outcome != "missed" or tick.verdict is Verdict.MISSED)
        and (choice.since or FAR_PAST) <= tick.at < (choice.until or FAR_FUTURE)
    ]
    return [
        {
            "run_id": None,
            "clear_number": 0,
            "at": text(tick.at),
            "started_at": None,
            "ended_at": None,
            "seconds": None,
            "started_by": "schedule",
            "outcome": str(tick.verdict),
            "error_class": None,
            "remark": causes.get(tick.at),
            "counts": None,
            "tries": 0,
        }
        for tick in wanted
    ]


def execution_document(row: Row) -> dict[str, Any]:
    outcome = {"succeeded": "success"}.get(row["outcome"], row["outcome"])
    return {
        "run_id": row["run_id"],
        "clear_number": row["clear_number"],
        "at": text(row["run_after"]),
        "started_at": text(row["started_at"]),
        "ended_at": text(row["ended_at"]),
        "seconds": None if row["seconds"] is None else round(float(row["seconds"]), 3),
        "started_by": started_by(row),
        "outcome": outcome,
        "error_class": row["error_class"],
        "remark": remark(row),
        "counts": row["counts"],
        "tries": row["tries"],
    }


def started_by(row: Row) -> str:
    """Say who or what started a run."""
    who = row["triggered_by"] or ""
    match row["run_kind"]:
        case "scheduled":
            return "schedule"
        case "asset":
            return "work arrived"
        case "backfill":
            return f"{who}, back-fill" if who else "back-fill"
        case _:
            return who if who and who not in NOBODY else "by hand"


def remark(row: Row) -> str | None:
    """Keep an earlier failure of the same run visible, and say what a failed run said, or what one put right beside its items."""
    if row["outcome"] == "failed":
        return row["error_sentence"]
    if row["first_error"]:
        return f"first failed: {row['first_error']}"
    if row["counts"] and row["counts"].get("mended"):
        return f"mended: {', '.join(f'{count:,} {what}' for what, count in row['counts']['mended'].items())}"
    return "after a retry" if row["tries"] and row["tries"] > 1 else None


def charts_document(dag_id: str, now: datetime) -> dict[str, Any]:
    """Return the processing time a day for a week, and the last runs one by one. Two statements at most."""
    asked = {"dag_id": dag_id, "since": now - timedelta(days=DAYS), "until": now, "most": RECENT}
    try:
        [row] = TRAIL.ask("trail_charts", asked)
    except TrailAbsent:
        row = {"recent": None}
    if not row["recent"]:  # there is no trail, or it begins only now
        [[row]] = ask_airflow_database(("airflow_charts", asked))
    return {"days": row["days"] or [], "recent": [recent_document(one) for one in reversed(row["recent"] or [])]}


def recent_document(one: Mapping[str, Any]) -> dict[str, Any]:
    return {**one, "outcome": {"succeeded": "success"}.get(one["outcome"], one["outcome"]), "at": text(datetime.fromisoformat(one["at"]))}


def same_failures(dag_id: str, run_id: str, now: datetime) -> list[Row]:
    """Return the failures of a week with the same fingerprint as a run's, newest first."""
    try:
        return TRAIL.ask("trail_same_failures", {"dag_id": dag_id, "run_id": run_id, "since": now - timedelta(days=DAYS), "until": now})
    except TrailAbsent:
        return []


CSV_HEAD: Final = (
    "dag_id",
    "run_id",
    "try_of_run",
    "due_at",
    "started_at",
    "ended_at",
    "seconds",
    "started_by",
    "outcome",
    "error_class",
    "examined",
    "changed",
    "skipped",
    "quarantined",
    "failed",
    "tries",
    "sentence",
)


def csv_rows(dag_id: str, rows: Iterable[Row]) -> Iterator[list[Any]]:
    """Yield the lines of the export, without its head."""
    for row in rows:
        counts = row["counts"] or {}
        yield [
            dag_id,
            row["run_id"],
            row["clear_number"] + 1,
            text(row["run_after"]),
            text(row["started_at"]),
            text(row["ended_at"]),
            row["seconds"],
            started_by(row),
            row["outcome"],
            row["error_class"],
            *(counts.get(name) for name in ("examined", "changed", "skipped", "quarantined", "failed")),
            row["tries"],
            row["error_sentence"],
        ]
