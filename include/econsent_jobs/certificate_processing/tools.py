"""What certificate processing works with, and how it is put together on the real stores."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from econsent_jobs.certificate_processing.archive import Archive, S3Archive
from econsent_jobs.certificate_processing.languages import LanguageDetector
from econsent_jobs.certificate_processing.model import Language, Settings
from econsent_jobs.certificate_processing.recordings import EfsRecordings, Recordings
from econsent_jobs.certificate_processing.store import PostgresStore, Store
from econsent_jobs.core.clock import Clock, SystemClock
from econsent_jobs.io.database import Connection
from econsent_jobs.io.efs import SharedFiles
from econsent_jobs.io.object_store import LockedObjectStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Languages(Protocol):
    def detect(self, text: str) -> Language:
        """Say which of the documented languages ``text`` is in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """One worker's tools."""

    store: Store
    archive: Archive
    recordings: Recordings
    languages: Languages
    settings: Settings
    clock: Clock


def real_tools(
    *,
    database: Connection,
    client: "S3Client",
    bucket: str,
    efs_base: Path,
    settings: Settings,
    languages: Languages | None = None,
) -> Tools:
    """Put the tools together on PostgreSQL (``database`` in autocommit mode), S3 (a bucket with Object Lock) and the shared file system.

    ``languages`` may be given where several workers of one process share its models.
    """
    return Tools(
        store=PostgresStore(database),
        archive=S3Archive(LockedObjectStore(client, bucket), threads=settings.put_threads),
        recordings=EfsRecordings(SharedFiles(efs_base)),
        languages=languages or LanguageDetector(),
        settings=settings,
        clock=SystemClock(),
    )
