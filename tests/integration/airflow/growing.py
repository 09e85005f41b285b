"""A DAG of tests whose queue grows, and a program that runs it several times and prints how each run ended."""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, DagRunState

from econsent_airflow.defaults import DEFAULT_ARGS
from econsent_airflow.job_operator import JobOperator
from econsent_jobs.core.results import JobResult

SECONDS = [10, 20, 30, 40, 35, 36, 0, 37, 38, 39]  # how long the oldest item waits after each run; 0: the queue is empty


class GrowsOperator(JobOperator):
    """Ends with something left that has waited for ``oldest`` seconds."""

    template_fields = (*JobOperator.template_fields, "oldest")

    def __init__(self, *, oldest: int | str, lane: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.oldest = oldest
        self.lane = lane

    def run_job(self) -> JobResult:
        oldest = int(self.oldest)
        return JobResult(backlog=1 if oldest else 0, oldest_seconds=oldest)


with DAG(
    dag_id="growing", schedule=None, catchup=False, default_args={**DEFAULT_ARGS, "retries": 0}, params={"oldest": 0, "limit": 0}
) as dag:
    GrowsOperator.partial(task_id="grow", oldest="{{ params.oldest }}", run_seconds="{{ params.limit }}").expand(lane=[1, 2])

if __name__ == "__main__":
    began = datetime(2026, 1, 1, tzinfo=UTC)
    limits = [(seconds, 0) for seconds in SECONDS] + [(seconds, 3_600) for seconds in (50, 51, 52, 53)]
    states = [
        dag.test(logical_date=began + timedelta(minutes=number), run_conf={"oldest": oldest, "limit": limit}).state
        for number, (oldest, limit) in enumerate(limits)
    ]
    json.dump([state == DagRunState.SUCCESS for state in states], sys.stdout)
