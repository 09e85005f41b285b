"""The stores of MP4 conversion in memory: a simple model that the real job can be run on, thousands of times a minute.

Rows are immutable and tables are dictionaries, so that a transaction that fails puts the tables back by copying a few references.
A contract test runs the same steps on this store and on PostgreSQL.
"""

import io
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.io.object_store import LockedObject
from econsent_jobs.io.recording_file import Readable
from econsent_jobs.mp4_conversion.model import (
    Backlog,
    Certificate,
    Claim,
    Facts,
    FileKind,
    Key,
    Recording,
    Rendered,
    SealedFile,
    Session,
    Trouble,
)
from econsent_jobs.mp4_conversion.rules.keys import CONTENT_TYPES, SUFFIXES, object_key

EPOCH: Final = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
OPEN: Final = frozenset({"pending", "processing"})
LONGEST_LOCK: Final = timedelta(days=7 * 365)
SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """``contents`` is what lies on the shared file system. ``locked_until``: its certificate's, None while it is not finalised."""

    contents: bytes
    started_at: datetime
    last_chunk_at: datetime
    retained_at: datetime
    closed_at: datetime | None = None
    recording_sha256: str | None = None
    retention_status: str = "retained"
    video_status: str = "pending"
    certificate: Certificate | None = None
    unfinished: bool = False
    locked_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionRow:
    conversion_id: int
    key: Key
    queued_at: datetime
    next_attempt_at: datetime
    priority: int = 0
    status: str = "pending"
    attempts: int = 0
    lost_leases: int = 0
    token: UUID | None = None
    leased_until: datetime | None = None
    percent: int | None = None
    facts: Facts | None = None
    error_class: ErrorClass | None = None
    reason: str | None = None


class ObjectRow(NamedTuple):
    key: Key
    kind: str
    version_id: str
    sha256: str


@dataclass(slots=True)
class Tables:
    sessions: dict[Key, SessionRow] = field(default_factory=dict[Key, SessionRow])
    conversions: dict[Key, ConversionRow] = field(default_factory=dict[Key, ConversionRow])
    sealed: dict[Key, tuple[SealedFile, ...]] = field(default_factory=dict[Key, tuple[SealedFile, ...]])
    objects: dict[str, ObjectRow] = field(default_factory=dict[str, ObjectRow])
    audit: dict[str, tuple[Key, str]] = field(default_factory=dict[str, tuple[Key, str]])
    turns: dict[str, int] = field(default_factory=dict[str, int])

    def copy(self) -> "Tables":
        return Tables(*(dict(getattr(self, each.name)) for each in fields(Tables)))


class Duplicate(Exception):
    """A primary key is there already: what PostgreSQL would refuse, the job must not ask for."""


class ModelDatabase:
    """One database, its clock, and what lies on the shared file system. ``expiration_days``: the property's policy."""

    def __init__(self) -> None:
        self.now = EPOCH
        self.tables = Tables()
        self.expiration_days = 90
        self.files: dict[Path, bytes] = {}
        self._last = 0

    def next_number(self) -> int:
        """A number that was not given before: ids, tokens and the order of turns."""
        self._last += 1
        return self._last

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def add(self, key: Key, session: SessionRow, *, priority: int = 0) -> None:
        """The platform retains a session: its trigger queues a conversion."""
        self.tables.sessions[key] = session
        number = self.next_number()
        queued_at = self.now + timedelta(microseconds=number)  # two are never queued at one moment
        self.tables.conversions[key] = ConversionRow(
            conversion_id=number, key=key, queued_at=queued_at, next_attempt_at=self.now, priority=priority
        )

    def change_session(self, key: Key, **columns: Any) -> None:
        self.tables.sessions[key] = replace(self.tables.sessions[key], **columns)

    def requeue(self, key: Key) -> None:
        """A person puts a failed conversion back: sql/requeue_conversions.sql."""
        row = self.tables.conversions[key]
        queued_at = self.now + timedelta(microseconds=self.next_number())
        self.tables.conversions[key] = replace(
            row, status="pending", attempts=0, lost_leases=0, queued_at=queued_at, next_attempt_at=self.now, error_class=None, reason=None
        )
        self.change_session(key, video_status="processing")


