"""Where certificates, their queue and their sealed documents are kept: one method per statement, rows in, dataclasses out, no decisions."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from psycopg.rows import class_row, dict_row
from psycopg.types.array import ListBinaryDumper
from psycopg.types.json import Jsonb

from econsent_jobs.certificate_processing.model import (
    Backlog,
    Built,
    Claim,
    ClosedSession,
    Finalised,
    Key,
    Kind,
    Pending,
    SealedDocument,
    Session,
    Source,
    Stored,
    Template,
    Trouble,
    WebhookEvent,
)
from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.statements import statement
from econsent_jobs.io.database import Connection, database_errors

PACKAGE: Final = "econsent_jobs.certificate_processing"
CHAIN_KEYS: Final = ("seq", "type", "target", "t")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The fence around one claimed batch: every later write names ``token``, and changes nothing where another token stands by then."""

    token: UUID
    claims: Sequence[Claim]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """``occasion`` tells apart what may happen to one certificate more than once; empty for what happens once for all."""

    certificate_pk: int
    action: str
    details: Mapping[str, Any]
    occasion: str = ""


class Store(Protocol):
    def transaction(self) -> AbstractContextManager[object]:
        """Everything inside is kept together or not at all."""
        ...

    def claim(self, *, limit: int, lease_seconds: float) -> Lease:
        """Lease up to ``limit`` due certificates, oldest first; rows that others hold are passed over."""
        ...

    def renew(self, lease: Lease, *, lease_seconds: float) -> None:
        """Hold what is still ours for another ``lease_seconds``."""
        ...

    def take_in_hand(self, lease: Lease, *, key: Key | None, before: Key | None) -> None:
        """Count a lost lease against ``key`` until it is put down again; ``before`` is put down."""
        ...

    def load(self, company_id: str, certificate_pks: Sequence[int]) -> list[Pending]:
        """Read what the documents are made of; a certificate that is gone is missing from the answer."""
        ...

    def load_sealed(self, company_id: str, certificate_pks: Sequence[int]) -> Mapping[int, list[SealedDocument]]:
        """Read what earlier tries sealed."""
        ...

    def find_templates(self, company_id: str, disclosure_sha256s: Iterable[str]) -> Mapping[str, Template]:
        """Find the registered template for each disclosure hash."""
        ...

    def lock(self, company_id: str, *, session_ids: Iterable[str], certificate_pks: Iterable[int]) -> None:
        """Lock sessions, then certificates, each in order."""
        ...

    def hold(self, lease: Lease, company_id: str, certificate_pks: Iterable[int]) -> set[int]:
        """Lock the queue rows that still carry our token, and say which they are."""
        ...

    def seal(self, company_id: str, built: Sequence[Built]) -> None:
        """Write certificates' columns, attestations and sealed documents."""
        ...

    def close_sessions(self, company_id: str, closed: Sequence[ClosedSession]) -> None:
        """Close sessions that no chunk reached since their recording was read."""
        ...

    def finalise(self, company_id: str, certificate_pks: Sequence[int]) -> list[Finalised]:
        """Make certificates count, and return them."""
        ...

    def record_objects(self, company_id: str, stored: Sequence[Stored], *, bucket: str) -> None:
        """Write one storage row for each archived document."""
        ...

    def publish(self, events: Sequence[WebhookEvent]) -> None:
        """Hand events to the webhook job, once each."""
        ...

    def audit(self, company_id: str, entries: Sequence[AuditEntry]) -> None:
        """Write audit entries, once for each certificate and action."""
        ...

    def retain_sessions(self, company_id: str, session_ids: Iterable[str]) -> None:
        """Retain closed sessions of a company that retains automatically, with their units of usage."""
        ...

    def leave_queue(self, lease: Lease, company_id: str, certificate_pks: Sequence[int]) -> None:
        """Take certificates that are done or failed out of the queue, with their sealed documents."""
        ...

    def postpone(self, lease: Lease, unripe: Mapping[Key, datetime]) -> None:
        """Free leases until each certificate is ripe; no attempt is counted."""
        ...

    def back_off(self, lease: Lease, delays: Mapping[Key, timedelta]) -> None:
        """Count an attempt and free leases until each delay is over."""
        ...

    def note_errors(self, company_id: str, troubles: Sequence[Trouble]) -> None:
        """Write class and sentence into the certificates, and fail those whose trouble is final."""
        ...

    def backlog(self) -> Backlog:
        """Count what a further run would find."""
        ...


