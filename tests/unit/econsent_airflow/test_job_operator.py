"""When a job's task fails, and what it hands on."""

from typing import Any, cast

import pytest
from airflow.sdk import Context

from econsent_airflow.job_operator import Cancelled, JobOperator
from econsent_jobs.core.errors import ErrorClass, PermanentError
from econsent_jobs.core.results import JobResult


class Returns(JobOperator):
    """An operator whose job ends with the given result."""

    def __init__(self, *, result: JobResult, **kwargs: Any) -> None:
        super().__init__(task_id="work", run_seconds=60, **kwargs)
        self.result = result

    def run_job(self) -> JobResult:
        return self.result


class Killed(JobOperator):
    """An operator that Airflow ends while its job works, twice."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(task_id="work", run_seconds=60, **kwargs)
        self.given_back = False

    def run_job(self) -> JobResult:
        try:
            self.on_kill()
        finally:
            self.on_kill()
            self.given_back = True
        return JobResult()


class Pushed:
    """Stands for the task instance: keeps what is pushed."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.values[key] = value


def execute(result: JobResult, pushed: Pushed, **settings: Any) -> dict[str, Any]:
    return Returns(result=result, **settings).execute(cast("Context", {"ti": pushed}))


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(JobResult(), id="nothing to do is a success"),
        pytest.param(JobResult(examined=4, failed=4, causes={ErrorClass.S3_WRITE: 4}), id="four items say nothing"),
        pytest.param(JobResult(examined=10, changed=5, failed=5, causes={ErrorClass.S3_WRITE: 5}), id="half is not more than half"),
        pytest.param(JobResult(examined=90, quarantined=90, causes={ErrorClass.DATA: 90}), id="bad items never fail a run"),
    ],
)
def test_returns_the_figures(result: JobResult) -> None:
    pushed = Pushed()

    assert execute(result, pushed) == result.as_dict()


def test_fails_past_the_share_and_keeps_the_figures() -> None:
    result = JobResult(
        examined=9,
        changed=2,
        quarantined=1,
        failed=6,
        causes={ErrorClass.S3_WRITE: 4, ErrorClass.DB_CONNECTIVITY: 2, ErrorClass.DATA: 1},
    )
    pushed = Pushed()

    with pytest.raises(PermanentError) as raised:
        execute(result, pushed)

    assert raised.value.error_class == ErrorClass.S3_WRITE
    assert raised.value.reason.startswith("6 of 9 items failed, most by s3_write;")
    error = {"error_class": "s3_write", "sentence": raised.value.reason}
    assert pushed.values == {"return_value": result.as_dict(), "econsent_error": error}


def test_the_dag_file_sets_share_and_least() -> None:
    one_failed = JobResult(examined=50, changed=49, failed=1, causes={ErrorClass.HTTP_DELIVERY: 1})

    with pytest.raises(PermanentError):
        execute(one_failed, Pushed(), failed_share=0.0, failed_at_least=1)


def test_a_job_that_airflow_ends_can_give_back_what_it_holds() -> None:
    pushed, operator = Pushed(), Killed()

    with pytest.raises(Cancelled):
        operator.execute(cast("Context", {"ti": pushed}))

    assert operator.given_back
    assert pushed.values == {}, "nothing failed"


def test_a_task_whose_job_is_over_is_not_broken_off() -> None:
    """After a time-out Airflow calls this too, and the time-out is what has to be told."""
    operator = Returns(result=JobResult())
    operator.on_kill()
    operator.execute(cast("Context", {"ti": Pushed()}))
    operator.on_kill()