class ModelStore:
    """A ``Store`` over a ModelDatabase."""

    def __init__(self, database: ModelDatabase) -> None:
        self._database = database

    @property
    def _tables(self) -> Tables:
        return self._database.tables

    @contextmanager
    def transaction(self) -> Generator[None]:
        before = self._database.tables.copy()
        try:
            yield
        except BaseException:
            self._database.tables = before
            raise

    def claim(self, *, most_in_flight: int, lease_seconds: float) -> Claim | None:
        row = self._next(most_in_flight)
        if row is None:
            return None
        token, now = UUID(int=self._database.next_number()), self._database.now
        leased_until = now + lease_seconds * SECOND
        self._tables.conversions[row.key] = replace(
            row, status="processing", token=token, leased_until=leased_until, lost_leases=row.lost_leases + 1, percent=0
        )
        self._tables.turns[row.key.company_id] = self._database.next_number()
        return Claim(conversion_id=row.conversion_id, key=row.key, attempts=row.attempts, lost_leases=row.lost_leases, token=token)

    def _next(self, most_in_flight: int) -> ConversionRow | None:
        """The oldest of the company that has fewest in hand, and among those of the one that waits longest for a turn."""
        now, turns, found = self._database.now, self._tables.turns, list[tuple[Any, ConversionRow]]()
        for company_id in {key.company_id for key, row in self._tables.conversions.items() if row.status in OPEN}:
            rows = [row for key, row in self._tables.conversions.items() if key.company_id == company_id and row.status in OPEN]
            in_flight = sum(row.leased_until is not None and row.leased_until >= now for row in rows if row.status == "processing")
            due = sorted((row for row in rows if is_due(row, now)), key=lambda row: (-row.priority, row.queued_at))
            if due and in_flight < most_in_flight:
                found.append(((in_flight, turns.get(company_id, -1), due[0].queued_at), due[0]))
        return min(found, key=lambda each: each[0])[1] if found else None

    def _held(self, claim: Claim) -> ConversionRow | None:
        row = self._tables.conversions[claim.key]
        return row if row.token == claim.token else None

    def _change(self, claim: Claim, **columns: Any) -> None:
        if row := self._held(claim):
            self._tables.conversions[claim.key] = replace(row, **columns)

    def _put_down(self, claim: Claim, *, lost: int, **columns: Any) -> None:
        """Free the lease. ``lost``: what becomes of the number of lost leases, 0 or 1 fewer."""
        if row := self._held(claim):
            lost_leases = max(0, row.lost_leases - 1) if lost else 0
            self._change(claim, token=None, leased_until=None, lost_leases=lost_leases, percent=None, **columns)

    def beat(self, claim: Claim, *, lease_seconds: float, percent: int) -> bool:
        self._change(claim, leased_until=self._database.now + lease_seconds * SECOND, percent=percent)
        return self._held(claim) is not None

    def load_session(self, key: Key) -> Session | None:
        row, now = self._tables.sessions.get(key), self._database.now
        if row is None:
            return None
        until = row.locked_until or row.retained_at + timedelta(days=self._database.expiration_days)
        return Session(
            key=key,
            property_id="shop",
            retention_status=row.retention_status,
            started_at=row.started_at,
            last_chunk_at=row.last_chunk_at,
            closed_at=row.closed_at,
            page_url=None,
            recording_path=None,
            recording_sha256=row.recording_sha256,
            certificates=[row.certificate] if row.certificate and not row.unfinished else [],
            unfinished_certificates=int(row.unfinished),
            retain_until=min(until, row.started_at + LONGEST_LOCK).replace(microsecond=0),
            archived=None,
            read_at=now,
        )

    def lock(self, key: Key) -> None:
        """A transaction is one step here: nobody comes between."""

    def hold(self, claim: Claim) -> bool:
        return self._held(claim) is not None

    def close_session(self, session: Session, recording: Recording) -> bool:
        row = self._tables.sessions[session.key]
        if row.closed_at is not None or row.last_chunk_at != session.last_chunk_at:
            return False
        self._database.change_session(session.key, closed_at=self._database.now, recording_sha256=recording.sha256)
        return True

    def load_sealed(self, key: Key) -> list[SealedFile]:
        return list(self._tables.sealed.get(key, ()))

    def seal(self, claim: Claim, files: Sequence[SealedFile], facts: Facts) -> None:
        if claim.key in self._tables.sealed:
            raise Duplicate(claim.key)
        self._tables.sealed[claim.key] = tuple(sorted(files, key=lambda file: file.kind.value))
        self._change(claim, facts=facts)

    def forget_sealed(self, key: Key) -> None:
        self._tables.sealed.pop(key, None)

    def complete(self, claim: Claim, files: Sequence[SealedFile], version_ids: Sequence[str], *, bucket: str) -> None:
        for file, version_id in zip(files, version_ids, strict=True):
            if file.object_key in self._tables.objects:
                raise Duplicate(file.object_key)
            self._tables.objects[file.object_key] = ObjectRow(claim.key, file.kind.value, version_id, file.sha256)
        self._put_down(claim, lost=0, status="completed", error_class=None, reason=None)

    def mark_session(self, key: Key, status: str) -> None:
        self._database.change_session(key, video_status=status)

    def fail(self, claim: Claim, trouble: Trouble) -> None:
        columns = {"status": "failed", "error_class": trouble.error_class, "reason": trouble.reason}
        self._put_down(claim, lost=1, attempts=claim.attempts + 1, **columns)

    def back_off(self, claim: Claim, trouble: Trouble, *, delay: timedelta) -> None:
        columns = {"status": "pending", "error_class": trouble.error_class, "reason": trouble.reason}
        self._put_down(claim, lost=0, attempts=claim.attempts + 1, next_attempt_at=self._database.now + delay, **columns)

    def postpone(self, claim: Claim, *, until: datetime) -> None:
        self._put_down(claim, lost=1, status="pending", next_attempt_at=until)

    def give_back(self, claim: Claim) -> None:
        self._put_down(claim, lost=1, status="pending")

    def audit(self, claim: Claim, *, action: str, details: Mapping[str, Any]) -> None:
        self._tables.audit.setdefault(f"video:{claim.conversion_id}:{action}:{claim.token}", (claim.key, action))

    def others_work(self) -> bool:
        now = self._database.now
        return any(
            row.status == "processing" and row.leased_until is not None and row.leased_until >= now
            for row in self._tables.conversions.values()
        )

    def backlog(self) -> Backlog:
        now = self._database.now
        due = [row.next_attempt_at for row in self._tables.conversions.values() if row.status in OPEN and is_due(row, now)]
        return Backlog(due=len(due), oldest_seconds=int((now - min(due)).total_seconds()) if due else 0)