class PostgresStore:
    """The store of record. Needs a connection in autocommit mode, so that ``transaction`` alone says what belongs together.

    Every method raises TransientError (db_connectivity), PermanentError (config), or BadItem (data) for what PostgreSQL refuses.
    """

    def __init__(self, database: Connection) -> None:
        self._database = database
        # arrays of JSON documents as text would be escaped character by character, which cost more than building them
        database.adapters.register_dumper(list, ListBinaryDumper)

    @contextmanager
    def transaction(self) -> Generator[None]:
        with database_errors(), self._database.transaction():
            yield

    def claim(self, *, limit: int, lease_seconds: float) -> Lease:
        token = uuid4()
        rows = self._rows("claim_certificates", batch_size=limit, lease_token=token, lease_seconds=lease_seconds)
        return Lease(
            token=token,
            claims=sorted(
                (Claim(key=key_of(row), attempts=row["attempts"], lost_leases=row["lost_leases"]) for row in rows),
                key=lambda claim: claim.key,
            ),
        )

    def renew(self, lease: Lease, *, lease_seconds: float) -> None:
        keys = [claim.key for claim in lease.claims]
        self._run("renew_leases", **key_columns(keys), lease_token=lease.token, lease_seconds=lease_seconds)

    def take_in_hand(self, lease: Lease, *, key: Key | None, before: Key | None) -> None:
        keys = [named for named in (key, before) if named is not None]
        in_hand = [named is key for named in keys]
        self._run("take_in_hand", **key_columns(keys), in_hand=in_hand, lease_token=lease.token)

    def load(self, company_id: str, certificate_pks: Sequence[int]) -> list[Pending]:
        rows = self._rows("load_certificates", company_id=company_id, certificate_pks=list(certificate_pks))
        return [pending_of(row) for row in rows]

    def load_sealed(self, company_id: str, certificate_pks: Sequence[int]) -> Mapping[int, list[SealedDocument]]:
        sealed: dict[int, list[SealedDocument]] = {}
        for row in self._rows("load_sealed_documents", company_id=company_id, certificate_pks=list(certificate_pks)):
            pk, kind = row.pop("certificate_pk"), Kind(row.pop("kind"))
            sealed.setdefault(pk, []).append(SealedDocument(kind=kind, **row))
        return sealed

    def find_templates(self, company_id: str, disclosure_sha256s: Iterable[str]) -> Mapping[str, Template]:
        rows = self._rows("find_templates", company_id=company_id, body_sha256s=sorted(set(disclosure_sha256s)))
        return {row.pop("body_sha256"): Template(**row) for row in rows}

    def lock(self, company_id: str, *, session_ids: Iterable[str], certificate_pks: Iterable[int]) -> None:
        self._run("lock_sessions", company_id=company_id, session_ids=sorted(set(session_ids)))
        self._run("lock_certificates", company_id=company_id, certificate_pks=sorted(certificate_pks))

    def hold(self, lease: Lease, company_id: str, certificate_pks: Iterable[int]) -> set[int]:
        rows = self._rows("hold_leases", company_id=company_id, certificate_pks=sorted(certificate_pks), lease_token=lease.token)
        return {row["certificate_pk"] for row in rows}

    def seal(self, company_id: str, built: Sequence[Built]) -> None:
        pks = [each.sealed.key.certificate_pk for each in built]
        documents = [(each.sealed.key.certificate_pk, document) for each in built for document in each.sealed.documents]
        self._run(
            "seal_certificates",
            company_id=company_id,
            certificate_pks=pks,
            documents=[Jsonb(each.certificate) for each in built],
            retain_untils=[each.sealed.retain_until for each in built],
        )
        self._run(
            "insert_attestations",
            company_id=company_id,
            certificate_pks=pks,
            documents=[Jsonb(each.attestation) for each in built],
            sha256s=[each.certificate["attestation_sha256"] for each in built],
            dom_sha256s=[None if each.dom is None else sha256_hex(each.dom) for each in built],
            chains=[Jsonb(chain_objects(each.attestation)) for each in built],
        )
        self._run(
            "insert_sealed_documents",
            company_id=company_id,
            certificate_pks=[pk for pk, _ in documents],
            kinds=[document.kind.value for _, document in documents],
            object_keys=[document.object_key for _, document in documents],
            bodies=[document.body for _, document in documents],
            sha256s=[document.sha256 for _, document in documents],
            content_types=[document.content_type for _, document in documents],
        )

    def close_sessions(self, company_id: str, closed: Sequence[ClosedSession]) -> None:
        self._run(
            "close_sessions",
            company_id=company_id,
            session_ids=[each.session_id for each in closed],
            last_chunk_ats=[each.last_chunk_at for each in closed],
            recording_sha256s=[each.recording.sha256 for each in closed],
            recording_bytes=[each.recording.size_bytes for each in closed],
            recording_events=[each.recording.events for each in closed],
        )

    def finalise(self, company_id: str, certificate_pks: Sequence[int]) -> list[Finalised]:
        rows = self._rows("finalise_certificates", company_id=company_id, certificate_pks=list(certificate_pks))
        return [finalised_of(row) for row in rows]

    def record_objects(self, company_id: str, stored: Sequence[Stored], *, bucket: str) -> None:
        objects = [
            (each.sealed, document, version_id)
            for each in stored
            for document, version_id in zip(each.sealed.documents, each.version_ids, strict=True)
        ]
        self._run(
            "record_objects",
            company_id=company_id,
            bucket=bucket,
            certificate_pks=[sealed.key.certificate_pk for sealed, _, _ in objects],
            session_ids=[sealed.session_id for sealed, _, _ in objects],
            kinds=[document.kind.value for _, document, _ in objects],
            object_keys=[document.object_key for _, document, _ in objects],
            version_ids=[version_id for _, _, version_id in objects],
            sizes_bytes=[len(document.body) for _, document, _ in objects],
            sha256s=[document.sha256 for _, document, _ in objects],
            content_types=[document.content_type for _, document, _ in objects],
            retain_untils=[sealed.retain_until for sealed, _, _ in objects],
        )

    def publish(self, events: Sequence[WebhookEvent]) -> None:
        self._run(
            "publish_events",
            company_ids=[event.company_id for event in events],
            event_types=[event.event_type for event in events],
            subject_ids=[event.subject_id for event in events],
            dedupe_keys=[event.dedupe_key for event in events],
            bodies=[event.body for event in events],
        )

    def audit(self, company_id: str, entries: Sequence[AuditEntry]) -> None:
        self._run(
            "audit_certificates",
            company_id=company_id,
            certificate_pks=[entry.certificate_pk for entry in entries],
            actions=[entry.action for entry in entries],
            details=[Jsonb(entry.details) for entry in entries],
            occasions=[entry.occasion for entry in entries],
        )

    def retain_sessions(self, company_id: str, session_ids: Iterable[str]) -> None:
        self._run("retain_sessions", company_id=company_id, session_ids=sorted(set(session_ids)))

    def leave_queue(self, lease: Lease, company_id: str, certificate_pks: Sequence[int]) -> None:
        self._run("forget_sealed_documents", company_id=company_id, certificate_pks=list(certificate_pks))
        self._run("leave_queue", company_id=company_id, certificate_pks=list(certificate_pks), lease_token=lease.token)

    def postpone(self, lease: Lease, unripe: Mapping[Key, datetime]) -> None:
        self._run("postpone_certificates", **key_columns(unripe), ripe_ats=list(unripe.values()), lease_token=lease.token)

    def back_off(self, lease: Lease, delays: Mapping[Key, timedelta]) -> None:
        seconds = [delay.total_seconds() for delay in delays.values()]
        self._run("back_off", **key_columns(delays), delays_seconds=seconds, lease_token=lease.token)

    def note_errors(self, company_id: str, troubles: Sequence[Trouble]) -> None:
        self._run(
            "note_errors",
            company_id=company_id,
            certificate_pks=[trouble.key.certificate_pk for trouble in troubles],
            error_classes=[trouble.error_class.value for trouble in troubles],
            reasons=[trouble.reason for trouble in troubles],
            finals=[trouble.final for trouble in troubles],
        )

    def backlog(self) -> Backlog:
        with database_errors(), self._database.cursor(row_factory=class_row(Backlog)) as cursor:
            row = cursor.execute(statement(PACKAGE, "count_due")).fetchone()
        assert row is not None
        return row

    def _rows(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        with database_errors(), self._database.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement(PACKAGE, name), parameters).fetchall()

    def _run(self, name: str, **parameters: Any) -> None:
        with database_errors():
            self._database.execute(statement(PACKAGE, name), parameters)


def key_of(row: Mapping[str, Any]) -> Key:
    return Key(row["company_id"], row["certificate_pk"])


def without_key(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in Key._fields}


def key_columns(keys: Iterable[Key]) -> dict[str, list[Any]]:
    ordered = list(keys)
    return {"company_ids": [key.company_id for key in ordered], "certificate_pks": [key.certificate_pk for key in ordered]}


def pending_of(row: dict[str, Any]) -> Pending:
    """Split one joined row into the certificate and its session."""
    session: dict[str, Any] = {name: row.pop(name) for name in Session.__dataclass_fields__}
    certificate = without_key(row)
    certificate["key"], certificate["source"] = key_of(row), Source(row["source"])
    certificate["session"] = None if session["session_id"] is None else Session(**session)
    return Pending(**certificate)


def finalised_of(row: dict[str, Any]) -> Finalised:
    certificate = without_key(row)
    certificate["key"], certificate["source"] = key_of(row), Source(row["source"])
    return Finalised(**certificate)


def chain_objects(attestation: Mapping[str, Any]) -> list[dict[str, Any]]:
    chain = attestation["interactionChain"]
    return [dict(zip(CHAIN_KEYS, link, strict=True)) for link in chain["events"]] if chain else []
