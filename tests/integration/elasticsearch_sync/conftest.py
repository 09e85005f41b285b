"""The sync on the real stores, with the rights that it has in production and an alias of each test's own."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from elasticsearch import Elasticsearch

from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.elasticsearch_sync import sync_search
from econsent_jobs.elasticsearch_sync.model import Settings
from econsent_jobs.elasticsearch_sync.tools import Tools, real_tools
from econsent_jobs.io.search_index import SearchIndex
from econsent_stack.servers import elasticsearch
from econsent_stack.stack import Stack
from tests.prove.search.platform import Platform

ROLE = "econsent_elasticsearch_sync"
LIMITS = Limits(batch_size=1_000, run_seconds=60)


@pytest.fixture(scope="session")
def endpoint(stack: Stack) -> str:
    return elasticsearch.SERVER.endpoint(stack.place(elasticsearch.SERVER))


@pytest.fixture
def client(endpoint: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(endpoint, request_timeout=30) as opened:
        yield opened


@pytest.fixture
def settings(client: Elasticsearch) -> Iterator[Settings]:
    """An alias that only this test uses; its indices are removed afterwards."""
    found = Settings(alias=f"test-{secrets.token_hex(5)}", replicas=0)
    yield found
    client.indices.delete(index=",".join(client.indices.get(index=f"{found.alias}*").keys()) or "none", ignore_unavailable=True)


@pytest.fixture
def world(database: psycopg.Connection[Any], client: Elasticsearch, settings: Settings) -> Platform:
    return Platform(database=database, client=client, alias=settings.alias)


@pytest.fixture
def make_tools(stack: Stack, database: psycopg.Connection[Any], endpoint: str, settings: Settings) -> Iterator[Callable[..., Tools]]:
    """Make one worker's tools, with a connection of its own under the job's own role. ``url``: of another way to the index."""
    with ExitStack() as opened:

        def make(*, url: str = endpoint, **changes: Any) -> Tools:
            own = opened.enter_context(psycopg.connect(stack.postgres_url(database.info.dbname, user=ROLE), autocommit=True))
            client = opened.enter_context(Elasticsearch(url))
            return real_tools(database=own, search=SearchIndex(client, request_seconds=20), settings=replace(settings, **changes))

        yield make


@pytest.fixture
def run(make_tools: Callable[..., Tools]) -> Callable[..., JobResult]:
    """Run the job once as a worker of its own."""

    def run(limits: Limits = LIMITS, **changes: Any) -> JobResult:
        return sync_search(tools=make_tools(**changes), limits=limits)

    return run
