"""Reading what the browser recorded: as a stream, whatever its size, hashing every byte that was read."""

import hashlib
import os
from typing import Any, BinaryIO, Final, Protocol, cast

import ijson  # pyright: ignore[reportMissingTypeStubs]  it ships none, and nobody publishes any

from econsent_jobs.certificate_processing.model import Pending, Recording, Session
from econsent_jobs.certificate_processing.rules.chain import ChainCollector
from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.core.identifiers import path_segment
from econsent_jobs.io.efs import SharedFiles

BLOCK_BYTES: Final = 64 * 1024
LARGEST_EVENT: Final = 10 * 1024 * 1024  # documented: docs/certificates/session-replay
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


class HashingReader:
    """Hands a stream on block by block and hashes it. ``since_event`` counts the bytes read since an event was complete."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.hash = hashlib.sha256()
        self.size_bytes = 0
        self.since_event = 0

    def read(self, size: int) -> bytes:
        block = self._stream.read(BLOCK_BYTES if size < 0 else min(size, BLOCK_BYTES))
        self.hash.update(block)
        self.size_bytes += len(block)
        self.since_event += len(block)
        if self.since_event > LARGEST_EVENT + BLOCK_BYTES:
            raise BadItem(ErrorClass.DATA, f"an event of the recording has more than {LARGEST_EVENT} bytes")
        if self.size_bytes > LARGEST_RECORDING:
            raise BadItem(ErrorClass.DATA, f"the recording has more than {LARGEST_RECORDING} bytes")
        return block


def read_recording(stream: BinaryIO, collector: ChainCollector) -> Recording:
    """Hash the whole file and feed every event to ``collector``. Raises BadItem (data) for anything that is not an array of events.

    Memory holds one event at a time. An event's size is known to the block, so one is refused at 10 MB and up to 128 KB.
    """
    size_at_open = os.fstat(stream.fileno()).st_size
    reader, events = HashingReader(stream), 0
    try:
        for event in ijson.items(reader, "item", use_float=True, buf_size=BLOCK_BYTES):
            events += 1
            reader.since_event = 0
            if not isinstance(event, dict):
                raise BadItem(ErrorClass.DATA, f"event {events} of the recording is not an object")
            collector.add(cast("dict[str, Any]", event))
    except (ijson.JSONError, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise BadItem(ErrorClass.DATA, f"the recording is not valid JSON after event {events}: {first_words(error)}") from error
    if events == 0:
        raise BadItem(ErrorClass.DATA, "the recording holds no event")
    if (size_now := os.fstat(stream.fileno()).st_size) != size_at_open or reader.size_bytes != size_at_open:
        raise BadItem(ErrorClass.INTEGRITY, f"the recording changed while it was read ({size_at_open} to {size_now} bytes)")
    return Recording(sha256=reader.hash.hexdigest(), size_bytes=reader.size_bytes, events=events, chain=collector.links)


def first_words(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
