"""The one place where a job's kinds of error meet Airflow's retries."""

from dataclasses import dataclass
from datetime import timedelta

from airflow.sdk import Context, RetryDecision, RetryPolicy

from econsent_jobs.core.errors import PermanentError, TransientError


@dataclass(frozen=True)
class RetryByErrorKind(RetryPolicy):
    """A transient error is retried, a permanent one fails the task at once, anything else is a bug with Airflow's normal retries.

    A wait that the other side asked for is honoured up to ``longest_wait``; without one Airflow's exponential delay holds. The
    number of retries is always the task's own: a policy can end them sooner, never add to them.
    """

    longest_wait: timedelta

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        """Decide in the worker, where the exception itself is at hand."""
        match exception:
            case PermanentError():
                return RetryDecision.fail(reason=str(exception))
            case TransientError(retry_after_seconds=None):
                return RetryDecision.retry(reason=str(exception))
            case TransientError(retry_after_seconds=float() | int() as seconds):
                wait = min(timedelta(seconds=max(seconds, 0)), self.longest_wait)
                return RetryDecision.retry(delay=wait, reason=str(exception))
            case _:
                return RetryDecision.default()
