"""The stores of certificate processing in memory: a simple model that the real job can be run on, thousands of times a minute.

Rows are immutable and tables are dictionaries, so that a transaction that fails puts the tables back by copying a few references.
A contract test runs the same steps on this store and on PostgreSQL.
"""

import hashlib
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from econsent_jobs.certificate_processing.job import Tools
from econsent_jobs.certificate_processing.model import (
    Backlog,
    Built,
    Claim,
    ClosedSession,
    Finalised,
    Interaction,
    Key,
    Language,
    Pending,
    Recording,
    Sealed,
    SealedDocument,
    Session,
    Settings,
    Source,
    Stored,
    Template,
    Trouble,
    WebhookEvent,
)
from econsent_jobs.certificate_processing.store import AuditEntry, Lease
from econsent_jobs.core.errors import BadItem, ErrorClass, TransientError

EPOCH: Final = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A company's choices. ``expiration_days`` stands for the property's calendar interval."""

    expiration_days: int = 1825
    lock_years: int = 7
    retains: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    session: Session
    chunks: int
    retained: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRow:
    """``certificate`` is what was sealed, None before."""

    pending: Pending
    session_id: str | None
    status: str = "pending"
    certificate: Mapping[str, Any] | None = None
    retain_until: datetime | None = None
    finalised_at: datetime | None = None
    error_class: ErrorClass | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    next_attempt_at: datetime
    attempts: int = 0
    lost_leases: int = 0
    token: UUID | None = None
    leased_until: datetime | None = None


@dataclass(slots=True)
class Tables:
    certificates: dict[Key, CertificateRow] = field(default_factory=dict[Key, CertificateRow])
    sessions: dict[tuple[str, str], SessionRow] = field(default_factory=dict[tuple[str, str], SessionRow])
    queue: dict[Key, QueueRow] = field(default_factory=dict[Key, QueueRow])
    attestations: dict[Key, str] = field(default_factory=dict[Key, str])
    sealed: dict[Key, tuple[SealedDocument, ...]] = field(default_factory=dict[Key, tuple[SealedDocument, ...]])
    objects: dict[str, tuple[Key, str, str, str]] = field(default_factory=dict[str, tuple[Key, str, str, str]])
    events: dict[str, WebhookEvent] = field(default_factory=dict[str, WebhookEvent])
    audit: dict[tuple[Key, str], AuditEntry] = field(default_factory=dict[tuple[Key, str], AuditEntry])
    units: dict[tuple[str, str], datetime] = field(default_factory=dict[tuple[str, str], datetime])
    policies: dict[str, Policy] = field(default_factory=dict[str, Policy])
    templates: dict[str, Template] = field(default_factory=dict[str, Template])

    def copy(self) -> "Tables":
        return Tables(*(dict(getattr(self, name)) for name in Tables.__slots__))


class Duplicate(Exception):
    """A primary key is there already: what PostgreSQL would refuse, the job must not ask for."""


class ModelDatabase:
    """One database and its clock. ``insert`` and the rows' dictionaries are the platform's side of it."""

    def __init__(self) -> None:
        self.now = EPOCH
        self.tables = Tables()

    def policy(self, company_id: str) -> Policy:
        return self.tables.policies.get(company_id, Policy())

    def insert(self, pending: Pending, *, session_id: str | None) -> None:
        self.tables.certificates[pending.key] = CertificateRow(pending=pending, session_id=session_id)
        self.tables.queue[pending.key] = QueueRow(next_attempt_at=self.now)

    def current(self, key: Key) -> Pending:
        """What ``load`` reads: the certificate with its session and policy as they are now."""
        row, policy = self.tables.certificates[key], self.policy(key.company_id)
        pending = row.pending
        session = self.tables.sessions[key.company_id, row.session_id].session if row.session_id else None
        locked = min(pending.consent_at + timedelta(days=policy.expiration_days), add_years(pending.consent_at, policy.lock_years))
        return replace(
            pending,
            status=row.status,
            session=session,
            expires_at=pending.consent_at + timedelta(days=policy.expiration_days),
            retain_until=row.retain_until or locked.replace(microsecond=0),
            lock_ceiling_at=add_years(pending.consent_at, 7),
            read_at=self.now,
        )


class ModelStore:
    """The store protocol over a ModelDatabase."""

    def __init__(self, database: ModelDatabase, *, new_token: Any) -> None:
        self._database, self._new_token = database, new_token

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

    def claim(self, *, limit: int, lease_seconds: float) -> Lease:
        now, token = self._database.now, self._new_token()
        queue = self._tables.queue
        due = sorted(self._due(), key=lambda key: queue[key].next_attempt_at)[:limit]
        for key in due:
            queue[key] = replace(queue[key], token=token, leased_until=now + timedelta(seconds=lease_seconds))
        claims = [Claim(key=key, attempts=queue[key].attempts, lost_leases=queue[key].lost_leases) for key in sorted(due)]
        return Lease(token=token, claims=claims)

    def renew(self, lease: Lease, *, lease_seconds: float) -> None:
        until = self._database.now + timedelta(seconds=lease_seconds)
        for claim in lease.claims:
            self._change(lease, claim.key, leased_until=until)

    def take_in_hand(self, lease: Lease, *, key: Key | None, before: Key | None) -> None:
        if key is not None and key in self._tables.queue:
            self._change(lease, key, lost_leases=self._tables.queue[key].lost_leases + 1)
        if before is not None:
            self._change(lease, before, lost_leases=0)

    def load(self, company_id: str, certificate_pks: Sequence[int]) -> list[Pending]:
        keys = [Key(company_id, pk) for pk in certificate_pks]
        return [self._database.current(key) for key in keys if key in self._tables.certificates]

    def load_sealed(self, company_id: str, certificate_pks: Sequence[int]) -> Mapping[int, list[SealedDocument]]:
        return {pk: list(found) for pk in certificate_pks if (found := self._tables.sealed.get(Key(company_id, pk)))}

    def find_templates(self, company_id: str, disclosure_sha256s: Iterable[str]) -> Mapping[str, Template]:
        return {sha256: self._tables.templates[sha256] for sha256 in disclosure_sha256s if sha256 in self._tables.templates}

    def lock(self, company_id: str, *, session_ids: Iterable[str], certificate_pks: Iterable[int]) -> None:
        """Transactions are one step here, so that locks change nothing."""

    def hold(self, lease: Lease, company_id: str, certificate_pks: Iterable[int]) -> set[int]:
        return {pk for pk in certificate_pks if self._is_ours(lease, Key(company_id, pk))}

    def seal(self, company_id: str, built: Sequence[Built]) -> None:
        for each in built:
            key = each.sealed.key
            row = self._tables.certificates[key]
            if key in self._tables.sealed or key in self._tables.attestations:
                raise Duplicate(key)
            self._tables.attestations[key] = each.certificate["attestation_sha256"]
            if each.sealed.documents:
                self._tables.sealed[key] = tuple(each.sealed.documents)
            if row.status == "pending":
                sealed = {"certificate": each.certificate, "retain_until": each.sealed.retain_until, "error_class": None, "reason": None}
                self._tables.certificates[key] = replace(row, status="processing", **sealed)

    def close_sessions(self, company_id: str, closed: Sequence[ClosedSession]) -> None:
        for each in closed:
            row = self._tables.sessions[company_id, each.session_id]
            if row.session.closed_at is None and row.session.last_chunk_at == each.last_chunk_at:
                session = replace(row.session, closed_at=self._database.now, recording_sha256=each.recording.sha256)
                self._tables.sessions[company_id, each.session_id] = replace(row, session=session)

    def finalise(self, company_id: str, certificate_pks: Sequence[int]) -> list[Finalised]:
        keys = [Key(company_id, pk) for pk in certificate_pks]
        done = [key for key in keys if self._tables.certificates[key].status == "processing"]
        for key in done:
            row = replace(
                self._tables.certificates[key], status="finalized", finalised_at=self._database.now, error_class=None, reason=None
            )
            self._tables.certificates[key] = row
        return [finalised_of(self._tables.certificates[key]) for key in done]

    def record_objects(self, company_id: str, stored: Sequence[Stored], *, bucket: str) -> None:
        for each in stored:
            for document, version_id in zip(each.sealed.documents, each.version_ids, strict=True):
                if document.object_key in self._tables.objects:
                    raise Duplicate(document.object_key)
                self._tables.objects[document.object_key] = (each.sealed.key, document.kind.value, document.sha256, version_id)

    def publish(self, events: Sequence[WebhookEvent]) -> None:
        for event in events:
            self._tables.events.setdefault(event.dedupe_key, event)

    def audit(self, company_id: str, entries: Sequence[AuditEntry]) -> None:
        for entry in entries:
            self._tables.audit.setdefault((Key(company_id, entry.certificate_pk), entry.action), entry)

    def retain_sessions(self, company_id: str, session_ids: Iterable[str]) -> None:
        for session_id in sorted(set(session_ids)):
            row = self._tables.sessions[company_id, session_id]
            if self._database.policy(company_id).retains and row.session.closed_at is not None and not row.retained:
                self._tables.sessions[company_id, session_id] = replace(row, retained=True)
                if (company_id, session_id) in self._tables.units:
                    raise Duplicate(session_id)
                self._tables.units[company_id, session_id] = self._database.now

    def leave_queue(self, lease: Lease, company_id: str, certificate_pks: Sequence[int]) -> None:
        for pk in certificate_pks:
            key = Key(company_id, pk)
            self._tables.sealed.pop(key, None)
            if self._is_ours(lease, key):
                del self._tables.queue[key]

    def postpone(self, lease: Lease, unripe: Mapping[Key, datetime]) -> None:
        for key, ripe_at in unripe.items():
            self._change(lease, key, token=None, leased_until=None, lost_leases=0, next_attempt_at=ripe_at)

    def back_off(self, lease: Lease, delays: Mapping[Key, timedelta]) -> None:
        for key, delay in delays.items():
            if key in self._tables.queue:
                attempts, at = self._tables.queue[key].attempts + 1, self._database.now + delay
                self._change(lease, key, token=None, leased_until=None, lost_leases=0, attempts=attempts, next_attempt_at=at)

    def note_errors(self, company_id: str, troubles: Sequence[Trouble]) -> None:
        for trouble in troubles:
            row = self._tables.certificates[trouble.key]
            if row.status in {"pending", "processing"}:
                status = "failed" if trouble.final else row.status
                changed = replace(row, status=status, error_class=trouble.error_class, reason=trouble.reason)
                self._tables.certificates[trouble.key] = changed

    def backlog(self) -> Backlog:
        waiting = [self._tables.queue[key].next_attempt_at for key in self._due()]
        oldest = (self._database.now - min(waiting)).total_seconds() if waiting else 0
        return Backlog(due=len(waiting), oldest_seconds=int(oldest))

    def _due(self) -> list[Key]:
        now, queue = self._database.now, self._tables.queue
        return [key for key, row in queue.items() if row.next_attempt_at <= now and (row.leased_until is None or row.leased_until < now)]

    def _is_ours(self, lease: Lease, key: Key) -> bool:
        return key in self._tables.queue and self._tables.queue[key].token == lease.token

    def _change(self, lease: Lease, key: Key, **changes: Any) -> None:
        if self._is_ours(lease, key):
            self._tables.queue[key] = replace(self._tables.queue[key], **changes)


class ModelBucket:
    """A bucket with versions and Object Lock: ``versions`` by key, each with the bytes' hash and its lock date."""

    def __init__(self, database: ModelDatabase) -> None:
        self._database = database
        self.versions: dict[str, list[tuple[str, datetime]]] = {}

    def put_once(self, document: SealedDocument, *, retain_until: datetime) -> str:
        """Raises as LockedObjectStore.put_once does: TransientError for what S3 refuses, BadItem for other bytes under the key."""
        sha256 = hashlib.sha256(document.body).hexdigest()
        if sha256 != document.sha256 or retain_until <= self._database.now:
            raise TransientError(ErrorClass.S3_WRITE, "S3 did not take a request (InvalidArgument)")
        found = self.versions.get(document.object_key)
        if found is None:
            self.versions[document.object_key] = [(sha256, retain_until)]
        elif found[0][0] != sha256 or found[0][1] < retain_until:
            raise BadItem(ErrorClass.INTEGRITY, f"{document.object_key} already holds other bytes")
        return f"version of {document.object_key}"


