"""Where the outbox, the rows and the list of targets are kept: one method per statement, rows in, dataclasses out, no decisions."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any, Final, Protocol
from uuid import uuid4

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from econsent_jobs.core.statements import statement
from econsent_jobs.elasticsearch_sync.model import Backlog, Claim, Key, Lease, Source, Target, TargetState, Trouble
from econsent_jobs.io.database import Connection, database_errors

PACKAGE: Final = "econsent_jobs.elasticsearch_sync"


class Store(Protocol):
    def transaction(self) -> AbstractContextManager[object]:
        """Everything inside is kept together or not at all."""
        ...

    def snapshot(self) -> AbstractContextManager[object]:
        """Everything inside reads one and the same moment, and writes nothing."""
        ...

    def claim(self, *, limit: int, lease_seconds: float) -> Lease:
        """Lease up to ``limit`` due documents, revocations first, then the oldest; rows that others hold are passed over."""
        ...

    def load(self, company_id: str, certificate_pks: Sequence[int]) -> list[Source]:
        """Read rows as they are now; one that is gone is missing from the answer."""
        ...

    def row_versions(self, company_id: str, certificate_pks: Sequence[int]) -> Mapping[int, int]:
        """Read only how new the rows are."""
        ...

    def close(self, lease: Lease, versions: Mapping[Key, int]) -> int:
        """Drop the rows of documents that are in every index at these versions, unless a newer one is wanted. Return how many went."""
        ...

    def free(self, lease: Lease, keys: Sequence[Key], *, age_seconds: float) -> None:
        """Make due at once what is still leased and was written; its newer change is at most ``age_seconds`` old."""
        ...

    def release(self, lease: Lease, keys: Sequence[Key]) -> None:
        """Give rows back untouched."""
        ...

    def back_off(self, lease: Lease, troubles: Sequence[tuple[Trouble, timedelta]]) -> None:
        """Count a try, and let each row wait, or set it aside where its trouble is final."""
        ...

    def backlog(self) -> Backlog:
        """Count what is due, and say how old the oldest change is that is not in the index."""
        ...

    def targets(self) -> list[Target]:
        """Read which indices follow the database, the live one first."""
        ...

    def lock_targets(self) -> None:
        """Be the only one to change the list of targets, until the transaction ends."""
        ...

    def add_target(self, index_name: str, *, schema_version: int, version_epoch: int, state: TargetState) -> None:
        """Add an index that is still empty."""
        ...

    def note_progress(self, index_name: str, built_through: str | None) -> None:
        """Write down how far an index is filled."""
        ...

    def raise_epoch(self, index_name: str, version_epoch: int) -> None:
        """Let all that is written from now on be newer than what an earlier epoch wrote."""
        ...

    def companies(self, *, after: str, most: int) -> list[str]:
        """Read companies in order, a page."""
        ...

    def page(self, company_id: str, *, after: int, most: int) -> list[int]:
        """Read a company's certificates' keys in order, a page."""
        ...

    def enqueue(self, company_id: str, certificate_pks: Sequence[int]) -> None:
        """Want documents again as they are."""
        ...

    def touch(self, company_id: str, certificate_pks: Sequence[int]) -> None:
        """Raise rows' versions, which also wants their documents."""
        ...

    def target(self, index_name: str) -> Target:
        """Read one index's row as it is now."""
        ...

    def waiting(self, company_id: str, certificate_pks: Sequence[int]) -> set[int]:
        """Say which documents wait in the outbox or are set aside there."""
        ...

    def note_check(self, index_name: str, checked_through: str, *, kinds: Mapping[Any, int], repaired: int) -> None:
        """Write down how far the proof came and what it found."""
        ...

    def end_round(self, index_name: str) -> None:
        """Write down that the whole index was proven."""
        ...

    def restart_check(self, index_name: str) -> None:
        """Let the proof of this index begin anew."""
        ...

    def make_live(self, index_name: str) -> None:
        """Let this index be the one that readers search, and keep the one before for a rollback."""
        ...

    def drop_target(self, index_name: str) -> None:
        """Give an index up that is kept for a rollback."""
        ...

    def now_ms(self) -> int:
        """The database's clock, milliseconds since 1970."""
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

    @contextmanager
    def snapshot(self) -> Generator[None]:
        with self.transaction():
            self._database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield

    def claim(self, *, limit: int, lease_seconds: float) -> Lease:
        token = uuid4()
        rows = self._tuples("claim_documents", batch_size=limit, lease_token=token, lease_seconds=lease_seconds)
        claims = [Claim(Key(company_id, pk), *counts) for company_id, pk, *counts, _ in rows]
        claimed_at_ms = max((row[-1] for row in rows), default=0)
        return Lease(token=token, claims=sorted(claims, key=lambda claim: (-claim.priority, claim.key)), claimed_at_ms=claimed_at_ms)

    def load(self, company_id: str, certificate_pks: Sequence[int]) -> list[Source]:
        return list(map(Source._make, self._tuples("load_documents", company_id=company_id, certificate_pks=list(certificate_pks))))

    def row_versions(self, company_id: str, certificate_pks: Sequence[int]) -> Mapping[int, int]:
        rows = self._rows("row_versions", company_id=company_id, certificate_pks=list(certificate_pks))
        return {row["certificate_pk"]: row["row_version"] for row in rows}

    def close(self, lease: Lease, versions: Mapping[Key, int]) -> int:
        return self._run("close_documents", **key_columns(versions), versions=list(versions.values()), lease_token=lease.token)

    def free(self, lease: Lease, keys: Sequence[Key], *, age_seconds: float) -> None:
        self._run("free_documents", **key_columns(keys), age_seconds=age_seconds, lease_token=lease.token)

    def release(self, lease: Lease, keys: Sequence[Key]) -> None:
        self._run("release_documents", **key_columns(keys), lease_token=lease.token)

    def back_off(self, lease: Lease, troubles: Sequence[tuple[Trouble, timedelta]]) -> None:
        self._run(
            "back_off",
            **key_columns(trouble.key for trouble, _ in troubles),
            delays_seconds=[delay.total_seconds() for _, delay in troubles],
            finals=[trouble.final for trouble, _ in troubles],
            error_classes=[trouble.error_class.value for trouble, _ in troubles],
            reasons=[trouble.reason for trouble, _ in troubles],
            lease_token=lease.token,
        )

    def backlog(self) -> Backlog:
        (row,) = self._rows("count_due")
        return Backlog(**row)

    def targets(self) -> list[Target]:
        return [Target(**row) for row in self._rows("list_targets")]

    def lock_targets(self) -> None:
        self._run("lock_targets")

    def add_target(self, index_name: str, *, schema_version: int, version_epoch: int, state: TargetState) -> None:
        self._run("add_target", index_name=index_name, schema_version=schema_version, version_epoch=version_epoch, state=state)

    def note_progress(self, index_name: str, built_through: str | None) -> None:
        self._run("note_progress", index_name=index_name, built_through=built_through)

    def raise_epoch(self, index_name: str, version_epoch: int) -> None:
        self._run("raise_epoch", index_name=index_name, version_epoch=version_epoch)

    def companies(self, *, after: str, most: int) -> list[str]:
        return [row["company_id"] for row in self._rows("list_companies", after=after, most=most)]

    def page(self, company_id: str, *, after: int, most: int) -> list[int]:
        return [row["certificate_pk"] for row in self._rows("page_certificates", company_id=company_id, after=after, most=most)]

    def enqueue(self, company_id: str, certificate_pks: Sequence[int]) -> None:
        self._run("enqueue_documents", company_id=company_id, certificate_pks=list(certificate_pks))

    def touch(self, company_id: str, certificate_pks: Sequence[int]) -> None:
        self._run("touch_certificates", company_id=company_id, certificate_pks=list(certificate_pks))

    def target(self, index_name: str) -> Target:
        return next(target for target in self.targets() if target.index_name == index_name)

    def waiting(self, company_id: str, certificate_pks: Sequence[int]) -> set[int]:
        rows = self._rows("find_waiting", company_id=company_id, doc_keys=[str(pk) for pk in certificate_pks])
        return {row["certificate_pk"] for row in rows}

    def note_check(self, index_name: str, checked_through: str, *, kinds: Mapping[Any, int], repaired: int) -> None:
        told = {str(kind): count for kind, count in kinds.items()}
        self._run(
            "note_check",
            index_name=index_name,
            checked_through=checked_through,
            kinds=Jsonb(told),
            found=sum(told.values()),
            repaired=repaired,
        )

    def end_round(self, index_name: str) -> None:
        self._run("end_round", index_name=index_name)

    def restart_check(self, index_name: str) -> None:
        self._run("restart_check", index_name=index_name)

    def make_live(self, index_name: str) -> None:
        self._run("make_live", index_name=index_name)

    def drop_target(self, index_name: str) -> None:
        self._run("drop_target", index_name=index_name)

    def now_ms(self) -> int:
        (row,) = self._rows("tell_time")
        return row["now_ms"]

    def _rows(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        with database_errors(), self._database.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement(PACKAGE, name), parameters).fetchall()

    def _tuples(self, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Read rows as they are, in the order of the statement's columns: for what is read a thousand times a batch."""
        with database_errors():
            return self._database.execute(statement(PACKAGE, name), parameters).fetchall()

    def _run(self, name: str, **parameters: Any) -> int:
        """Carry a statement out and return how many rows it touched."""
        with database_errors():
            return self._database.execute(statement(PACKAGE, name), parameters).rowcount


def key_columns(keys: Iterable[Key]) -> dict[str, list[Any]]:
    ordered = list(keys)
    return {"company_ids": [key.company_id for key in ordered], "certificate_pks": [key.certificate_pk for key in ordered]}
