"""What people did, as entries of the audit trail, from Airflow's own log. No I/O.

Airflow writes a row before it acts, so the row alone does not say whether it was allowed to or went well. The page's middleware adds a row
after the answer, with its status and the numbers of Airflow's rows that it answers. So:

1. An answered request is one entry, under the number of its first row: done, refused (401, 403) or failed (any other refusal).
2. A row of a request that nobody answered within half a minute (no middleware is installed, or it was killed) is an entry without outcome.
3. A command of Airflow's command line is an entry without outcome, for it tells none.
"""

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from econsent_airflow.watch.executions import text

REQUEST: Final = "econsent.request"
UNANSWERED_AFTER: Final = timedelta(seconds=30)
DONE: Final = {
    "job.pause": "job.paused",
    "job.resume": "job.resumed",
    "job.trigger": "job.triggered",
    "job.retry": "job.retried",
    "job.clear": "job.cleared",
    "job.mark": "job.marked",
    "job.delete": "job.deleted",
    "job.backfill": "job.backfilled",
    "job.note": "job.noted",
    "job.change": "job.changed",
    "connection.change": "connection.changed",
    "connection.delete": "connection.deleted",
    "variable.change": "variable.changed",
    "variable.delete": "variable.deleted",
    "pool.change": "pool.changed",
    "pool.delete": "pool.deleted",
    "asset.change": "asset.changed",
    "airflow.command": "airflow.commanded",
    "airflow.change": "airflow.changed",
}
ENDPOINTS: Final = (
    (r"patch_dags?$", "job.change"),  # a pause or its end, by the body
    (r"trigger_dag_run", "job.trigger"),
    (r".*clear.*", "job.clear"),
    (r"patch_dag_run|bulk_dag_runs|patch_task_instance.*|bulk_task_instances|patch_task_group_instances", "job.mark"),
    (r"delete_(dag|dag_run|task_instance)$", "job.delete"),
    (r".*backfill.*", "job.backfill"),
    (r"delete_connection", "connection.delete"),
    (r".*connection.*", "connection.change"),
    (r"delete_variable", "variable.delete"),
    (r".*variable.*", "variable.change"),
    (r"delete_pool", "pool.delete"),
    (r".*pool.*", "pool.change"),
    (r".*asset.*", "asset.change"),
)
PATHS: Final = (
    (r"/dags/[^/]+/dagRuns/[^/]+/clear|/clear(TaskInstances|DagRuns)$", "job.clear"),
    (r"/dagRuns/[^/]+/taskInstances/|/dags/[^/]+/dagRuns/[^/]+$", "job.mark"),
    (r"/dags/[^/]+/dagRuns$", "job.trigger"),
    (r"/dags(/[^/]+)?$", "job.change"),
    (r"/backfills", "job.backfill"),
    (r"/connections", "connection.change"),
    (r"/variables", "variable.change"),
    (r"/pools", "pool.change"),
    (r"/assets", "asset.change"),
)
COMMANDS: Final = {
    "dag_pause": "job.pause",
    "dag_unpause": "job.resume",
    "dag_trigger": "job.trigger",
    "dag_clear": "job.clear",
    "dag_delete": "job.delete",
    "task_clear": "job.clear",
    "create_backfill": "job.backfill",
    "pool_set": "pool.change",
    "pool_import": "pool.change",
    "pool_delete": "pool.delete",
    "connections_add": "connection.change",
    "connections_import": "connection.change",
    "connections_delete": "connection.delete",
    "variables_set": "variable.change",
    "variables_import": "variable.change",
    "variables_delete": "variable.delete",
    "clear": "job.clear",
    "rotate_fernet_key": "airflow.command",
    "cleanup_tables": "airflow.command",
    "drop_archived": "airflow.command",
    "downgrade": "airflow.command",
    "team_create": "airflow.command",
    "team_delete": "airflow.command",
    "team_sync": "airflow.command",
}
READING: Final = re.compile(r"/(list|test|dry_run)$|/parseDagFile|/auth/|^get_|^list_|^test_|dry_run|^reparse|^favorite|^unfavorite|login")

Row = Mapping[str, Any]


def entries(rows: Iterable[Row], now: datetime) -> list[dict[str, Any]]:
    """Return the entries for rows of Airflow's log; those of requests that may still be answered are left for the next time."""
    known = list(rows)
    answers = [(row, told(row)) for row in known if row["event"] == REQUEST]
    answered = {number for _, extra in answers for number in extra.get("log_ids", [])}
    found = [of_answer(row, extra, known) for row, extra in answers]
    for row in known:
        if row["event"] == REQUEST or row["id"] in answered:
            continue
        if row["event"].startswith("cli_"):
            found.append(of_command(row))
        elif row["event"] == "paused":
            found.append(entry(row, "job.pause", outcome="done", source="scheduler", by="system:scheduler", dag_id=row["dag_id"]))
        elif row["at"] <= now - UNANSWERED_AFTER:
            found.append(of_unanswered(row))
    return [one for one in found if one is not None]