class ModelArchive:
    """The archive protocol over a ModelBucket; ``put`` stands between, and may fail."""

    def __init__(self, put: Any) -> None:
        self._put = put
        self.bucket = "the-archive"

    def store(self, sealed: Sequence[Sealed]) -> Mapping[Key, Stored | Trouble]:
        return {each.key: self._store(each) for each in sealed}

    def _store(self, sealed: Sealed) -> Stored | Trouble:
        troubles: list[Trouble] = []
        version_ids: list[str] = []
        for document in sealed.documents:
            try:
                version_ids.append(self._put(sealed, document))
            except (BadItem, TransientError) as error:
                final = isinstance(error, BadItem)
                troubles.append(Trouble(key=sealed.key, error_class=error.error_class, reason=error.reason, final=final))
        return max(troubles, key=lambda trouble: trouble.final) if troubles else Stored(sealed=sealed, version_ids=version_ids)


class ModelRecordings:
    """Recordings whose bytes are said by the number of chunks that arrived."""

    def __init__(self, database: ModelDatabase) -> None:
        self._database = database

    def check(self) -> None:
        """There is always a folder."""

    def read(self, pending: Pending, session: Session, *, until_ms: int | None) -> Recording:
        chunks = self._database.tables.sessions[pending.key.company_id, session.session_id].chunks
        chain = (Interaction(seq=1, type="click", target=7, t=1_000),)
        return Recording(sha256=recording_sha256(session.session_id, chunks), size_bytes=chunks, events=chunks, chain=chain)

    def read_page(self, pending: Pending) -> bytes | None:
        return b"<html>" if pending.dom_staging_path else None


