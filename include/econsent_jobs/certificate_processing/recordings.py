"""Reading what the browser recorded, and the page beside it."""

import os
from typing import Any, BinaryIO, Final, Protocol, cast

from econsent_jobs.certificate_processing.model import Pending, Recording, Session
from econsent_jobs.certificate_processing.rules.chain import ChainCollector
from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.core.identifiers import path_segment
from econsent_jobs.io.efs import SharedFiles
from econsent_jobs.io.recording_file import RecordingFile

LARGEST_RECORDING: Final = 2 * 1024 * 1024 * 1024  # chosen: forty chunks of the documented 50 MB
LARGEST_PAGE: Final = 20 * 1024 * 1024


class Recordings(Protocol):
    def check(self) -> None:
        """Raise PermanentError (config) when recordings cannot be read at all."""
        ...

    def read(self, pending: Pending, session: Session, *, until_ms: int | None) -> Recording:
        """Read one session's recording. Raises BadItem, or TransientError when the file system fails."""
        ...

    def read_page(self, pending: Pending) -> bytes | None:
        """Read the captured HTML; None when there is none. Raises as ``read`` does."""
        ...


class EfsRecordings:
    """Recordings and pages below the EFS base, ``{companyId}/{propertyId}/{sessionId}.json``."""

    def __init__(self, files: SharedFiles) -> None:
        self._files = files

    def check(self) -> None:
        self._files.check()

    def read(self, pending: Pending, session: Session, *, until_ms: int | None) -> Recording:
        company, own = path_segment(pending.key.company_id), path_segment(session.session_id) + ".json"
        expected = (company, path_segment(pending.property_id), own)
        if session.recording_path is not None:
            named = self._files.segments(session.recording_path, company_segment=company, what="the recording")
            if named != expected:
                raise BadItem(
                    ErrorClass.DATA,
                    f"the session names {'/'.join(named)[:200]} as its recording, which is another session's place",
                )
        with self._files.open(*expected, what=f"the recording {'/'.join(expected)}") as stream:
            return read_recording(stream, ChainCollector(until_ms=until_ms))

    def read_page(self, pending: Pending) -> bytes | None:
        if pending.dom_staging_path is None:
            return None
        company = path_segment(pending.key.company_id)
        path = self._files.segments(pending.dom_staging_path, company_segment=company, what="the captured page")
        with self._files.open(*path, what=f"the captured page {'/'.join(path)[:200]}") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > LARGEST_PAGE:
                raise BadItem(ErrorClass.DATA, f"the captured page has {size} bytes, at most {LARGEST_PAGE} are allowed")
            return stream.read(LARGEST_PAGE + 1)


def read_recording(stream: BinaryIO, collector: ChainCollector) -> Recording:
    """Hash the whole file and feed every event to ``collector``. Raises BadItem (data) for anything that is not an array of events."""
    size_at_open = os.fstat(stream.fileno()).st_size
    file, events = RecordingFile(stream, largest_bytes=LARGEST_RECORDING), 0
    for event in file.events():
        events += 1
        if not isinstance(event, dict):
            raise BadItem(ErrorClass.DATA, f"event {events} of the recording is not an object")
        collector.add(cast("dict[str, Any]", event))
    if (size_now := os.fstat(stream.fileno()).st_size) != size_at_open or file.size_bytes != size_at_open:
        raise BadItem(ErrorClass.INTEGRITY, f"the recording changed while it was read ({size_at_open} to {size_now} bytes)")
    return Recording(sha256=file.sha256, size_bytes=file.size_bytes, events=events, chain=collector.links)