def of_answer(row: Row, extra: Mapping[str, Any], known: Iterable[Row]) -> dict[str, Any] | None:
    numbers = sorted(extra.get("log_ids", []))
    first = next((other for other in known if numbers and other["id"] == numbers[0]), None)
    path, given = extra.get("path", ""), extra.get("given") or {}
    action = given.get("action") or (by_endpoint(first) if first is not None else by_path(extra.get("method", ""), path, told(row)))
    if action is None or (not given.get("action") and READING.search(path)):
        return None
    status = int(extra.get("status", 0))
    outcome = "done" if status < 400 else "refused" if status in (401, 403) else "failed"
    details = {name: value for name, value in given.items() if name != "action"}
    details |= {"status": status, "method": extra.get("method"), "path": path}
    if first is not None:
        details |= {"given": body_of(first), "run_id": first["run_id"], "task_id": first["task_id"]}
    details.setdefault("dag_id", (first["dag_id"] if first is not None else None) or dag_in(path))
    number = numbers[0] if numbers else row["id"]
    return entry(
        row, action, number=number, outcome=outcome, source=extra.get("source", "api"), by=row["by"], ip=extra.get("ip_address"), **details
    )


def of_unanswered(row: Row) -> dict[str, Any] | None:
    action = by_endpoint(row)
    if action is None:
        return None
    return entry(
        row,
        action,
        outcome="unknown",
        source="api",
        by=row["by"] or "unknown",
        dag_id=row["dag_id"],
        run_id=row["run_id"],
        task_id=row["task_id"],
        given=body_of(row),
    )


def of_command(row: Row) -> dict[str, Any] | None:
    """A command of Airflow's command line. Its words are kept, but for what may be a secret."""
    action = COMMANDS.get(row["event"].removeprefix("cli_"))
    if action is None:
        return None
    words = shlex.split(command_text(told(row).get("full_command")))
    secret = action.startswith(("connection.", "variable."))
    return entry(
        row,
        action,
        outcome="unknown",
        source="cli",
        by=row["by"] or "unknown",
        dag_id=row["dag_id"] or (words[3] if action.startswith("job.") and len(words) > 3 else None),
        command=" ".join(words[1:4] if secret else words[1:])[:500],
        host=told(row).get("host_name"),
    )


def command_text(command: Any) -> str:
    """Airflow writes the words of a command as Python writes a list of them."""
    if isinstance(command, list):
        return shlex.join(str(word) for word in command)
    return shlex.join(re.findall(r"'((?:[^'\\]|\\.)*)'", str(command or ""))) or ""


def entry(row: Row, action: str, *, outcome: str, source: str, by: str | None, number: int | None = None, **details: Any) -> dict[str, Any]:
    name = DONE.get(action, "airflow.changed") if outcome in ("done", "unknown") else f"{action}_{outcome}"
    ip_address = details.pop("ip", None)
    kept = {name: value for name, value in details.items() if value is not None}
    return {
        "action": name,
        "category": "jobs" if action.startswith(("job.", "asset.")) else "configuration",
        "by": by or "anonymous",
        "ip_address": ip_address,
        "at": text(row["at"]),
        "details": {**kept, "outcome": outcome, "source": source},
        "request_id": None,
        "dedupe_key": f"airflow_log:{number or row['id']}",
    }


def by_endpoint(row: Row) -> str | None:
    if READING.search(row["event"]):
        return None
    action = next((action for pattern, action in ENDPOINTS if re.match(pattern, row["event"])), "airflow.change")
    return pause_or_change(action, body_of(row))


def by_path(method: str, path: str, extra: Mapping[str, Any]) -> str | None:
    action = next((action for pattern, action in PATHS if re.search(pattern, path)), "airflow.change")
    if method == "DELETE":
        action = {"job.mark": "job.delete", "job.change": "job.delete"}.get(action, action.replace(".change", ".delete"))
    return pause_or_change(action if action in DONE else "airflow.change", extra.get("body") or {})


def pause_or_change(action: str, body: Mapping[str, Any]) -> str:
    if action == "job.change" and "is_paused" in body:
        return "job.pause" if str(body["is_paused"]).lower() == "true" else "job.resume"
    return action


def body_of(row: Row) -> dict[str, Any]:
    """What was asked for; Airflow has masked secrets in it."""
    return {name: value for name, value in told(row).items() if name != "method"}


def told(row: Row) -> dict[str, Any]:
    try:
        found = json.loads(row["extra"] or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def dag_in(path: str) -> str | None:
    found = re.search(r"/dags/([^/~][^/]*)", path)
    return found.group(1) if found else None
