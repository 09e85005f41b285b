"""Histories on the real PostgreSQL, archive and shared files. The clock cannot be moved there, so the rows move the other way."""

import hashlib
import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final

import psycopg

from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.statements import statement
from econsent_jobs.io.efs import SharedFiles
from econsent_jobs.io.object_store import LockedObjectStore
from econsent_jobs.mp4_conversion.model import Key, Settings
from econsent_jobs.mp4_conversion.recordings import StoredRecordings
from econsent_jobs.mp4_conversion.staging import SharedStaging
from econsent_jobs.mp4_conversion.store import PACKAGE, PostgresStore
from econsent_jobs.mp4_conversion.tools import Tools
from tests.integration.retention_enforcement.world import PROPERTY, now
from tests.prove.harness.steps import Worker
from tests.prove.videos.case import OBJECTS, OPEN, STATE
from tests.prove.videos.histories import End, History, VideoEnd, recording
from tests.prove.videos.model_side import tools_of
from tests.prove.videos.steps import Log
from tests.prove.videos.world import World

OURS: Final = "company_id = ANY(%(companies)s) AND session_id = ANY(%(sessions)s)"
SHIFT: Final = (
    f"""
    UPDATE econsent.video_conversions SET next_attempt_at = next_attempt_at - make_interval(secs => %(seconds)s),
      leased_until = leased_until - make_interval(secs => %(seconds)s)
    WHERE {OURS}
    """,
    f"UPDATE econsent.sessions SET last_chunk_at = last_chunk_at - make_interval(secs => %(seconds)s) WHERE {OURS} AND closed_at IS NULL",
)
CHOOSE: Final = f"SELECT company_id, session_id FROM econsent.sessions WHERE {OURS} AND %(wanted)s ORDER BY session_id"
UNFINISHED: Final = (
    "EXISTS (SELECT FROM econsent.certificates AS c WHERE c.company_id = sessions.company_id AND c.session_id = sessions.session_id"
    " AND c.status = 'pending')"
)
FINALISE: Final = """
UPDATE econsent.certificates SET status = 'finalized', certificate_id = 'EC-' || session_id, finalized_at = now(),
  retain_until = date_trunc('second', now()) + interval '5 years'
WHERE company_id = %(company)s AND session_id = %(session)s
"""
IN_FLIGHT: Final = f"""
SELECT company_id, count(*) AS n FROM econsent.video_conversions
WHERE {OURS} AND status = 'processing' AND leased_until >= now() GROUP BY company_id
"""
POLICY: Final = "UPDATE econsent.properties SET session_expiration = make_interval(days => %s) WHERE company_id = ANY(%s)"


class ShiftedClock:
    def __init__(self) -> None:
        self.shifted = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.shifted


