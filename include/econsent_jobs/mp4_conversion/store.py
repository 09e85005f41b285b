"""Where conversions, their sessions and their sealed files are kept: one method per statement, rows in, dataclasses out, no decisions."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import uuid4

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from econsent_jobs.core.statements import statement
from econsent_jobs.io.database import Connection, database_errors
from econsent_jobs.mp4_conversion.model import (
    ArchivedRecording,
    Backlog,
    Certificate,
    Claim,
    Facts,
    FileKind,
    Key,
    Recording,
    SealedFile,
    Session,
    Trouble,
)

PACKAGE: Final = "econsent_jobs.mp4_conversion"


class Store(Protocol):
    def transaction(self) -> AbstractContextManager[object]:
        """Everything inside is kept together or not at all."""
        ...

    def claim(self, *, most_in_flight: int, lease_seconds: float) -> Claim | None:
        """Lease the next conversion, None when nothing is due; a company has at most ``most_in_flight`` at once."""
        ...

    def beat(self, claim: Claim, *, lease_seconds: float, percent: int) -> bool:
        """Hold the conversion for another ``lease_seconds``; False when it is someone else's by now."""
        ...

    def load_session(self, key: Key) -> Session | None:
        """Read the conversion's session."""
        ...

    def lock(self, key: Key) -> None:
        """Lock the session, which comes before its conversion."""
        ...

    def hold(self, claim: Claim) -> bool:
        """Lock the conversion, if it still carries our token."""
        ...

    def close_session(self, session: Session, recording: Recording) -> bool:
        """Close a session that no chunk reached since it was read."""
        ...

    def load_sealed(self, key: Key) -> list[SealedFile]:
        """Read what earlier tries sealed."""
        ...

    def seal(self, claim: Claim, files: Sequence[SealedFile], facts: Facts) -> None:
        """Write down the files that are going to be stored, and what the video is."""
        ...

    def forget_sealed(self, key: Key) -> None:
        """Forget the sealed files."""
        ...

    def complete(self, claim: Claim, files: Sequence[SealedFile], version_ids: Sequence[str], *, bucket: str) -> None:
        """Write one storage row for each file, and end the conversion."""
        ...

    def mark_session(self, key: Key, status: str) -> None:
        """Tell the platform how the session's video stands."""
        ...

    def fail(self, claim: Claim, trouble: Trouble) -> None:
        """End the conversion for good, with class and sentence."""
        ...

    def back_off(self, claim: Claim, trouble: Trouble, *, delay: timedelta) -> None:
        """Count an attempt and free the lease until the delay is over."""
        ...

    def postpone(self, claim: Claim, *, until: datetime) -> None:
        """Free the lease until then; no attempt is counted."""
        ...

    def give_back(self, claim: Claim) -> None:
        """Free the lease for others to take at once; no attempt is counted."""
        ...

    def audit(self, claim: Claim, *, action: str, details: Mapping[str, Any]) -> None:
        """Write an audit entry, once for each action and claim."""
        ...

    def others_work(self) -> bool:
        """Whether another lane makes a video now."""
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

    @contextmanager
    def transaction(self) -> Generator[None]:
        with database_errors(), self._database.transaction():
            yield

    def claim(self, *, most_in_flight: int, lease_seconds: float) -> Claim | None:
        token = uuid4()
        with self.transaction():
            self._run("lock_claims")
            rows = self._rows("claim_conversion", most_in_flight=most_in_flight, lease_token=token, lease_seconds=lease_seconds)
        for row in rows:
            key = Key(row.pop("company_id"), row.pop("session_id"))
            return Claim(key=key, token=token, **row)
        return None

    def beat(self, claim: Claim, *, lease_seconds: float, percent: int) -> bool:
        return bool(self._rows("beat", **fence(claim), lease_seconds=lease_seconds, percent=percent))

    def load_session(self, key: Key) -> Session | None:
        for row in self._rows("load_session", **key._asdict()):
            return session_of(row)
        return None

    def lock(self, key: Key) -> None:
        self._run("lock_session", **key._asdict())

    def hold(self, claim: Claim) -> bool:
        return bool(self._rows("hold_lease", **fence(claim)))

    def close_session(self, session: Session, recording: Recording) -> bool:
        found = {"sha256": recording.sha256, "size_bytes": recording.size_bytes, "events": recording.events}
        return bool(self._rows("close_session", **session.key._asdict(), last_chunk_at=session.last_chunk_at, **found))

    def load_sealed(self, key: Key) -> list[SealedFile]:
        return [
            SealedFile(kind=FileKind(row.pop("kind")), staging_path=Path(row.pop("staging_path")), size_bytes=row.pop("bytes"), **row)
            for row in self._rows("load_sealed_files", **key._asdict())
        ]

    def seal(self, claim: Claim, files: Sequence[SealedFile], facts: Facts) -> None:
        self._run(
            "insert_sealed_files",
            **claim.key._asdict(),
            **file_columns(files),
            staging_paths=[str(file.staging_path) for file in files],
            retain_until=files[0].retain_until,
        )
        self._run("note_facts", **fence(claim), **{**asdict(facts), "tool_versions": Jsonb(dict(facts.tool_versions))})

    def forget_sealed(self, key: Key) -> None:
        self._run("forget_sealed_files", **key._asdict())

    def complete(self, claim: Claim, files: Sequence[SealedFile], version_ids: Sequence[str], *, bucket: str) -> None:
        stored = self._rows(
            "record_objects",
            **claim.key._asdict(),
            **file_columns(files),
            bucket=bucket,
            version_ids=list(version_ids),
            retain_untils=[file.retain_until for file in files],
        )
        video = next(row["storage_object_id"] for row in stored if row["kind"] == FileKind.VIDEO)
        self._run("complete", **fence(claim), storage_object_id=video)

    def mark_session(self, key: Key, status: str) -> None:
        self._run("mark_session", **key._asdict(), status=status)

    def fail(self, claim: Claim, trouble: Trouble) -> None:
        self._run("fail", **fence(claim), error_class=trouble.error_class.value, reason=trouble.reason)

    def back_off(self, claim: Claim, trouble: Trouble, *, delay: timedelta) -> None:
        seconds = delay.total_seconds()
        self._run("back_off", **fence(claim), error_class=trouble.error_class.value, reason=trouble.reason, delay_seconds=seconds)

    def postpone(self, claim: Claim, *, until: datetime) -> None:
        self._run("postpone", **fence(claim), next_attempt_at=until)

    def give_back(self, claim: Claim) -> None:
        self._run("give_back", **fence(claim))

    def audit(self, claim: Claim, *, action: str, details: Mapping[str, Any]) -> None:
        self._run(
            "audit_conversion",
            company_id=claim.key.company_id,
            conversion_id=claim.conversion_id,
            action=action,
            details=Jsonb(dict(details)),
            occasion=str(claim.token),
        )

    def others_work(self) -> bool:
        return self._rows("others_work")[0]["working"]

    def backlog(self) -> Backlog:
        return Backlog(**self._rows("count_due")[0])

    def _rows(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        with database_errors(), self._database.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement(PACKAGE, name), parameters).fetchall()

    def _run(self, name: str, **parameters: Any) -> None:
        with database_errors():
            self._database.execute(statement(PACKAGE, name), parameters)


def fence(claim: Claim) -> dict[str, Any]:
    return {"conversion_id": claim.conversion_id, "lease_token": claim.token}


def file_columns(files: Sequence[SealedFile]) -> dict[str, list[Any]]:
    return {
        "kinds": [file.kind.value for file in files],
        "object_keys": [file.object_key for file in files],
        "sizes_bytes": [file.size_bytes for file in files],
        "sha256s": [file.sha256 for file in files],
        "content_types": [file.content_type for file in files],
    }


def session_of(row: dict[str, Any]) -> Session:
    key = Key(row.pop("company_id"), row.pop("session_id"))
    archived_key, archived_version = row.pop("archived_key"), row.pop("archived_version")
    archived = ArchivedRecording(object_key=archived_key, version_id=archived_version) if archived_key else None
    certificates = [
        Certificate(certificate_id=certificate_id, consent_at=datetime.fromtimestamp(float(seconds), UTC))
        for certificate_id, seconds in row.pop("certificates")
    ]
    return Session(key=key, archived=archived, certificates=certificates, **row)
