"""Random histories: the platform writes, two lanes go on call by call in any order, calls fail, programs fail, workers die, time moves.

One driver for two sides: the model, and the real PostgreSQL and S3. What a video shows is a function here, no browser draws it; all else
is the job's own. In the end everything is left to finish, and judged.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Final, Protocol

from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.mp4_conversion import convert_recordings
from econsent_jobs.mp4_conversion.model import Key, Programs, Settings
from econsent_jobs.mp4_conversion.rules.lifecycle import MOST_ATTEMPTS, MOST_LOST_LEASES
from econsent_jobs.mp4_conversion.tools import Tools
from tests.integration.mp4_conversion.given import change_text, full_snapshot, meta, node, text
from tests.prove.harness.histories import Told
from tests.prove.harness.steps import Crew, Fate, Worker
from tests.prove.videos.steps import Log

LEASE_SECONDS: Final = 120.0
HEARTBEAT_SECONDS: Final = 30.0
WAIT_SECONDS: Final = 60.0  # a lane that waits for others lets the clock go on, or it would wait for ever
MOST_ROUNDS: Final = 40
KINDS: Final = ("closed", "closed", "open", "open", "certified", "altered", "unfit")
MOVES: Final = (1, 5, 31, 70, 130, 700, 1_900, 4_000)
WEAK_SPOTS: Final = ("transaction", "claim", "put", "render", "stage", "beat")
FATES: Final = (Fate.FAIL, Fate.LOST, Fate.DIE, Fate.DIE_AFTER, Fate.MIDST, Fate.LATE)
FILES: Final = ("poster", "sidecar", "video")
NOWHERE: Final = Path("nowhere")
NO_PROGRAMS: Final = Programs(chromium=NOWHERE, replayer=NOWHERE, ffmpeg=NOWHERE, ffprobe=NOWHERE)


@cache
def recording(kind: str, chunks: int) -> bytes:
    """What the platform wrote of a session in so many chunks. ``unfit``: nothing that could be shown."""
    shown = [] if kind == "unfit" else [full_snapshot(node(5, "p", text(6, "Hello")))]
    return json.dumps([meta(), *shown, *(change_text(200 * number, 6, f"{number}") for number in range(1, chunks + 1))]).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoEnd:
    """What became of a conversion. ``chunks``: what the platform wrote; ``source_sha256``: what the video shows.

    ``files``: kinds of its storage rows; ``audit``: its actions.
    ``moved``: how often the clock went on by moving the time of its last chunk, which looks to the job as if one had come.
    """

    key: Key
    kind: str
    chunks: int
    source_sha256: str | None
    status: str
    error_class: str | None
    video_status: str
    leased: bool
    sealed: int
    files: Sequence[str]
    audit: Sequence[str]
    retained: bool
    requeued: int
    moved: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """``recorded``: hash and version by key, as the storage rows have it; ``versions``: hashes of every version by key."""

    videos: Sequence[VideoEnd]
    recorded: Mapping[str, str]
    versions: Mapping[str, Sequence[str]]


class Side(Protocol):
    """Where a history takes place."""

    def add(self, kind: str, random: Random) -> None:
        """The platform retains a session."""
        ...

    def chunk(self, random: Random) -> None:
        """A chunk of an open session arrives."""
        ...

    def close(self, random: Random) -> None:
        """The platform closes a session."""
        ...

    def finalise(self, random: Random) -> None:
        """A certificate gets its id and its lock date."""
        ...

    def release(self, random: Random) -> None:
        """A session is not retained any more."""
        ...

    def requeue(self, random: Random) -> None:
        """A person puts a failed conversion back."""
        ...

    def change_policy(self, random: Random) -> None:
        """How long recordings are kept is another now."""
        ...

    def advance(self, seconds: float) -> None: ...

    def tools(self, worker: Worker | None, log: Log, settings: Settings) -> Tools:
        """Make a worker's tools; without ``worker`` no call is stepped and none fails."""
        ...

    def in_flight(self) -> Mapping[str, int]:
        """Count the leases that hold, by company."""
        ...

    def open_items(self) -> int: ...

    def finalise_all(self) -> None:
        """No certificate is unfinished any more."""
        ...

    def end(self) -> End: ...


