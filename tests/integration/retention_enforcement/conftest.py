"""Retention on the real stores, with the rights that it has in production."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.io.object_store import LockedObjectStore
from econsent_jobs.retention_enforcement import enforce
from econsent_jobs.retention_enforcement.model import Settings
from econsent_jobs.retention_enforcement.tools import Tools, real_tools
from econsent_stack.stack import Stack
from tests.integration.retention_enforcement.world import World

LIMITS = Limits(batch_size=100, run_seconds=60)
SETTINGS = Settings(run_id="test", suppression_key_id="test-key", suppression_key=b"a key of the tests of 32 bytes..", hash_share=1.0)


@pytest.fixture
def world(database: psycopg.Connection[Any], archive: LockedObjectStore, archive_client: Any, efs: Path) -> World:
    return World(database=database, client=archive_client, bucket=archive.bucket, efs=efs)


@pytest.fixture
def audit_bucket(archive_client: Any) -> str:
    bucket = f"econsent-test-{secrets.token_hex(6)}"
    archive_client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    return bucket


@pytest.fixture
def make_tools(stack: Stack, world: World, audit_bucket: str) -> Iterator[Callable[..., Tools]]:
    """Make one worker's tools, each with a connection of its own under the job's own role."""
    with ExitStack() as opened:

        def make(**changes: Any) -> Tools:
            url = stack.postgres_url(world.database.info.dbname, user="econsent_retention_enforcement")
            own = opened.enter_context(psycopg.connect(url, autocommit=True))
            return real_tools(
                database=own,
                client=changes.pop("client", None) or stack.object_store_client("econsent_archive_retention"),
                bucket=world.bucket,
                audit_bucket=audit_bucket,
                efs_base=world.efs,
                settings=replace(SETTINGS, **changes),
            )

        yield make


@pytest.fixture
def run(make_tools: Callable[..., Tools]) -> Callable[..., JobResult]:
    """Run one step, or several one after the other, as a worker of its own; returns the last result."""

    def run(*steps: str, limits: Limits = LIMITS, **changes: Any) -> JobResult:
        tools = make_tools(**changes)
        result = JobResult()
        for step in steps:
            result = enforce(step, tools=tools, limits=limits)
        return result

    return run
