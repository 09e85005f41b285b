"""When a queue grows faster than it is emptied: seen over several runs, so told from what earlier runs left as XComs."""

from collections.abc import Mapping
from typing import Any, Final

from airflow.sdk import Context

from econsent_jobs.core.errors import ErrorClass, PermanentError
from econsent_jobs.core.results import JobResult

CONGESTED_AFTER: Final = 3  # runs, each with an older oldest item than the one before
GROWN_RUNS: Final = "grown_runs"  # the XCom's key


def check_congestion(result: JobResult, context: Context) -> None:
    """Raise PermanentError (queue_congestion) when the third run in a row ended at its limit and left ever older work.

    To be called for a run that ended at its limit: one that ended sooner begins anew, whatever another lane still has in hand. Runs
    without a logical date, started by an asset, are not judged: Airflow does not know the run before them.
    """
    if not result.more_remaining or context["dag_run"].logical_date is None:
        return
    task = context["ti"]
    previous = task.get_previous_ti(map_index=-1 if task.map_index is None else task.map_index)
    if previous is None:
        task.xcom_push(key=GROWN_RUNS, value=1)
        return
    place = {"run_id": previous.run_id, "task_ids": task.task_id, "map_indexes": task.map_index}
    runs = grown_runs(result, task.xcom_pull(**place), task.xcom_pull(**place, key=GROWN_RUNS))
    task.xcom_push(key=GROWN_RUNS, value=runs)
    if runs >= CONGESTED_AFTER:
        raise PermanentError(
            ErrorClass.QUEUE_CONGESTION,
            f"{result.backlog} items are left and the oldest waits {result.oldest_seconds} s, longer than after each of the {runs - 1} runs"
            " before; more arrives than is done, so give the DAG's pool more slots and the DAG more lanes",
        )


def grown_runs(result: JobResult, before: Mapping[str, Any] | None, runs_before: int | None) -> int:
    """Return how many runs in a row, this one among them, ended at their limit and left ever older work.

    ``before`` are the figures of the run before, and ``runs_before`` what this returned for it, None if it ended sooner.
    """
    if before is None or runs_before is None or result.oldest_seconds <= before["oldest_seconds"]:
        return 1
    return runs_before + 1