class RealSide:
    """One history in two companies that it shares with others. A context manager: it keeps its workers' connections."""

    def __init__(self, world: World, *, number: int) -> None:
        self._world, self._number = world, number
        self._opened = ExitStack()
        self._sketches = world.platform.efs.parent / f"sketches-{number}"
        self._names, self._moved = count(1), 0
        self._requeued: Counter[Key] = Counter()
        self.clock = ShiftedClock()
        self.companies = world.companies()
        self.kinds: dict[Key, str] = {}
        self.chunks: dict[Key, int] = {}

    def __enter__(self) -> "RealSide":
        self._world.database.execute("DELETE FROM econsent.video_turns")
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()
        shutil.rmtree(self._sketches, ignore_errors=True)

    @property
    def _ours(self) -> dict[str, Any]:
        return {"companies": list(self.companies), "sessions": [key.session_id for key in self.kinds]}

    def store(self) -> PostgresStore:
        return PostgresStore(self._opened.enter_context(psycopg.connect(self._world.direct.database, autocommit=True)))

    def add(self, kind: str, random: Random) -> None:
        place, ended = random.randrange(len(self.companies)), random.random() < 0.5
        self.add_to(place, kind, ended=kind != "open" and (kind != "certified" or ended))

    def add_to(self, place: int, kind: str, *, ended: bool = True, priority: int = 0) -> None:
        """Insert a retained session, which queues its conversion. ``ended``: the platform has closed it."""
        key = Key(self.companies[place], f"h{self._number}-s{next(self._names)}")
        contents, platform = recording(kind, 1), self._world.platform
        self.kinds[key], self.chunks[key] = kind, 1
        platform.session(
            key.session_id,
            company_id=key.company_id,
            file=contents,
            started_at=now(),
            last_chunk_at=now(),
            closed_at=now() if ended else None,
            recording_sha256=None if not ended else "0" * 64 if kind == "altered" else sha256_hex(contents),
        )
        if kind == "certified":
            unfinished = {"status": "pending", "certificate_id": None, "retain_until": None, "consent_at": now()}
            platform.certificate(key.session_id, company_id=key.company_id, **unfinished)
        retained = {"retention_status": "retained", "retained_at": now(), "rrweb_to_video_status": "pending"}
        platform.update("sessions", company_id=key.company_id, session_id=key.session_id, set_=retained)
        platform.update("video_conversions", company_id=key.company_id, session_id=key.session_id, set_={"priority": priority})

    def chunk(self, random: Random) -> None:
        if key := self._one(random, "closed_at IS NULL"):
            self.chunks[key] += 1
            self._file(key).write_bytes(recording(self.kinds[key], self.chunks[key]))
            self._change(key, last_chunk_at=now())

    def close(self, random: Random) -> None:
        if key := self._one(random, "closed_at IS NULL"):
            self._change(key, closed_at=now(), recording_sha256=sha256_hex(self._file(key).read_bytes()))

    def finalise(self, random: Random) -> None:
        if key := self._one(random, UNFINISHED):
            self._finalise(key)

    def _finalise(self, key: Key) -> None:
        self._world.database.execute(FINALISE, {"company": key.company_id, "session": key.session_id})

    def finalise_all(self) -> None:
        for key in self._all(UNFINISHED):
            self._finalise(key)

    def release(self, random: Random) -> None:
        if key := self._one(random, "rrweb_to_video_status <> 'completed'"):
            self._change(key, retention_status="expired")

    def requeue(self, random: Random) -> None:
        if key := self._one(random, "rrweb_to_video_status = 'failed'"):
            self._requeued[key] += 1
            named = {"company_id": key.company_id, "session_ids": [key.session_id], "user": "a person"}
            self._world.database.execute(statement(PACKAGE, "requeue_conversions"), named)

    def change_policy(self, random: Random) -> None:
        self._world.database.execute(POLICY, [random.randrange(30, 366), list(self.companies)])

    def _all(self, wanted: str) -> Sequence[Key]:
        rows = self._world.rows(CHOOSE.replace("%(wanted)s", wanted), **self._ours)
        return [Key(row["company_id"], row["session_id"]) for row in rows]

    def _one(self, random: Random, wanted: str) -> Key | None:
        found = self._all(wanted)
        return random.choice(found) if found else None

    def _change(self, key: Key, **columns: Any) -> None:
        self._world.platform.update("sessions", company_id=key.company_id, session_id=key.session_id, set_=columns)

    def _file(self, key: Key) -> Path:
        return self._world.platform.file_of(key.session_id, company_id=key.company_id)

    def advance(self, seconds: float) -> None:
        self.clock.shifted += seconds
        self._moved += 1
        for query in SHIFT:
            self._world.database.execute(query.encode(), {**self._ours, "seconds": seconds})

    def tools(self, worker: Worker | None, log: Log, settings: Settings) -> Tools:
        efs, objects = self._world.platform.efs, LockedObjectStore(self._world.writer, self._world.direct.bucket)
        return tools_of(
            store=self.store(),
            objects=objects,
            staging=SharedStaging(efs),
            recordings=StoredRecordings(SharedFiles(efs), objects),
            clock=self.clock,
            write=self._write,
            read=Path.read_bytes,
            advance=self.advance,
            worker=worker,
            log=log,
            settings=settings,
        )

    def _write(self, name: str, data: bytes) -> Path:
        """A file of a workplace: each conversion has one of its own."""
        place = self._sketches / str(next(self._names)) / name
        place.parent.mkdir(parents=True)
        place.write_bytes(data)
        return place

    def in_flight(self) -> Mapping[str, int]:
        return Counter({row["company_id"]: row["n"] for row in self._world.rows(IN_FLIGHT, **self._ours)})

    def open_items(self) -> int:
        return self._world.one(OPEN, **self._ours)["n"]

    def end(self) -> End:
        stored = self._world.rows(OBJECTS, **self._ours)
        return End(
            videos=[self._video_end(row, stored) for row in self._world.rows(STATE, **self._ours)],
            recorded={row["object_key"]: row["sha256"] for row in stored},
            versions=self._versions(),
        )

    def _video_end(self, row: Mapping[str, Any], stored: Sequence[Mapping[str, Any]]) -> VideoEnd:
        (key,) = [key for key in self.kinds if key.session_id == row["session_id"]]
        return VideoEnd(
            key=key,
            kind=self.kinds[key],
            chunks=self.chunks[key],
            moved=self._moved,
            source_sha256=row["source_sha256"],
            status=row["status"],
            error_class=row["error_class"],
            video_status=row["told"],
            leased=row["lease"] is not None,
            sealed=row["sealed"],
            files=sorted(each["kind"] for each in stored if each["session_id"] == key.session_id),
            audit=[action for action in row["audit"] if action != "video.requeued"],
            retained=row["retained"],
            requeued=self._requeued[key],
        )

    def _versions(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        client, bucket = self._world.platform.client, self._world.direct.bucket
        for key in self.kinds:
            for day in {f"{moment:%Y/%m/%d}" for moment in (now(), now() - timedelta(hours=1))}:  # midnight may lie in between
                listed = client.list_object_versions(Bucket=bucket, Prefix=f"{key.company_id}/{PROPERTY}/{day}/{key.session_id}/")
                assert not listed["IsTruncated"]
                for version in listed.get("Versions", []):
                    body = client.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])["Body"].read()
                    found.setdefault(version["Key"], []).append(hashlib.sha256(body).hexdigest())
                for marker in listed.get("DeleteMarkers", []):
                    found.setdefault(marker["Key"], []).append("deleted")
        return found


def history_on(world: World, *, number: int, random: Random) -> list[str]:
    """Run one history and say what is wrong with it."""
    with RealSide(world, number=number) as side:
        return History(side, random).run().wrong
