"""What the DAG files say, as Airflow reads them. Run as a process of its own, it prints that as JSON and touches no server."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """``timeout_seconds`` is None where a task may run for ever."""

    task_id: str
    operator: str
    owner: str
    pool: str
    queue: str
    retries: int
    timeout_seconds: float | None
    mapped: bool
    retried_by_kind: bool
    tells_of_failure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DagFacts:
    """``schedule`` is the cron expression, or the name of another timetable; ``params`` holds each Param's schema and default."""

    dag_id: str
    title: str
    description: str
    doc: str
    schedule: str
    time_zone: str
    run_immediately: Any
    catchup: bool
    max_active_runs: int
    timeout_seconds: float | None
    tags: list[str]
    params: dict[str, dict[str, Any]]
    tasks: list[TaskFacts]
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """``errors`` maps a file that does not import to its stack trace; ``seconds`` is the time each file took."""

    dags: list[DagFacts]
    errors: dict[str, str]
    seconds: dict[str, float]


def read_facts(folder: Path) -> Facts:
    """Parse every DAG file below ``folder``. Airflow has to be configured without examples before it is imported here."""
    from airflow.dag_processing.dagbag import DagBag

    bag: Any = DagBag(dag_folder=str(folder))
    return Facts(
        dags=[dag_facts(dag, folder) for _, dag in sorted(bag.dags.items())],
        errors={Path(file).name: trace for file, trace in sorted(bag.import_errors.items())},
        seconds={Path(stat.file).name: stat.duration.total_seconds() for stat in bag.dagbag_stats},
    )


def dag_facts(dag: Any, folder: Path) -> DagFacts:
    """Return one DAG's facts. Airflow's classes say little about their types, hence Any."""
    timetable = getattr(dag.timetable, "timetable", dag.timetable)  # the clock's part, where assets start runs as well
    return DagFacts(
        dag_id=dag.dag_id,
        title=dag.dag_display_name,
        description=dag.description or "",
        doc=dag.doc_md or "",
        schedule=getattr(timetable, "expression", None) or type(timetable).__name__,
        time_zone=str(getattr(timetable, "timezone", "")),
        run_immediately=getattr(timetable, "run_immediately", None),
        catchup=dag.catchup,
        max_active_runs=dag.max_active_runs,
        timeout_seconds=dag.dagrun_timeout.total_seconds() if dag.dagrun_timeout else None,
        tags=sorted(dag.tags),
        params={name: {"default": param.value, "description": param.description, **param.schema} for name, param in dag.params.items()},
        tasks=[task_facts(task) for task in dag.tasks],
        file=str(Path(dag.fileloc).relative_to(folder)),
    )


def task_facts(task: Any) -> TaskFacts:
    """Return one task's facts, mapped or not."""
    operator: Any = task.operator_class if task.is_mapped else task.__class__
    return TaskFacts(
        task_id=task.task_id,
        operator=f"{operator.__module__}.{operator.__qualname__}",
        owner=task.owner,
        pool=task.pool,
        queue=task.queue,
        retries=task.retries,
        timeout_seconds=task.execution_timeout.total_seconds() if task.execution_timeout else None,
        mapped=task.is_mapped,
        retried_by_kind=task.retry_policy is not None,
        tells_of_failure=bool(task.on_failure_callback),
    )


if __name__ == "__main__":
    json.dump(asdict(read_facts(Path(sys.argv[1]))), sys.stdout)
