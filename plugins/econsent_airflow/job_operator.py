"""The base of every operator: run the job, time it, log one line, hand the result on."""

import time
from abc import abstractmethod
from typing import Any, ClassVar, Final

from airflow.sdk import BaseOperator, Context
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowTaskTimeout

from econsent_airflow.alerts import describe
from econsent_airflow.congestion import check_congestion
from econsent_airflow.mail import send_mail
from econsent_airflow.metrics import measure
from econsent_airflow.revision import what_runs
from econsent_jobs.core.errors import ErrorClass, PermanentError
from econsent_jobs.core.results import JobResult

ERROR: Final = "econsent_error"  # the XCom that says why a task failed
FEWEST_ITEMS: Final = 5  # below this a share says nothing
QUARANTINED: Final = frozenset({ErrorClass.DATA, ErrorClass.INTEGRITY})  # causes of bad items, which no retry mends


class Cancelled(KeyboardInterrupt):
    """Airflow ended the task: somebody cleared it or marked its state, its run took too long, or its worker is stopping.

    A KeyboardInterrupt, because drivers and event loops know what to do in one: the statement in flight is cancelled.
    """


class JobOperator(BaseOperator):
    """Runs one job. A subclass opens the job's connections and calls it, and holds no domain logic.

    ``run_seconds`` is the job's own limit, after which it begins nothing new; it may be a template.

    The task fails when at least ``failed_at_least`` items, and more than ``failed_share`` of those examined, failed by transient
    causes. Both are literals of the DAG file. Quarantined items never fail a task.

    A subclass whose job writes mail sets ``sends_mail``: what is due goes out at the end of its run, however that
    ended and whoever wrote it.
    """

    sends_mail: ClassVar[bool] = False
    template_fields = ("run_seconds",)

    def __init__(self, *, run_seconds: float | str, failed_share: float = 0.5, failed_at_least: int = FEWEST_ITEMS, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run_seconds = run_seconds
        self.failed_share = failed_share
        self.failed_at_least = failed_at_least
        self._can_be_cancelled = False

    @abstractmethod
    def run_job(self) -> JobResult:
        """Run the job once, within its limits."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the result's figures, which become the task's XCom. Raises PermanentError past the failed share, and when congested."""
        self._can_be_cancelled = True
        try:
            return self._execute(context)
        except (Exception, AirflowTaskTimeout) as error:
            # The log line is for people; this is what the watch copies into the execution's history.
            error_class, sentence = describe(error)
            context["ti"].xcom_push(key=ERROR, value={"error_class": str(error_class), "sentence": sentence})
            raise
        finally:
            self._can_be_cancelled = False

    def on_kill(self) -> None:
        """Break off the job, which gives back what it holds. Airflow calls this on SIGTERM, and kills what has not gone 5 s later.

        It also calls it after a time-out, when the job is over. Raises Cancelled, once.
        """
        if self._can_be_cancelled:
            self._can_be_cancelled = False
            raise Cancelled("Airflow ended this task; what it held is free again")

    def _execute(self, context: Context) -> dict[str, Any]:
        self.log.info("%s", what_runs())
        started = time.monotonic()
        try:
            result = self.run_job()
        finally:
            seconds = time.monotonic() - started
            if self.sends_mail:
                send_mail()
        self.log.info("%s in %.1f s", result, seconds)
        measure(self.dag_id, result, seconds=seconds, run_seconds=float(self.run_seconds))
        # A failed task returns nothing, and its figures are the ones that people look for: so they are kept before it can fail.
        context["ti"].xcom_push(key=BaseXCom.XCOM_RETURN_KEY, value=result.as_dict())
        if result.past_share(self.failed_share, at_least=self.failed_at_least):
            raise too_many_failed(result)
        if seconds >= float(self.run_seconds):
            check_congestion(result, context)
        return result.as_dict()


def too_many_failed(result: JobResult) -> PermanentError:
    """Return the error of a run whose items failed past the share.

    It is permanent although its causes are transient: the failed items back off, so a retry of the task would find nothing due
    and turn the run green. The next tick takes them up again.
    """
    transient = {cause: count for cause, count in result.causes.items() if cause not in QUARANTINED}
    cause = max(transient, key=lambda error_class: transient[error_class], default=ErrorClass.UNKNOWN)
    sentence = (
        f"{result.failed} of {result.examined} items failed, most by {cause}; they wait and are tried again by the next runs, "
        "so look at the cause if this repeats"
    )
    return PermanentError(cause, sentence)
