"""Histories on the model. ``history`` is what ``tests.prove.harness.many`` runs."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final

from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.clock import Clock
from econsent_jobs.mp4_conversion.archive import S3Archive
from econsent_jobs.mp4_conversion.model import Certificate, Claim, Key, Settings
from econsent_jobs.mp4_conversion.recordings import Recordings
from econsent_jobs.mp4_conversion.staging import Staging
from econsent_jobs.mp4_conversion.tools import Tools
from tests.prove.harness.histories import Told
from tests.prove.harness.steps import SteppedStore, Worker
from tests.prove.videos.histories import WAIT_SECONDS, End, History, VideoEnd, recording
from tests.prove.videos.model import OPEN, ModelClock, ModelDatabase, ModelObjects, ModelRecordings, ModelStaging, ModelStore, SessionRow
from tests.prove.videos.sketch import Sketching
from tests.prove.videos.steps import Log, Mortal, Noting, SteppedObjects, SteppedStaging

COMPANIES: Final = ("a", "b", "c")
DEPTH: Final = 6  # a transaction may end before each of its statements, from the second on


def tools_of(
    *,
    store: Any,
    objects: Any,
    staging: Staging,
    recordings: Recordings,
    clock: Clock,
    write: Callable[[str, bytes], Path],
    read: Callable[[Path], bytes],
    advance: Callable[[float], None],
    worker: Worker | None,
    log: Log,
    settings: Settings,
) -> Tools:
    """A lane's tools, stepped where there is a worker."""
    mortal = None if worker is None else Mortal(worker, log)
    noting = Noting(store, log, mortal)

    def is_held(claim: Claim) -> bool:
        return store.hold(claim)

    def wait(seconds: float) -> None:
        if mortal is not None:
            mortal.pause("wait")
        advance(WAIT_SECONDS)

    return Tools(
        store=noting if mortal is None else SteppedStore(noting, mortal, depth=DEPTH),
        archive=S3Archive(SteppedObjects(objects, mortal, read=read, is_held=is_held)),
        recordings=recordings,
        staging=staging if mortal is None else SteppedStaging(staging, mortal),
        studio=Sketching(write=write, step=lambda name: None if mortal is None else mortal.part(name)),
        settings=settings,
        clock=clock,
        wait=wait,
    )


class ModelSide:
    """A ``Side`` in memory."""

    def __init__(self) -> None:
        self.database = ModelDatabase()
        self.objects = ModelObjects(self.database)
        self.kinds: dict[Key, str] = {}
        self.chunks: dict[Key, int] = {}
        self._requeued: Counter[Key] = Counter()
        self._names = count(1)

    def store(self) -> ModelStore:
        return ModelStore(self.database)

    def add(self, kind: str, random: Random) -> None:
        place, ended = random.randrange(len(COMPANIES)), random.random() < 0.5
        self.add_to(place, kind, ended=kind != "open" and (kind != "certified" or ended))

    def add_to(self, place: int, kind: str, *, ended: bool = True, priority: int = 0) -> None:
        """A retained session, whose conversion is queued. ``ended``: the platform has closed it."""
        key, now, contents = Key(COMPANIES[place], f"s{next(self._names)}"), self.database.now, recording(kind, 1)
        self.kinds[key], self.chunks[key] = kind, 1
        row = SessionRow(
            contents=contents,
            started_at=now,
            last_chunk_at=now,
            retained_at=now,
            closed_at=now if ended else None,
            recording_sha256=None if not ended else "0" * 64 if kind == "altered" else sha256_hex(contents),
            unfinished=kind == "certified",
        )
        self.database.add(key, row, priority=priority)

    def chunk(self, random: Random) -> None:
        if key := self._one(random, lambda row: row.closed_at is None):
            self.chunks[key] += 1
            self.database.change_session(key, contents=recording(self.kinds[key], self.chunks[key]), last_chunk_at=self.database.now)

    def close(self, random: Random) -> None:
        if key := self._one(random, lambda row: row.closed_at is None):
            sha256 = sha256_hex(self.database.tables.sessions[key].contents)
            self.database.change_session(key, closed_at=self.database.now, recording_sha256=sha256)

    def finalise(self, random: Random) -> None:
        if key := self._one(random, lambda row: row.unfinished):
            self._finalise(key)

    def _finalise(self, key: Key) -> None:
        now = self.database.now
        certificate = Certificate(certificate_id=f"EC-{key.session_id}", consent_at=now)
        self.database.change_session(key, unfinished=False, certificate=certificate, locked_until=now + timedelta(days=1_825))

    def finalise_all(self) -> None:
        for key in [key for key, row in self.database.tables.sessions.items() if row.unfinished]:
            self._finalise(key)

    def release(self, random: Random) -> None:
        if key := self._one(random, lambda row: row.video_status != "completed"):
            self.database.change_session(key, retention_status="expired")

    def requeue(self, random: Random) -> None:
        failed = [key for key, row in self.database.tables.conversions.items() if row.status == "failed"]
        if failed:
            key = random.choice(failed)
            self._requeued[key] += 1
            self.database.requeue(key)

    def change_policy(self, random: Random) -> None:
        self.database.expiration_days = random.randrange(30, 366)

    def _one(self, random: Random, wanted: Callable[[SessionRow], bool]) -> Key | None:
        found = [key for key, row in self.database.tables.sessions.items() if wanted(row)]
        return random.choice(found) if found else None

    def advance(self, seconds: float) -> None:
        self.database.advance(seconds)

    def tools(self, worker: Worker | None, log: Log, settings: Settings) -> Tools:
        staging = ModelStaging(self.database)
        return tools_of(
            store=self.store(),
            objects=self.objects,
            staging=staging,
            recordings=ModelRecordings(self.database),
            clock=ModelClock(self.database),
            write=self._write,
            read=staging.read,
            advance=self.advance,
            worker=worker,
            log=log,
            settings=settings,
        )

    def _write(self, name: str, data: bytes) -> Path:
        """A file of a workplace: each conversion has one of its own."""
        place = Path("work", str(next(self._names)), name)
        self.database.files[place] = data
        return place

    def in_flight(self) -> Mapping[str, int]:
        now = self.database.now
        return Counter(
            key.company_id
            for key, row in self.database.tables.conversions.items()
            if row.status == "processing" and row.leased_until is not None and row.leased_until >= now
        )

    def open_items(self) -> int:
        return sum(row.status in OPEN for row in self.database.tables.conversions.values())

    def end(self) -> End:
        tables = self.database.tables
        return End(
            videos=[self._video_end(key) for key in tables.conversions],
            recorded={key: row.sha256 for key, row in tables.objects.items()},
            versions={key: [sha256 for sha256, _ in found] for key, found in self.objects.versions.items()},
        )

    def _video_end(self, key: Key) -> VideoEnd:
        tables = self.database.tables
        row, session = tables.conversions[key], tables.sessions[key]
        return VideoEnd(
            key=key,
            kind=self.kinds[key],
            chunks=self.chunks[key],
            source_sha256=row.facts.source_sha256 if row.facts else None,
            status=row.status,
            error_class=row.error_class.value if row.error_class else None,
            video_status=session.video_status,
            leased=row.token is not None,
            sealed=len(tables.sealed.get(key, ())),
            files=sorted(each.kind for each in tables.objects.values() if each.key == key),
            audit=sorted(action for of, action in tables.audit.values() if of == key),
            retained=session.retention_status == "retained",
            requeued=self._requeued[key],
        )


def history(seed: int) -> Told:
    """Run one history and say what is wrong with it."""
    return History(ModelSide(), Random(seed)).run()