class ModelLanguages:
    def detect(self, text: str) -> Language:
        return Language(code="en", confidence=0.5)


class ModelClock:
    def __init__(self, database: ModelDatabase) -> None:
        self._database = database

    def monotonic(self) -> float:
        return (self._database.now - EPOCH).total_seconds()


def model_tools(database: ModelDatabase, *, store: Any, put: Any, settings: Settings) -> Tools:
    return Tools(
        store=store,
        archive=ModelArchive(put),
        recordings=ModelRecordings(database),
        languages=ModelLanguages(),
        settings=settings,
        clock=ModelClock(database),
    )


def recording_sha256(session_id: str, chunks: int) -> str:
    return hashlib.sha256(f"{session_id}/{chunks}".encode()).hexdigest()


def finalised_of(row: CertificateRow) -> Finalised:
    pending, document = row.pending, row.certificate
    assert document is not None
    return Finalised(
        key=pending.key,
        certificate_id=document["certificateId"],
        session_id=row.session_id,
        source_ref=pending.source_ref,
        property_id=pending.property_id,
        source=Source(pending.source),
        issued_at=pending.consent_at,
        consent_at=pending.consent_at,
        consumer_phone=None,
        consumer_email=None,
        consumer_name=None,
        ip=None,
        user_agent=None,
        origin=pending.origin,
        consent_hash=document["consentHash"],
        consent_records=document["consents"],
        recording_hashes=document["recording_hashes"],
        recording_path=document["recordingPath"],
        signature=document["signature"],
        signature_key_id=document["signatureKeyId"],
    )


def add_years(at: datetime, years: int) -> datetime:
    """Calendar years, as PostgreSQL adds them: the last of February where there is no 29th."""
    try:
        return at.replace(year=at.year + years)
    except ValueError:
        return at.replace(year=at.year + years, day=28)
