"""A recording as it lies in a file: an array of events in JSON, read as a stream whatever its size, every byte of it hashed."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final, Protocol

import ijson  # pyright: ignore[reportMissingTypeStubs]  it ships none, and nobody publishes any

from econsent_jobs.core.errors import BadItem, ErrorClass

BLOCK_BYTES: Final = 64 * 1024
LARGEST_EVENT: Final = 10 * 1024 * 1024  # documented: docs/certificates/session-replay


class Readable(Protocol):
    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes, none at the end."""
        ...


class RecordingFile:
    """Reads events one after the other. ``sha256`` and ``size_bytes`` are of all that was read, so of the whole file once it is through.

    Memory holds one event at a time. An event's size is known to the block, so one is refused at 10 MB and up to 128 KB.
    """

    def __init__(self, stream: Readable, *, largest_bytes: int) -> None:
        self._stream = stream
        self._largest_bytes = largest_bytes
        self._hash = hashlib.sha256()
        self._since_event = 0
        self.size_bytes = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def events(self) -> Iterator[Any]:
        """Yield every value of the array. Raises BadItem (data) for what is no array of events in JSON, or too large."""
        events = 0
        try:
            for event in ijson.items(self, "item", use_float=True, buf_size=BLOCK_BYTES):
                events += 1
                self._since_event = 0
                yield event
        except (ijson.JSONError, UnicodeDecodeError, ValueError, OverflowError) as error:
            raise BadItem(ErrorClass.DATA, f"the recording is not valid JSON after event {events}: {first_words(error)}") from error
        if events == 0:
            raise BadItem(ErrorClass.DATA, "the recording holds no event")

    def read(self, size: int, /) -> bytes:
        """What ijson calls."""
        block = self._stream.read(BLOCK_BYTES if size < 0 else min(size, BLOCK_BYTES))
        self._hash.update(block)
        self.size_bytes += len(block)
        self._since_event += len(block)
        if self._since_event > LARGEST_EVENT + BLOCK_BYTES:
            raise BadItem(ErrorClass.DATA, f"an event of the recording has more than {LARGEST_EVENT} bytes")
        if self.size_bytes > self._largest_bytes:
            raise BadItem(ErrorClass.DATA, f"the recording has more than {self._largest_bytes} bytes")
        return block


def first_words(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
