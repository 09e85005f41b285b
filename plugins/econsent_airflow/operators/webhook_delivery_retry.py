"""Composition root of webhook delivery."""

from pathlib import Path
from typing import Any, Final

from econsent_airflow.connections import open_database, webhook_keys, webhook_network
from econsent_airflow.job_operator import JobOperator
from econsent_airflow.queue_trigger import watched_queue
from econsent_jobs.core.clock import SystemClock
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.webhook_delivery_retry import deliver_webhooks
from econsent_jobs.webhook_delivery_retry.model import AddressPolicy, SecretKeys, Settings
from econsent_jobs.webhook_delivery_retry.review import review_endpoints
from econsent_jobs.webhook_delivery_retry.store import PostgresStore
from econsent_jobs.webhook_delivery_retry.tools import real_tools

STEM: Final = "webhook_delivery_retry"
FRESH_EVENTS: Final = watched_queue(STEM, channel="econsent_webhook_events")


def settings(*, linger_seconds: float) -> Settings:
    """Read the Connections."""
    keys, network = webhook_keys(), webhook_network()
    return Settings(
        keys=SecretKeys(key_id=keys.key_id, key=keys.key, retired=keys.retired),
        policy=AddressPolicy(allow_loopback=network.get("allow_loopback") is True),
        ca_file=Path(network["ca_file"]) if "ca_file" in network else None,
        nameservers=network.get("nameservers", ()),
        dns_port=network.get("dns_port", 53),
        linger_seconds=linger_seconds,
    )


class DeliverWebhooksOperator(JobOperator):
    """Send what is due, and what falls due or arrives meanwhile.

    It ends when there was nothing to do for ``linger_seconds``, and begins nothing new after ``run_seconds``.

    ``lane`` only tells the mapped tasks apart: lanes share the queue. All but ``lane`` are templated.
    """

    sends_mail = True
    template_fields = (*JobOperator.template_fields, "batch_size", "linger_seconds", "run_id")

    def __init__(self, *, lane: int, batch_size: int | str, linger_seconds: float | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lane = lane
        self.batch_size = batch_size
        self.linger_seconds = linger_seconds
        self.run_id = "{{ run_id }}"

    def run_job(self) -> JobResult:
        chosen = settings(linger_seconds=float(self.linger_seconds))
        with open_database(STEM) as database:
            tools = real_tools(database=database, settings=chosen, run_id=str(self.run_id))
            return deliver_webhooks(tools=tools, limits=Limits(batch_size=int(self.batch_size), run_seconds=float(self.run_seconds)))


class ReviewEndpointsOperator(JobOperator):
    """What only time brings about: queues of deleted and long disabled endpoints, ended rotations, bodies that are done with."""

    template_fields = (*JobOperator.template_fields, "batch_size")

    def __init__(self, *, batch_size: int | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch_size = batch_size

    def run_job(self) -> JobResult:
        with open_database(STEM) as database:
            limits = Limits(batch_size=int(self.batch_size), run_seconds=float(self.run_seconds))
            return review_endpoints(store=PostgresStore(database), clock=SystemClock(), limits=limits)
