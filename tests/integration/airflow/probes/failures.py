"""A DAG of tests: each task fails in one way, with the defaults that every job's DAG has."""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from econsent_airflow.defaults import DEFAULT_ARGS
from econsent_airflow.job_operator import JobOperator
from econsent_jobs.core.errors import ErrorClass, PermanentError, TransientError
from econsent_jobs.core.results import JobResult

ERRORS = {
    "permanent": PermanentError(ErrorClass.CONFIG, "the key is missing; set the Connection"),
    "transient": TransientError(ErrorClass.S3_WRITE, "S3 is busy", retry_after_seconds=1),
    "bug": ZeroDivisionError("a bug"),
}


class FailsOperator(JobOperator):
    """Raises, or returns a result with too many failed items."""

    def __init__(self, *, how: str, **kwargs: Any) -> None:
        super().__init__(task_id=how, retries=1, retry_delay=timedelta(seconds=1), run_seconds=60, **kwargs)
        self.how = how

    def run_job(self) -> JobResult:
        if self.how in ERRORS:
            raise ERRORS[self.how]
        return JobResult(examined=9, changed=3, failed=6, causes={ErrorClass.S3_WRITE: 6})


with DAG(dag_id="failures", schedule=None, catchup=False, default_args=DEFAULT_ARGS):
    for how in [*ERRORS, "share"]:
        FailsOperator(how=how)
