"""Who is told that a task has failed for good, and what."""

import logging
from typing import Final

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowTaskTimeout

from econsent_jobs.core.errors import EconsentError, ErrorClass

LONGEST_SENTENCE: Final = 500  # characters

log = logging.getLogger(__name__)


def tell_of_failure(context: Context) -> None:
    """Write one line into the task's log: which job, run and try failed, the error's class and sentence, and where the log is.

    An ``on_failure_callback``: it runs in the worker, after the last try. It sends nothing itself, because a killed worker runs
    no callback: delivery to people is the watcher's, a process of its own that reads how runs ended.
    """
    task = context["ti"]
    error_class, sentence = describe(context.get("exception"))
    log.error(
        "FAILED dag=%s run=%s task=%s try=%s class=%s reason=%s log=%s",
        task.dag_id,
        task.run_id,
        task.task_id,
        task.try_number,
        error_class,
        sentence,
        task.log_url,
    )


def describe(error: BaseException | str | None) -> tuple[ErrorClass, str]:
    """Return the class an administrator sorts by, and one line of at most 500 characters that says what happened."""
    match error:
        case EconsentError():
            error_class, sentence = error.error_class, error.reason
        case AirflowTaskTimeout():
            error_class, sentence = ErrorClass.TIMEOUT, "the task reached its time-out and was stopped; the next run continues"
        case None:
            error_class, sentence = ErrorClass.UNKNOWN, "the task ended without saying why; read its log"
        case _:
            error_class, sentence = ErrorClass.UNKNOWN, f"{type(error).__name__}: {error}"
    return error_class, " ".join(sentence.split())[:LONGEST_SENTENCE]