class History:
    """Drives one history. Everything is drawn from ``random``, so that its seed, or what shrinks it, says it all."""

    def __init__(self, side: Side, random: Random) -> None:
        self._side, self._random, self._log = side, random, Log()
        self._crew = Crew(random, weak_spots=WEAK_SPOTS, fates=FATES)
        self._most = random.choice((1, 2, 5))
        self.told = Told()

    def run(self) -> Told:
        for _ in range(self._random.randrange(1, 5)):
            self._side.add(self._random.choice(KINDS), self._random)
        for _ in range(self._random.randrange(10, 150)):
            self._move()
        while self._crew.at_work:
            self._step()
        for arrive in self._log.late:
            arrive()
        self._drain()
        self.told.steps = self._crew.steps
        self.told.wrong += self._log.wrong
        judge(self._side.end(), self._log, self.told)
        return self.told

    def _move(self) -> None:
        draw, random = self._random.random(), self._random
        if self._crew.at_work and draw < 0.72:
            self._step()
        elif draw < 0.80:
            self._side.advance(random.choice(MOVES))
        elif draw < 0.83:
            self._side.add(random.choice(KINDS), random)
        elif draw < 0.90:
            moves: Sequence[Callable[[Random], None]] = (
                self._side.chunk,
                self._side.close,
                self._side.finalise,
                self._side.requeue,
                self._side.change_policy,
                self._side.release,
            )
            random.choices(moves, weights=(4, 3, 3, 3, 2, 1))[0](random)
        elif draw < 0.91 and self._log.late:
            self._log.late.pop(random.randrange(len(self._log.late)))()
        elif self._crew.has_room:
            limits = Limits(batch_size=random.choice((1, 2, 10)), run_seconds=480)
            self._crew.begin(lambda worker: self._job(worker, limits))

    def _settings(self) -> Settings:
        return Settings(
            programs=NO_PROGRAMS,
            work_folder=NOWHERE,
            lease_seconds=LEASE_SECONDS,
            heartbeat_seconds=HEARTBEAT_SECONDS,
            most_in_flight=self._most,
            linger_seconds=0.0,
        )

    def _job(self, worker: Worker, limits: Limits) -> Callable[[], JobResult]:
        tools = self._side.tools(worker, self._log, self._settings())
        return lambda: convert_recordings(tools=tools, limits=limits)

    def _step(self) -> None:
        before = self._log.claims.copy()
        worker = self._crew.step()
        if worker.is_over and worker.result is not None:
            self.told.finished[worker.lane] += worker.result.changed
        for key in self._log.claims - before:  # a lease that ran out may be held again: only a claim has to respect the bound
            if (in_flight := self._side.in_flight()[key.company_id]) > self._most:
                self.told.wrong.append(f"{key} was claimed as number {in_flight} of its company, at most {self._most} are allowed")

    def _drain(self) -> None:
        """Leave the rest to a lane whom nothing befalls, an hour at a time."""
        self._side.finalise_all()
        tools = self._side.tools(None, self._log, self._settings())
        for _ in range(MOST_ROUNDS):
            if not self._side.open_items():
                return
            self._side.advance(3_700)
            convert_recordings(tools=tools, limits=Limits(batch_size=10, run_seconds=480))
        self.told.wrong.append(f"{self._side.open_items()} conversions are still open")


def judge(end: End, log: Log, told: Told) -> None:
    """What must be true of every history's end."""
    for video in end.videos:
        told.wrong += [f"{video}: {fault}" for fault in video_faults(video, log)]
    for key, sha256 in end.recorded.items():
        if list(end.versions.get(key, ())) != [sha256] or log.sealed.get(key, [sha256])[-1] != sha256:
            told.wrong.append(f"{key} is recorded as {sha256}, sealed as {log.sealed.get(key)} and stored as {end.versions.get(key)}")
    told.wrong += [f"{key} has the versions {found}" for key, found in end.versions.items() if len(found) != 1]
    done = {sha256_hex(recording(video.kind, video.chunks)) for video in end.videos if video.status == "completed"}
    failed = {sha256_hex(recording(video.kind, video.chunks)) for video in end.videos if video.status == "failed"}
    for key in end.versions.keys() - end.recorded.keys():
        source = key.rpartition("/")[2].partition(".")[0]
        if source in done and source not in failed:
            told.wrong.append(f"{key} is in the archive and recorded nowhere")


def video_faults(video: VideoEnd, log: Log) -> list[str]:
    if video.leased or (video.sealed and (video.status != "failed" or video.error_class in {"data", "integrity"})):
        return ["left something over"]
    if video.status == "failed":
        return [] if is_legitimate(video, log) and follows(video) else ["failed without reason"]
    if video.kind in {"altered", "unfit"}:
        return ["has a video that nobody may make"]
    wanted = ("completed", "completed", None, list(FILES), 1, sha256_hex(recording(video.kind, video.chunks)))
    audited = video.audit.count("video.converted")
    found = (video.status, video.video_status, video.error_class, list(video.files), audited, video.source_sha256)
    return [] if found == wanted else [f"ended as {found} instead of {wanted}"]


def is_legitimate(video: VideoEnd, log: Log) -> bool:
    """Whether there was reason to fail with that class: what it is, what was lost with it, or what failed it."""
    chunks = video.chunks + video.moved if video.kind in {"open", "certified"} else 0  # each may come while it is read
    tired = log.troubles[video.key] + chunks >= MOST_ATTEMPTS
    return {
        "integrity": video.kind == "altered",
        "data": video.kind == "unfit" or not video.retained or tired,
        "timeout": log.lost(video.key) >= MOST_LOST_LEASES,
        "render": tired,
        "s3_write": tired,
    }.get(video.error_class or "", False)


def follows(video: VideoEnd) -> bool:
    """A failure is told to the platform and in the audit trail, each time it happens, and nothing counts as stored."""
    failures = sum(action in {"video.failed", "video.integrity_failed"} for action in video.audit)
    return (video.video_status, list(video.files), failures, "video.converted" in video.audit) == ("failed", [], 1 + video.requeued, False)
