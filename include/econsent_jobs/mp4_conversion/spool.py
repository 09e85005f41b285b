"""The events of one recording as JSON texts in a file of the conversion's folder: memory holds where they lie, not what they say."""

import json
import os
from array import array
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from econsent_jobs.core.errors import BadItem, ErrorClass

NAME: Final = "events"


class Spool:
    """Append events, then read any of them by number, also from several threads."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / NAME).open("w+b", buffering=1024 * 1024)
        self._ends = array("Q")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def append(self, event: Mapping[str, Any]) -> None:
        """Raises BadItem (data) for an event with more levels than can be followed."""
        try:
            text = json.dumps(event, separators=(",", ":"), allow_nan=False, check_circular=False)
        except (RecursionError, ValueError) as error:
            raise BadItem(ErrorClass.DATA, "an event of the recording is nested too deep to be replayed") from error
        self._file.write(text.encode("ascii"))
        self._ends.append(self._file.tell())

    def size_bytes(self, number: int) -> int:
        return self._ends[number] - (self._ends[number - 1] if number else 0)

    def array(self, numbers: Iterable[int]) -> str:
        """Return these events as one JSON array."""
        self._file.flush()
        file = self._file.fileno()
        starts = ((number, self._ends[number - 1] if number else 0) for number in numbers)
        texts = [os.pread(file, self.size_bytes(number), start).decode("ascii") for number, start in starts]
        return f"[{','.join(texts)}]"
