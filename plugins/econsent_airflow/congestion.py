"""When a queue grows faster than it is emptied: seen over several runs, so told from what earlier runs left as XComs."""

from collections.abc import Mapping
from typing import Any, Final

from airflow.sdk import Context

from econsent_jobs.core.errors import ErrorClass, PermanentError
from econsent_jobs.core.results import JobResult

CONGESTED_AFTER: Final = 3  # runs, each with an older oldest item than the one before
GROWN_RUNS: Final = "grown_runs"  # the XCom's key


def check_congestion(result: JobResult, context: Context) -> None:
    """Raise PermanentError (queue_congestion) when this is the third run or more that ended with work left, and ever older work.

    A run that finished its queue begins anew. Runs without a logical date, started by an asset, have no order that Airflow could give
    the run before, so they are not judged.
    """
    if not result.more_remaining or context["dag_run"].logical_date is None:
        return
    task = context["ti"]
    previous = task.get_previous_ti(map_index=task.map_index)
    if previous is None:
        return
    figures = task.xcom_pull(run_id=previous.run_id)
    runs = grown_runs(result, figures, task.xcom_pull(run_id=previous.run_id, key=GROWN_RUNS, default=1))
    task.xcom_push(key=GROWN_RUNS, value=runs)
    if runs >= CONGESTED_AFTER:
        raise PermanentError(
            ErrorClass.QUEUE_CONGESTION,
            f"{result.backlog} items are left and the oldest waits {result.oldest_seconds} s, longer than after each of the {runs - 1} runs"
            " before; more arrives than is done, so give the DAG's pool more slots and the DAG more lanes",
        )


def grown_runs(result: JobResult, before: Mapping[str, Any] | None, runs_before: int) -> int:
    """Return how many runs in a row, this one among them, left ever older work; 1 says that this run begins the row."""
    if before is None or not before["more_remaining"] or result.oldest_seconds <= before["oldest_seconds"]:
        return 1
    return runs_before + 1
