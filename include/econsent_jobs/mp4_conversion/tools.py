"""What MP4 conversion works with, and how it is put together on the real stores."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from econsent_jobs.core.clock import Clock, SystemClock
from econsent_jobs.io.database import Connection
from econsent_jobs.io.efs import SharedFiles
from econsent_jobs.io.object_store import LockedObjectStore
from econsent_jobs.mp4_conversion.archive import Archive, S3Archive
from econsent_jobs.mp4_conversion.conversion import Converter, Studio
from econsent_jobs.mp4_conversion.model import Settings
from econsent_jobs.mp4_conversion.progress import Progress
from econsent_jobs.mp4_conversion.recordings import Recordings, StoredRecordings
from econsent_jobs.mp4_conversion.staging import SharedStaging, Staging
from econsent_jobs.mp4_conversion.store import PostgresStore, Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Conversions(Protocol):
    def conversion(self, beat: Callable[[Progress], None]) -> AbstractContextManager[Converter]:
        """Open a workplace for one conversion; nothing of it is left afterwards."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """One worker's tools. ``wait`` lets so many seconds pass."""

    store: Store
    archive: Archive
    recordings: Recordings
    staging: Staging
    studio: Conversions
    settings: Settings
    clock: Clock
    wait: Callable[[float], None]


def real_tools(*, database: Connection, client: "S3Client", bucket: str, efs_base: Path, settings: Settings) -> Tools:
    """Put the tools together on PostgreSQL (``database`` in autocommit mode), S3 (a bucket with Object Lock) and the shared file system."""
    objects = LockedObjectStore(client, bucket)
    return Tools(
        store=PostgresStore(database),
        archive=S3Archive(objects),
        recordings=StoredRecordings(SharedFiles(efs_base), objects),
        staging=SharedStaging(efs_base),
        studio=Studio(settings),
        settings=settings,
        clock=SystemClock(),
        wait=time.sleep,
    )
