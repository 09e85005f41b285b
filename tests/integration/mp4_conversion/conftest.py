"""The job on the real stores, with a real browser and a real ffmpeg, and the rights that it has in production."""

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
from econsent_jobs.mp4_conversion import convert_recordings
from econsent_jobs.mp4_conversion.model import Programs, Settings
from econsent_jobs.mp4_conversion.programs import find_programs
from econsent_jobs.mp4_conversion.tools import Tools, real_tools
from econsent_stack.chromium import SHARED, fetched, video_programs
from econsent_stack.progress import Progress
from econsent_stack.stack import Stack

LIMITS = Limits(batch_size=100, run_seconds=120)


@pytest.fixture(scope="session")
def programs() -> Programs:
    """The pinned browser and replayer, fetched at first use, and ffmpeg of its package."""
    fetched(SHARED, Progress())
    return find_programs(video_programs({}))


@pytest.fixture
def settings(programs: Programs, tmp_path: Path) -> Settings:
    return Settings(programs=programs, work_folder=tmp_path / "work", linger_seconds=0.0, heartbeat_seconds=0.5)


@pytest.fixture
def make_tools(
    stack: Stack, database: psycopg.Connection[Any], archive: LockedObjectStore, efs: Path, settings: Settings
) -> Iterator[Callable[..., Tools]]:
    """Make one worker's tools, each with a connection of its own under the job's own role."""
    with ExitStack() as opened:

        def make(settings: Settings = settings, **changes: Any) -> Tools:
            url = stack.postgres_url(database.info.dbname, user="econsent_mp4_conversion")
            own = opened.enter_context(psycopg.connect(url, autocommit=True))
            tools = real_tools(
                database=own, client=stack.object_store_client("econsent_archive"), bucket=archive.bucket, efs_base=efs, settings=settings
            )
            return replace(tools, **changes)

        yield make


@pytest.fixture
def run(make_tools: Callable[..., Tools]) -> Callable[..., JobResult]:
    """Run one lane once, as a worker of its own."""

    def run(limits: Limits = LIMITS, **changes: Any) -> JobResult:
        return convert_recordings(tools=make_tools(**changes), limits=limits)

    return run
