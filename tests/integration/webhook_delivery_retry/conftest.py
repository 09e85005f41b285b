"""The job on the real database, over real TLS to receivers on this machine, with the rights that it has in production."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.webhook_delivery_retry import deliver_webhooks
from econsent_jobs.webhook_delivery_retry.model import AddressPolicy, SecretKeys, Settings
from econsent_jobs.webhook_delivery_retry.tools import Tools, real_tools
from econsent_stack.stack import Stack
from tests.integration.webhook_delivery_retry.given import KEYS, Given
from tests.prove.webhooks.receivers import Laboratory

LIMITS = Limits(batch_size=200, run_seconds=60)


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    with Laboratory() as opened:
        yield opened


@pytest.fixture
def settings(laboratory: Laboratory) -> Settings:
    return Settings(
        keys=SecretKeys(**KEYS),
        policy=AddressPolicy(allow_loopback=True),
        ca_file=laboratory.authority_file,
        request_seconds=2,
        linger_seconds=0,
    )


@pytest.fixture
def given(database: psycopg.Connection[Any]) -> Given:
    """Puts companies, endpoints and events there."""
    return Given(database)


@pytest.fixture
def make_tools(stack: Stack, database: psycopg.Connection[Any], settings: Settings) -> Iterator[Callable[..., Tools]]:
    """Make one lane's tools, each with a connection of its own under the job's own role."""
    with ExitStack() as opened:

        def make(**changes: Any) -> Tools:
            url = stack.postgres_url(database.info.dbname, user="econsent_webhook_delivery_retry")
            own = opened.enter_context(psycopg.connect(url, autocommit=True))
            chosen = replace(settings, **changes)
            return real_tools(database=own, settings=chosen, run_id="run-1")

        yield make


@pytest.fixture
def run(make_tools: Callable[..., Tools]) -> Callable[..., JobResult]:
    """Run one lane."""

    def run(limits: Limits = LIMITS, **changes: Any) -> JobResult:
        return deliver_webhooks(tools=make_tools(**changes), limits=limits)

    return run