def is_due(row: ConversionRow, now: datetime) -> bool:
    return row.next_attempt_at <= now and (row.leased_until is None or row.leased_until < now)


class ModelObjects:
    """The archive as one that writes once: every version of every key, with its hash and lock date."""

    bucket = "model"

    def __init__(self, database: ModelDatabase) -> None:
        self._database = database
        self.versions: dict[str, list[tuple[str, datetime]]] = {}

    def put_once(self, stored: LockedObject) -> str:
        assert isinstance(stored.body, bytes)
        assert sha256_hex(stored.body) == stored.sha256
        if found := self.versions.get(stored.key):
            sha256, until = found[-1]
            if sha256 != stored.sha256 or until < stored.retain_until:
                raise BadItem(ErrorClass.INTEGRITY, f"{stored.key} already holds {sha256} until {until}")
        else:
            self.versions[stored.key] = [(stored.sha256, stored.retain_until)]
        return f"{stored.key}#{len(self.versions[stored.key])}"


class ModelStaging:
    """The shared file system between workplace and archive."""

    def __init__(self, database: ModelDatabase) -> None:
        self._database = database

    def stage(self, claim: Claim, session: Session, rendered: Rendered) -> list[SealedFile]:
        sources = {FileKind.VIDEO: rendered.video, FileKind.POSTER: rendered.poster, FileKind.SIDECAR: rendered.sidecar}
        return [self._stage(claim, session, rendered, kind, source) for kind, source in sources.items()]

    def _stage(self, claim: Claim, session: Session, rendered: Rendered, kind: FileKind, source: Path) -> SealedFile:
        body, place = self._database.files.pop(source), folder_of(claim) / f"{claim.token}.{SUFFIXES[kind]}"
        self._database.files[place] = body
        return SealedFile(
            kind=kind,
            object_key=object_key(session, kind, source_sha256=rendered.facts.source_sha256),
            staging_path=place,
            size_bytes=len(body),
            sha256=sha256_hex(body),
            content_type=CONTENT_TYPES[kind],
            retain_until=session.retain_until,
        )

    def is_whole(self, files: Sequence[SealedFile]) -> bool:
        there = self._database.files
        return {file.kind for file in files} == set(FileKind) and all(file.staging_path in there for file in files)

    def clear(self, claim: Claim) -> None:
        for path in [path for path in self._database.files if path.parent == folder_of(claim)]:
            del self._database.files[path]

    def read(self, path: Path) -> bytes:
        if path not in self._database.files:
            raise FileNotFoundError(path)
        return self._database.files[path]


def folder_of(claim: Claim) -> Path:
    return Path("staged", str(claim.conversion_id))


class ModelRecordings:
    def __init__(self, database: ModelDatabase) -> None:
        self._database = database

    def check(self) -> None:
        """It is always there."""

    @contextmanager
    def open(self, session: Session) -> Generator[Readable]:
        yield io.BytesIO(self._database.tables.sessions[session.key].contents)


class ModelClock:
    def __init__(self, database: ModelDatabase) -> None:
        self._database = database

    def monotonic(self) -> float:
        return (self._database.now - EPOCH).total_seconds()
