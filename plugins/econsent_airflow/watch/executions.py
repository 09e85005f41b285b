"""What one execution of a job was, put together from what Airflow knows of its run, its tasks' tries and their results. No I/O."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from econsent_airflow.cron_management.airflow_rows import KINDS

COUNTS: Final = ("examined", "changed", "skipped", "quarantined", "failed")
LONGEST_SENTENCE: Final = 500  # characters

Row = Mapping[str, Any]


def execution(run: Row, tries: Sequence[Row], results: Sequence[Row]) -> dict[str, Any]:
    """Return the audit entry's ``at``, ``by`` and ``details`` for a run that has ended. All three come as the SQL reads them."""
    own = [tried for tried in tries if tried["started_at"] is None or tried["started_at"] >= run["queued_at"]]
    error = error_of(results)
    if run["state"] == "failed" and error is None:
        error = {"error_class": "unknown", "sentence": untold(own)}
    return entry(
        run,
        tries=own,
        started_at=run["started_at"],
        ended_at=run["ended_at"] or run["changed_at"],
        succeeded=run["state"] == "success",
        counts=counts_of(results),
        error=error if run["state"] == "failed" else None,
    )


def earlier_execution(run: Row, tries: Sequence[Row]) -> dict[str, Any] | None:
    """Return what a run did before it was cleared, from the tries that Airflow put aside; None where it put nothing aside.

    Clearing overwrites the run's own times and removes its results: this is what is left when nobody looked in between.
    """
    old = [tried for tried in tries if tried["started_at"] is not None and tried["started_at"] < run["queued_at"]]
    if not old:
        return None
    last = {(tried["task_id"], tried["map_index"]): tried for tried in sorted(old, key=lambda tried: tried["started_at"])}
    failed = [tried for tried in last.values() if tried["state"] in ("failed", "upstream_failed")]
    ends = [tried["ended_at"] for tried in old if tried["ended_at"] is not None]
    error = {"error_class": "unknown", "sentence": untold(failed)} if failed else None
    return entry(
        {**run, "clear_number": run["clear_number"] - 1, "queued_at": min(tried["started_at"] for tried in old)},
        tries=old,
        started_at=min(tried["started_at"] for tried in old),
        ended_at=max(ends, default=run["queued_at"]),
        succeeded=not failed,
        counts=None,
        error=error,
    )


def entry(
    run: Row,
    *,
    tries: Sequence[Row],
    started_at: datetime | None,
    ended_at: datetime,
    succeeded: bool,
    counts: Mapping[str, Any] | None,
    error: Mapping[str, str] | None,
) -> dict[str, Any]:
    kind = KINDS.get(run["run_type"], "manual")
    by = run.get("triggering_user_name") or {"scheduled": "system:scheduler", "asset": "system:queue"}.get(kind, "unknown")
    sentence = " ".join(error["sentence"].split())[:LONGEST_SENTENCE] if error else None
    details = {
        "dag_id": run["dag_id"],
        "run_id": run["run_id"],
        "clear_number": run["clear_number"],
        "run_kind": kind,
        "triggered_by": by,
        "run_after": text(run["run_after"]),
        "queued_at": text(run["queued_at"]),
        "started_at": text(started_at),
        "ended_at": text(ended_at),
        "outcome": "succeeded" if succeeded else "failed",
        "tries": max(1, *Counter((tried["task_id"], tried["map_index"]) for tried in tries).values()) if tries else 0,
        "tasks": [
            {
                "task_id": tried["task_id"],
                "map_index": tried["map_index"],
                "try": tried["try_number"],
                "state": tried["state"],
                "started_at": text(tried["started_at"]),
                "ended_at": text(tried["ended_at"]),
            }
            for tried in tries
        ],
        "counts": counts,
        "error_class": error["error_class"] if error else None,
        "error_sentence": sentence,
        "fingerprint": fingerprint(error["error_class"], sentence) if error and sentence else None,
    }
    return {"at": text(ended_at), "by": by, "details": details}


def counts_of(results: Iterable[Row]) -> dict[str, Any] | None:
    """Add up what the tasks of a run returned as ``JobResult``; None where none did."""
    found = [value for row in results if row["key"] == "return_value" and is_result(value := told(row["value"]))]
    if not found:
        return None
    by_kind = {name: Counter[str]() for name in ("causes", "mended")}
    for value in found:
        for name, counted in by_kind.items():
            counted.update(value.get(name) or {})
    return {
        **{name: sum(value[name] for value in found) for name in COUNTS},
        "backlog": max(value.get("backlog", 0) for value in found),
        "oldest_seconds": max(value.get("oldest_seconds", 0) for value in found),
        **{name: dict(sorted(counted.items())) for name, counted in by_kind.items()},
    }


def told(value: Any) -> Any:
    """Return a result as it was handed on: Airflow keeps some as JSON, and some as JSON in a text."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None


def is_result(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), int) for name in COUNTS)


def error_of(results: Iterable[Row]) -> dict[str, str] | None:
    """Return the last error that a task of the run told, None where none did."""
    found = [value for row in results if row["key"] == "econsent_error" and isinstance(value := told(row["value"]), dict)]
    return {"error_class": str(found[-1].get("error_class")), "sentence": str(found[-1].get("sentence"))} if found else None


def untold(tries: Iterable[Row]) -> str:
    names = sorted({tried["task_id"] for tried in tries if tried["state"] in ("failed", "upstream_failed")})
    where = f"the task {names[0]}" if names else "the run"
    return f"{where} ended without saying why: its process was killed or it reached a time-out; read its log"


def fingerprint(error_class: str, sentence: str) -> str:
    """Return 16 hexadecimal digits that are the same for errors that differ only in numbers and ids."""
    plain = re.sub(r"\b[0-9a-f]{8,}\b|\d+", "#", sentence.lower())
    return hashlib.sha256(f"{error_class}:{plain}".encode()).hexdigest()[:16]


def text(at: datetime | None) -> str | None:
    """Return a time as ISO 8601 in UTC, to the microsecond."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
