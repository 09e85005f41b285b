"""The job on the real stores, with the rights that it has in production."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from econsent_jobs.certificate_processing import process_certificates
from econsent_jobs.certificate_processing.languages import LanguageDetector
from econsent_jobs.certificate_processing.model import Settings, SigningKey
from econsent_jobs.certificate_processing.tools import Tools, real_tools
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.io.object_store import LockedObjectStore
from econsent_stack.stack import Stack

KEY = SigningKey(key_id="test-key", secret=b"a key of the tests")
LIMITS = Limits(batch_size=10, run_seconds=60)


@pytest.fixture
def make_tools(
    stack: Stack, database: psycopg.Connection[Any], archive: LockedObjectStore, efs: Path, languages: LanguageDetector
) -> Iterator[Callable[..., Tools]]:
    """Make one worker's tools, each with a connection of its own under the job's own role."""
    with ExitStack() as opened:

        def make(**changes: Any) -> Tools:
            url = stack.postgres_url(database.info.dbname, user="econsent_certificate_processing")
            own = opened.enter_context(psycopg.connect(url, autocommit=True))
            tools = real_tools(
                database=own,
                client=stack.object_store_client("econsent_archive"),
                bucket=archive.bucket,
                efs_base=efs,
                settings=Settings(signing_key=KEY),
                languages=languages,
            )
            return replace(tools, **changes)

        yield make


@pytest.fixture
def run(make_tools: Callable[..., Tools]) -> Callable[..., JobResult]:
    """Run the job once as a worker of its own."""

    def run(limits: Limits = LIMITS, **changes: Any) -> JobResult:
        return process_certificates(tools=make_tools(**changes), limits=limits)

    return run
