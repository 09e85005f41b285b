"""What becomes of a failed task, by the kind of its error."""

from datetime import timedelta

import pytest
from airflow.sdk import RetryAction, RetryDecision

from econsent_airflow.defaults import DEFAULT_ARGS
from econsent_airflow.retries import RetryByErrorKind
from econsent_jobs.core.errors import BadItem, ErrorClass, LimitExceeded, PermanentError, TransientError

POLICY = RetryByErrorKind(longest_wait=timedelta(minutes=5))


def transient(retry_after_seconds: float | None) -> TransientError:
    return TransientError(ErrorClass.S3_WRITE, "S3 is busy", retry_after_seconds=retry_after_seconds)


@pytest.mark.parametrize(
    ("error", "action", "delay"),
    [
        pytest.param(transient(None), RetryAction.RETRY, None, id="transient: Airflow's exponential delay"),
        pytest.param(transient(7), RetryAction.RETRY, timedelta(seconds=7), id="the other side asked for 7 seconds"),
        pytest.param(transient(0.5), RetryAction.RETRY, timedelta(seconds=0.5), id="fractions count"),
        pytest.param(transient(86_400), RetryAction.RETRY, timedelta(minutes=5), id="a day is cut to the longest wait"),
        pytest.param(transient(-1), RetryAction.RETRY, timedelta(0), id="the past means now"),
        pytest.param(PermanentError(ErrorClass.CONFIG, "no key"), RetryAction.FAIL, None, id="permanent: now"),
        pytest.param(
            LimitExceeded(ErrorClass.DATA, what="deletions", limit=10, selected=11, whole=20),
            RetryAction.FAIL,
            None,
            id="a limit: now",
        ),
        pytest.param(
            BadItem(ErrorClass.DATA, "left a loop that ought to catch it"),
            RetryAction.DEFAULT,
            None,
            id="a bad item is a bug here",
        ),
        pytest.param(ZeroDivisionError(), RetryAction.DEFAULT, None, id="a bug"),
        pytest.param(TimeoutError(), RetryAction.DEFAULT, None, id="untranslated, so a bug"),
        pytest.param(KeyboardInterrupt(), RetryAction.DEFAULT, None, id="not even an Exception"),
    ],
)
def test_what_becomes_of_a_failed_task(error: BaseException, action: RetryAction, delay: timedelta | None) -> None:
    decision = POLICY.evaluate(error, try_number=1, max_tries=2)

    assert (decision.action, decision.retry_delay) == (action, delay)


def test_the_reason_is_the_error_s_own_sentence() -> None:
    assert POLICY.evaluate(PermanentError(ErrorClass.CONFIG, "no key"), 1, 2) == RetryDecision.fail(reason="config: no key")


def test_every_task_has_the_policy() -> None:
    assert DEFAULT_ARGS["retry_policy"] == POLICY
