"""What the line about a failure says."""

import logging
from types import SimpleNamespace
from typing import cast

import pytest
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowTaskTimeout

from econsent_airflow.alerts import describe, tell_of_failure
from econsent_jobs.core.errors import ErrorClass, TransientError


@pytest.mark.parametrize(
    ("error", "error_class", "sentence"),
    [
        pytest.param(TransientError(ErrorClass.S3_WRITE, "S3 is busy"), "s3_write", "S3 is busy", id="a job's own error"),
        pytest.param(
            AirflowTaskTimeout(),
            "timeout",
            "the task reached its time-out and was stopped; the next run continues",
            id="time-out",
        ),
        pytest.param(ValueError("two\nlines"), "unknown", "ValueError: two lines", id="a bug, on one line"),
        pytest.param(None, "unknown", "the task ended without saying why; read its log", id="nothing is known"),
        pytest.param(ValueError("x" * 9_999), "unknown", "ValueError: " + "x" * 488, id="at most 500 characters"),
    ],
)
def test_describe(error: BaseException | None, error_class: str, sentence: str) -> None:
    assert describe(error) == (error_class, sentence)


def test_one_line_names_job_run_try_cause_and_log(caplog: pytest.LogCaptureFixture) -> None:
    task = SimpleNamespace(dag_id="a_job", run_id="run-1", task_id="work", try_number=3, log_url="http://airflow.example/log")
    context = cast("Context", {"ti": task, "exception": TransientError(ErrorClass.DB_CONNECTIVITY, "PostgreSQL is away")})

    with caplog.at_level(logging.ERROR):
        tell_of_failure(context)

    assert caplog.messages == [
        "FAILED dag=a_job run=run-1 task=work try=3 class=db_connectivity reason=PostgreSQL is away log=http://airflow.example/log"
    ]


def test_a_failure_without_exception_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    task = SimpleNamespace(dag_id="a_job", run_id="run-1", task_id="work", try_number=1, log_url="-")

    tell_of_failure(cast("Context", {"ti": task}))

    assert "class=unknown" in caplog.text
