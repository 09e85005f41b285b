"""What a worker started: its browser, its ffmpeg and what clears up after them, found in ``/proc`` by the worker's session."""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.prove.wire.nursery import Nursery

WORDS: Final = (("--type=renderer", "page"), ("--type=", "part"), ("chromium", "browser"), ("ffmpeg", "ffmpeg"), ("ffprobe", "ffprobe"))
REAPER: Final = "reaper.py"


class Process(NamedTuple):
    """``kind``: ``browser``, ``page`` or another ``part`` of one, ``ffmpeg``, ``ffprobe``, ``reaper``, or ``other``."""

    pid: int
    kind: str
    worker: int


class Watched(Nursery):
    """A nursery that remembers its workers. Each leads a session that its programs are in."""

    def __init__(self, worker_module: str, setting: Mapping[str, Any]) -> None:
        super().__init__(worker_module, setting)
        self.workers: set[int] = set()

    def start(self, errand: Mapping[str, Any]) -> int:
        pid = super().start(errand)
        self.workers.add(pid)
        return pid


def programs_of(workers: Collection[int], *, work: Path) -> list[Process]:
    """Return what runs of what these workers started, and every reaper of a folder below ``work``: those lead sessions of their own."""
    return list(find(workers, str(work)))


def find(workers: Collection[int], work: str) -> Iterator[Process]:
    for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))):
        try:
            state, parent, _, session = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:4]
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if state == "Z":
            continue
        if REAPER in words and work in words:
            yield Process(pid, "reaper", int(parent))
        elif int(session) in workers and pid not in workers:
            yield Process(pid, next((kind for word, kind in WORDS if word in words), "other"), int(session))
