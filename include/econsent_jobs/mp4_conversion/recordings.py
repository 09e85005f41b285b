"""Where a recording's bytes come from: the shared file system, or the archive once it was dropped from there."""

import gzip
import os
import zlib
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, cast

from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.core.identifiers import path_segment
from econsent_jobs.io.efs import SharedFiles
from econsent_jobs.io.object_store import LockedObjectStore
from econsent_jobs.io.recording_file import Readable
from econsent_jobs.mp4_conversion.model import ArchivedRecording, Session
from econsent_jobs.mp4_conversion.rules.keys import recording_segments


class Recordings(Protocol):
    def check(self) -> None:
        """Raise PermanentError (config) when recordings cannot be read at all."""
        ...

    def open(self, session: Session) -> AbstractContextManager[Readable]:
        """Open one session's recording. Raises BadItem, or TransientError when the store fails, also while it is read."""
        ...


class StoredRecordings:
    """Below the EFS base, ``{companyId}/{propertyId}/{sessionId}.json``; else in the archive, gzipped."""

    def __init__(self, files: SharedFiles, archive: LockedObjectStore) -> None:
        self._files = files
        self._archive = archive

    def check(self) -> None:
        self._files.check()

    @contextmanager
    def open(self, session: Session) -> Generator[Readable]:
        segments = recording_segments(session)
        if session.recording_path is not None:
            named = self._files.segments(session.recording_path, company_segment=path_segment(session.key.company_id), what="the recording")
            if named != segments:
                raise BadItem(ErrorClass.DATA, f"the session names {'/'.join(named)[:200]} as its recording, another session's place")
        if session.archived is not None and not self._files.base.joinpath(*segments).exists():
            with self._from_archive(session.archived) as stream:
                yield stream
            return
        with self._files.open(*segments, what=f"the recording {'/'.join(segments)}") as stream:
            size_at_open = os.fstat(stream.fileno()).st_size
            yield stream
            if (size_now := os.fstat(stream.fileno()).st_size) != size_at_open:
                raise BadItem(ErrorClass.INTEGRITY, f"the recording changed while it was read ({size_at_open} to {size_now} bytes)")

    @contextmanager
    def _from_archive(self, archived: ArchivedRecording) -> Generator[Readable]:
        """Unpack it piece by piece: its unpacked size is bounded by whoever reads, whatever it claims to be."""
        try:
            with (
                self._archive.open(archived.object_key, version_id=archived.version_id) as body,
                gzip.GzipFile(fileobj=body) as unpacked,
            ):
                yield cast("Readable", unpacked)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise BadItem(ErrorClass.INTEGRITY, f"the archived recording {archived.object_key} is no sound gzip file") from error
