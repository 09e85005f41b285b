"""What retention works with, how it is put together on the real stores, and the tally of what a run or a plan came to."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from econsent_jobs.core.clock import Clock, SystemClock
from econsent_jobs.io.database import Connection
from econsent_jobs.io.efs import SharedFiles
from econsent_jobs.io.object_store import LockedObjectStore
from econsent_jobs.io.object_versions import ObjectVersions
from econsent_jobs.retention_enforcement.archive import Archive, EfsFiles, PlannedArchive, PlannedFiles, S3Archive
from econsent_jobs.retention_enforcement.model import Settings
from econsent_jobs.retention_enforcement.store import PostgresStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Line = tuple[str, str, str]
"""Step, company and rule (or what else it was)."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """How many objects, and how many bytes, each step did by company and rule."""

    objects: Counter[Line] = field(default_factory=Counter[Line])
    size_bytes: Counter[Line] = field(default_factory=Counter[Line])

    def add(self, line: Line, *, objects: int, size_bytes: int) -> None:
        if objects:
            self.objects[line] += objects
            self.size_bytes[line] += size_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """One worker's tools. ``audit``: the bucket of roots and certificates of destruction."""

    store: PostgresStore
    archive: Archive
    audit: Archive
    files: EfsFiles
    settings: Settings
    clock: Clock
    tally: Tally


def real_tools(*, database: Connection, client: "S3Client", bucket: str, audit_bucket: str, efs_base: Path, settings: Settings) -> Tools:
    """Put the tools together on PostgreSQL (``database`` in autocommit mode), S3 and the shared file system.

    With ``settings.dry`` the stores are only read, and what is written to the database is the caller's to roll back.
    """
    archive: Archive = S3Archive(LockedObjectStore(client, bucket), ObjectVersions(client, bucket))
    audit: Archive = S3Archive(LockedObjectStore(client, audit_bucket), ObjectVersions(client, audit_bucket))
    files = SharedFiles(efs_base)
    return Tools(
        store=PostgresStore(database, dry=settings.dry),
        archive=PlannedArchive(archive) if settings.dry else archive,
        audit=PlannedArchive(audit) if settings.dry else audit,
        files=PlannedFiles(files) if settings.dry else EfsFiles(files),
        settings=settings,
        clock=SystemClock(),
        tally=Tally(),
    )
