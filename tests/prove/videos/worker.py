"""A worker of MP4 conversion that may be killed: a lane as its operator runs it, with a real browser and a real ffmpeg."""

import logging
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import psycopg

from econsent_jobs.core.errors import EconsentError
from econsent_jobs.core.limits import Limits
from econsent_jobs.io.database import database_errors
from econsent_jobs.mp4_conversion import convert_recordings
from econsent_jobs.mp4_conversion.conversion import Studio
from econsent_jobs.mp4_conversion.model import Bounds, Settings
from econsent_jobs.mp4_conversion.programs import find_programs
from econsent_jobs.mp4_conversion.progress import Progress
from econsent_jobs.mp4_conversion.tools import Tools, real_tools
from econsent_stack.chromium import video_programs
from tests.prove.harness.s3_clients import Clients, warmed_clients

LEASE_SECONDS: Final = 900.0
ANSWER_SECONDS: Final = 20.0  # a browser whose page was killed may never answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmed:
    """What every worker inherits. ``studio`` has tried the sandbox already."""

    clients: Clients
    settings: Settings
    studio: Studio


class Sands:
    """A worker's clock. A worker that was frozen was so past its lease, and one without work waits until its run's time is over."""

    def __init__(self) -> None:
        self._passed = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._passed

    def thaw(self, number: int, frame: object) -> None:
        self._passed += LEASE_SECONDS

    def wait(self, seconds: float) -> None:
        self._passed += LEASE_SECONDS


def warm(setting: dict[str, Any]) -> Warmed:
    """Find the programs and try the sandbox once. ``setting``: what the S3 clients need, and ``work``, the folder of conversions."""
    logging.getLogger().addHandler(logging.NullHandler())  # a refused recording is part of every case; its lines would hide the rest
    settings = Settings(
        programs=find_programs(video_programs({})),
        work_folder=Path(setting["work"]),
        lease_seconds=LEASE_SECONDS,
        heartbeat_seconds=60.0,  # so the first beat of a conversion is its only one, and calls come in the same order in every run
        linger_seconds=0.0,
        bounds=Bounds(answer_seconds=ANSWER_SECONDS),
    )
    studio = Studio(settings)
    with studio.conversion(no_beat):
        return Warmed(clients=warmed_clients(setting), settings=settings, studio=studio)


def no_beat(progress: Progress) -> None:
    """Nothing is converted yet."""


def work(warmed: Warmed, errand: dict[str, Any]) -> dict[str, Any]:
    """Run one lane once. The report is its result, or ``{"raised": sentence}`` where the run itself could not go on.

    The worker leads a session of its own: its programs are in it, whatever becomes of their parents, so what outlives it can be told.
    """
    os.setsid()
    sands = Sands()
    signal.signal(signal.SIGCONT, sands.thaw)
    raised: dict[str, Any] = {"raised": "the connection's end failed"}
    with suppress(psycopg.Error):  # a connection that is gone cannot be closed in order
        try:
            with database_errors(), psycopg.connect(errand["database"], autocommit=True) as database:
                limits = Limits(batch_size=errand["batch_size"], run_seconds=60)
                return convert_recordings(tools=tools_of(warmed, errand, database, sands), limits=limits).as_dict()
        except EconsentError as error:
            raised = {"raised": str(error)}
    return raised


def tools_of(warmed: Warmed, errand: dict[str, Any], database: psycopg.Connection[Any], sands: Sands) -> Tools:
    tools = real_tools(
        database=database,
        client=warmed.clients[errand["endpoint"], errand["attempts"]],
        bucket=errand["bucket"],
        efs_base=Path(errand["efs"]),
        settings=replace(warmed.settings, most_in_flight=errand["most_in_flight"]),
    )
    return replace(tools, studio=warmed.studio, clock=sands, wait=sands.wait)
