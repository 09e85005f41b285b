"""The last lines of a failed run's log, asked of Airflow's API with the reader's own rights."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from fastapi import HTTPException, Request

from econsent_airflow.cron_management.airflow_api import ask_airflow

LINES: Final = 8
NOISE: Final = (
    "::endgroup::",
    "::group::",
    "DAG bundles loaded",
    "FAILED dag=",  # says again, for machines, what stands above it
    "Filling up the DagBag",
    "GitWildMatchPattern",
    "Log message source details",
    "Pushing xcom",
    "Retry policy decision",
    "Task finished",
    "Task instance state updated",
    "Worker startup parse complete",
)
UNTOLD: Final = frozenset({"debug", "trace"})


def task_path(dag_id: str, run_id: str, task: Mapping[str, Any]) -> str:
    """The path of the task's own page in Airflow, where its log is."""
    place = f"/dags/{quote(dag_id)}/runs/{quote(run_id, safe=':+')}/tasks/{quote(task['task_id'])}"
    return place if task["map_index"] < 0 else f"{place}/mapped/{task['map_index']}"


async def last_lines(request: Request, dag_id: str, run_id: str) -> list[dict[str, str]]:
    """Return the last lines of the task that failed last: ``at``, ``level`` and ``text`` of each. Raises what Airflow refuses with."""
    path = f"/dags/{quote(dag_id, safe='')}/dagRuns/{quote(run_id, safe='')}/taskInstances"
    found = await ask_airflow(request, "GET", path, params={"state": ["failed", "up_for_retry"], "limit": 20, "order_by": "-end_date"})
    if not found.ok:
        raise HTTPException(found.status, found.reason)
    tasks = found.body["task_instances"]
    if not tasks:
        return []
    task = max(tasks, key=lambda one: one["end_date"] or "")
    place = f"{path}/{quote(task['task_id'], safe='')}/logs/{task['try_number']}"
    answer = await ask_airflow(request, "GET", place, params={"map_index": task["map_index"], "full_content": True})
    if not answer.ok:
        raise HTTPException(answer.status, answer.reason)
    return shorten(answer.body.get("content") or [])


def shorten(content: Iterable[Any]) -> list[dict[str, str]]:
    """Keep what a person reads: the last lines of the job itself, without Airflow's own."""
    lines: list[dict[str, str]] = []
    for entry in content:
        if not isinstance(entry, Mapping):
            continue
        text, level = str(entry.get("event", "")).strip(), str(entry.get("level") or "info").lower()
        at = str(entry.get("timestamp") or "")
        if not at or not text or level in UNTOLD or text.startswith(NOISE):
            continue
        lines.append({"at": at[11:23], "level": level, "text": text + error_of(entry)})
    return lines[-LINES:]


def error_of(entry: Mapping[str, Any]) -> str:
    """The exception that a line carries, as its last line would say it."""
    details = entry.get("error_detail")
    if not isinstance(details, list) or not details:
        return ""
    last = details[0]
    return f" ({last.get('exc_type')}: {last.get('exc_value')})"
