"""What every job's DAG has in common."""

from datetime import timedelta
from typing import Any, Final

from econsent_airflow.alerts import tell_of_failure
from econsent_airflow.retries import RetryByErrorKind

TAGS: Final = ("econsent-job",)  # Cron Management lists what carries this tag
ON_DEMAND_TAGS: Final = ("econsent-on-demand",)  # a further DAG of a job, which people start: no row of the list

DEFAULT_ARGS: Final[dict[str, Any]] = {
    "owner": "platform",
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=5),
    "retry_policy": RetryByErrorKind(longest_wait=timedelta(minutes=5)),
    "on_failure_callback": tell_of_failure,
}
