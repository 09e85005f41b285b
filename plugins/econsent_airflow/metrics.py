"""A run's figures as metrics, by Airflow's own means: sent where ``[metrics]`` switches OpenTelemetry or StatsD on, nowhere otherwise.

| metric                     | kind    | tags                | what                                                               |
|----------------------------|---------|---------------------|--------------------------------------------------------------------|
| ``econsent.items``         | counter | dag_id, outcome     | items that were changed, skipped, quarantined, failed              |
| ``econsent.troubles``      | counter | dag_id, error_class | quarantined and failed items by cause                              |
| ``econsent.backlog``       | gauge   | dag_id              | items that were due and not done at the end of a run               |
| ``econsent.oldest_seconds``| gauge   | dag_id              | how long the oldest of them had been waiting                       |
| ``econsent.run_seconds``   | gauge   | dag_id              | how long a task ran                                                |
| ``econsent.limit_share``   | gauge   | dag_id              | that as a share of what the task may take: from 1 it ran into it   |

Airflow puts its own prefix before the names. The tag is not called job, because a collector's labels have one of that name. A task's
process lives for seconds, shorter than any interval of an exporter, so what it measured is sent before it ends.
"""

from typing import Final

from airflow.sdk.observability import stats
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider

from econsent_jobs.core.results import JobResult

OUTCOMES: Final = ("changed", "skipped", "quarantined", "failed")
FLUSH_MILLISECONDS: Final = 5_000


def measure(dag_id: str, result: JobResult, *, seconds: float, run_seconds: float) -> None:
    """Send the figures of a task that ran ``seconds`` of the ``run_seconds`` it may take. A collector that is away costs 5 s."""
    tags = {"dag_id": dag_id}
    for outcome in OUTCOMES:
        if count := getattr(result, outcome):
            stats.incr("econsent.items", count, tags={**tags, "outcome": outcome})
    for error_class, count in result.causes.items():
        stats.incr("econsent.troubles", count, tags={**tags, "error_class": str(error_class)})
    stats.gauge("econsent.backlog", result.backlog, tags=tags)
    stats.gauge("econsent.oldest_seconds", result.oldest_seconds, tags=tags)
    stats.gauge("econsent.run_seconds", seconds, tags=tags)
    if run_seconds > 0:  # a run may be told to begin nothing
        stats.gauge("econsent.limit_share", seconds / run_seconds, tags=tags)
    provider = metrics.get_meter_provider()
    if isinstance(provider, MeterProvider):
        provider.force_flush(FLUSH_MILLISECONDS)
