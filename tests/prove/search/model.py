"""PostgreSQL and Elasticsearch as the sync knows them, in memory: a simple model to run the real job on, thousands of times a minute.

Rows are immutable and tables are dictionaries, so that a transaction that fails puts the tables back by copying a few references.
A contract test runs the same steps on this model and on the real servers.
"""

import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from econsent_jobs.elasticsearch_sync.index import Hit
from econsent_jobs.elasticsearch_sync.mapping import TOMBSTONE
from econsent_jobs.elasticsearch_sync.model import (
    SCHEMA_VERSION,
    Answer,
    Backlog,
    Claim,
    Document,
    Found,
    Key,
    Lease,
    Source,
    Target,
    TargetState,
    Trouble,
)
from econsent_jobs.elasticsearch_sync.rules.drift import Sums, add, bucket_of
from econsent_jobs.elasticsearch_sync.rules.outcomes import read_item
from econsent_jobs.elasticsearch_sync.rules.projection import project

BEGINNING: Final = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
TICK: Final = timedelta(milliseconds=1)
WANTED: Final = frozenset({"finalized", "expired", "deleted"})
DOCUMENTS_IN_BULK: Final = 3
CONFLICT: Final = {"status": 409}
UNPARSED: Final = {"status": 400, "error": {"type": "document_parsing_exception", "reason": "failed to parse field [domain]"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedRow:
    wanted_version: int
    changed_at: datetime
    next_attempt_at: datetime
    priority: int = 0
    state: str = "due"
    attempts: int = 0
    lost_leases: int = 0
    lease_token: UUID | None = None
    leased_until: datetime | None = None
    error_class: str | None = None


@dataclass(slots=True)
class Tables:
    certificates: dict[Key, Source] = field(default_factory=dict[Key, Source])
    outbox: dict[Key, QueuedRow] = field(default_factory=dict[Key, QueuedRow])
    targets: dict[str, Target] = field(default_factory=dict[str, Target])

    def copy(self) -> "Tables":
        return Tables(dict(self.certificates), dict(self.outbox), dict(self.targets))


class ModelDatabase:
    """One database and its clock, which moves a little with every look at it."""

    def __init__(self, companies: Sequence[str]) -> None:
        self.companies = sorted(companies)
        self.tables = Tables()
        self._now = BEGINNING
        self._tokens = 0

    @property
    def now(self) -> datetime:
        self._now += TICK
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return (self.now - BEGINNING).total_seconds()

    def new_token(self) -> UUID:
        self._tokens += 1
        return UUID(int=self._tokens)

    def insert(self, key: Key, source: Source) -> None:
        self.tables.certificates[key] = source
        self._want(key, source, urgent=False)

    def update(self, key: Key, **columns: Any) -> None:
        """What the platform's UPDATE and the table's triggers do."""
        before = self.tables.certificates[key]
        after = before._replace(row_version=before.row_version + 1, **columns)
        self.tables.certificates[key] = after
        self._want(key, after, urgent=revoke_of(before) != revoke_of(after))

    def delete(self, key: Key) -> None:
        gone = self.tables.certificates.pop(key)
        self._queue(key, gone.row_version + 1, urgent=False)

    def _want(self, key: Key, source: Source, *, urgent: bool) -> None:
        if source.status in WANTED:
            self._queue(key, source.row_version, urgent=urgent)

    def _queue(self, key: Key, version: int, *, urgent: bool) -> None:
        now = self.now
        row = self.tables.outbox.get(key, QueuedRow(wanted_version=version, changed_at=now, next_attempt_at=now))
        self.tables.outbox[key] = replace(
            row,
            wanted_version=max(version, row.wanted_version),
            priority=max(row.priority, 10 if urgent else 0),
            state="due",
            attempts=0,
            next_attempt_at=now,
        )


def revoke_of(source: Source) -> Any:
    return source.opt_out.get("revoke") if isinstance(source.opt_out, dict) else None


class ModelStore:
    """A ``Store`` over a ModelDatabase."""

    def __init__(self, database: ModelDatabase) -> None:
        self._database = database
        self._at: datetime | None = None

    @property
    def _tables(self) -> Tables:
        return self._database.tables

    @property
    def _now(self) -> datetime:
        """Within a transaction it is one moment."""
        return self._database.now if self._at is None else self._at

    @contextmanager
    def transaction(self) -> Generator[None]:
        if self._at is not None:
            yield
            return
        before, self._at = self._tables.copy(), self._database.now
        try:
            yield
        except BaseException:
            self._database.tables = before
            raise
        finally:
            self._at = None

    @contextmanager
    def snapshot(self) -> Generator[None]:
        with self.transaction():
            yield

    def claim(self, *, limit: int, lease_seconds: float) -> Lease:
        now, token = self._now, self._database.new_token()
        due = [key for key, row in self._tables.outbox.items() if is_due(row, now)]
        due.sort(key=lambda key: (-self._tables.outbox[key].priority, self._tables.outbox[key].next_attempt_at))
        claims: list[Claim] = []
        for key in due[:limit]:
            row = self._tables.outbox[key]
            lost = row.lost_leases + (row.lease_token is not None)
            leased_until = now + timedelta(seconds=lease_seconds)
            self._tables.outbox[key] = replace(row, lost_leases=lost, lease_token=token, leased_until=leased_until)
            claims.append(Claim(key=key, wanted_version=row.wanted_version, priority=row.priority, attempts=row.attempts, lost_leases=lost))
        return Lease(token=token, claims=sorted(claims, key=lambda claim: (-claim.priority, claim.key)), claimed_at_ms=to_ms(now))

    def load(self, company_id: str, certificate_pks: Sequence[int]) -> list[Source]:
        keys = (Key(company_id, pk) for pk in certificate_pks)
        return [self._tables.certificates[key] for key in keys if key in self._tables.certificates]

    def row_versions(self, company_id: str, certificate_pks: Sequence[int]) -> Mapping[int, int]:
        return {source.certificate_pk: source.row_version for source in self.load(company_id, certificate_pks)}

    def _held(self, lease: Lease, keys: Iterable[Key]) -> list[Key]:
        return [key for key in keys if (row := self._tables.outbox.get(key)) is not None and row.lease_token == lease.token]

    def close(self, lease: Lease, versions: Mapping[Key, int]) -> int:
        done = [key for key in self._held(lease, versions) if self._tables.outbox[key].wanted_version <= versions[key]]
        for key in done:
            del self._tables.outbox[key]
        return len(done)

    def free(self, lease: Lease, keys: Sequence[Key], *, age_seconds: float) -> None:
        oldest = self._now - timedelta(seconds=age_seconds)
        for key in self._held(lease, keys):
            row = self._tables.outbox[key]
            fresh = QueuedRow(
                wanted_version=row.wanted_version,
                changed_at=max(row.changed_at, oldest),
                next_attempt_at=row.next_attempt_at,
                priority=row.priority,
                state=row.state,
            )
            self._tables.outbox[key] = fresh

    def release(self, lease: Lease, keys: Sequence[Key]) -> None:
        for key in self._held(lease, keys):
            self._tables.outbox[key] = replace(self._tables.outbox[key], lease_token=None, leased_until=None)

    def back_off(self, lease: Lease, troubles: Sequence[tuple[Trouble, timedelta]]) -> None:
        by_key = {trouble.key: (trouble, delay) for trouble, delay in troubles}
        for key in self._held(lease, by_key):
            trouble, delay = by_key[key]
            row = self._tables.outbox[key]
            self._tables.outbox[key] = replace(
                row,
                lease_token=None,
                leased_until=None,
                lost_leases=0,
                attempts=row.attempts + 1,
                next_attempt_at=self._now + delay,
                state="dead" if trouble.final else "due",
                error_class=str(trouble.error_class),
            )

    def backlog(self) -> Backlog:
        now, rows = self._now, list(self._tables.outbox.values())
        due = sum(row.state == "due" and row.next_attempt_at <= now for row in rows)
        oldest = min((row.changed_at for row in rows), default=now)
        return Backlog(due=due, dead=sum(row.state == "dead" for row in rows), oldest_seconds=int((now - oldest).total_seconds()))

    def targets(self) -> list[Target]:
        return sorted(self._tables.targets.values(), key=lambda target: (target.state != "live", target.index_name))

    def lock_targets(self) -> None:
        """A transaction is one step: nobody else can be in one."""

    def add_target(self, index_name: str, *, schema_version: int, version_epoch: int, state: TargetState) -> None:
        added = Target(
            index_name=index_name,
            schema_version=schema_version,
            version_epoch=version_epoch,
            state=state,
            built_through="",
            checked_through=None,
            check_round=0,
            drift_found=0,
            drift_repaired=0,
        )
        self._tables.targets.setdefault(index_name, added)

    def _change(self, index_name: str, change: Callable[[Target], Mapping[str, Any]]) -> None:
        """Change a row, if it is there still."""
        target = self._tables.targets.get(index_name)
        if target is not None:
            self._tables.targets[index_name] = replace(target, **change(target))

    def note_progress(self, index_name: str, built_through: str | None) -> None:
        self._change(index_name, lambda _: {"built_through": built_through})

    def raise_epoch(self, index_name: str, version_epoch: int) -> None:
        self._change(index_name, lambda target: {"version_epoch": max(version_epoch, target.version_epoch)})

    def companies(self, *, after: str, most: int) -> list[str]:
        return [company for company in self._database.companies if company > after][:most]

    def page(self, company_id: str, *, after: int, most: int) -> list[int]:
        return sorted(key.certificate_pk for key in self._tables.certificates if key.company_id == company_id and key[1] > after)[:most]

    def enqueue(self, company_id: str, certificate_pks: Sequence[int]) -> None:
        now = self._now
        for source in self.load(company_id, certificate_pks):
            wanted = QueuedRow(wanted_version=source.row_version, changed_at=now, next_attempt_at=now)
            self._tables.outbox.setdefault(Key(company_id, source.certificate_pk), wanted)

    def touch(self, company_id: str, certificate_pks: Sequence[int]) -> None:
        for source in self.load(company_id, certificate_pks):
            self._database.update(Key(company_id, source.certificate_pk))

    def target(self, index_name: str) -> Target:
        return self._tables.targets[index_name]

    def waiting(self, company_id: str, certificate_pks: Sequence[int]) -> set[int]:
        return {pk for pk in certificate_pks if Key(company_id, pk) in self._tables.outbox}

    def note_check(self, index_name: str, checked_through: str, *, kinds: Mapping[Any, int], repaired: int) -> None:
        found = sum(kinds.values())
        self._change(
            index_name,
            lambda target: {
                "checked_through": checked_through,
                "drift_found": target.drift_found + found,
                "drift_repaired": target.drift_repaired + repaired,
            },
        )

    def end_round(self, index_name: str) -> None:
        self._change(index_name, lambda target: {"checked_through": None, "check_round": target.check_round + 1})

    def restart_check(self, index_name: str) -> None:
        self._change(index_name, lambda _: {"checked_through": None})

    def make_live(self, index_name: str) -> None:
        for target in self.targets():
            if target.index_name == index_name or target.state == "live":
                state: TargetState = "live" if target.index_name == index_name else "rollback"
                self._change(target.index_name, lambda _, state=state: {"state": state})

    def drop_target(self, index_name: str) -> None:
        target = self._tables.targets.get(index_name)
        if target is not None and target.state == "rollback":
            del self._tables.targets[index_name]

    def now_ms(self) -> int:
        return to_ms(self._now)


def is_due(row: QueuedRow, now: datetime) -> bool:
    return row.state == "due" and row.next_attempt_at <= now and (row.leased_until is None or row.leased_until < now)


def to_ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A document as one shard holds it: ids are its own, wherever a request's routing came from."""

    version: int
    routing: str
    source: Mapping[str, Any]

    @property
    def key(self) -> Key:
        return Key(self.source["company_id"], self.source["certificate_pk"])

    def is_odd(self, company_id: str) -> bool:
        return self.routing != company_id or (self.source["deleted"] is not False and not self.source.keys() <= TOMBSTONE)

    @property
    def found(self) -> Found:
        return Found(
            version=self.version,
            sha256=self.source.get("projection_sha256"),
            row_version=self.source.get("row_version"),
            deleted=bool(self.source.get("deleted")),
            part=self.source.get("digest_part"),
        )


@dataclass(slots=True)
class Shard:
    """One index. ``graves``: versions of removed documents that are still remembered; ``searchable``: what searches see."""

    documents: dict[str, Stored] = field(default_factory=dict[str, Stored])
    graves: dict[str, int] = field(default_factory=dict[str, int])
    searchable: dict[str, Stored] = field(default_factory=dict[str, Stored])

    def write(self, document_id: str, stored: Stored) -> Mapping[str, Any]:
        present = self.documents.get(document_id)
        newest = self.graves.get(document_id, -1) if present is None else present.version
        if "domain" in stored.source and not str(stored.source["domain"]).isdecimal():
            return UNPARSED
        if stored.version <= newest:
            return CONFLICT
        self.documents[document_id] = stored
        self.graves.pop(document_id, None)
        return {"status": 200}

    def remove(self, document_id: str, version: int) -> bool:
        """Remove a document of this version or an older one; its version is remembered."""
        present = self.documents.get(document_id)
        newest = self.graves.get(document_id, -1) if present is None else present.version
        if version < newest:
            return False
        self.documents.pop(document_id, None)
        self.graves[document_id] = version
        return present is not None


@dataclass(slots=True)
class Cluster:
    """All indices. In them a field is of another kind than the job believes, so that ``domain`` other than a number is refused."""

    shards: dict[str, Shard] = field(default_factory=dict[str, Shard])
    aliases: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    def forget(self) -> None:
        """What happens to removed documents' versions after a while, and at a restart."""
        for shard in self.shards.values():
            shard.graves.clear()


class ModelIndex:
    """An ``Index`` over a Cluster."""

    def __init__(self, cluster: Cluster, alias: str) -> None:
        self._cluster, self._alias = cluster, alias

    def _shard(self, index_name: str) -> Shard:
        """An index that is written to and not there is made by the server itself."""
        return self._cluster.shards.setdefault(index_name, Shard())

    def split(self, documents: Sequence[Document]) -> list[list[Document]]:
        return [list(documents[first : first + DOCUMENTS_IN_BULK]) for first in range(0, len(documents), DOCUMENTS_IN_BULK)]

    def send(self, target: Target, documents: Sequence[Document]) -> Mapping[Key, Answer]:
        answers: dict[Key, Answer] = {}
        for document in documents:
            version = target.version_of(document.row_version)
            stored = Stored(version=version, routing=document.key.company_id, source=json.loads(document.body))
            answers[document.key] = read_item(self._shard(target.index_name).write(document.key.document_id, stored))
        return answers

    def look(self, target: Target, keys: Iterable[Key]) -> Mapping[Key, Found]:
        documents = self._shard(target.index_name).documents
        return {key: documents[key.document_id].found for key in keys if key.document_id in documents}

    def _seen(self, target: Target, company_id: str, after: int, through: int) -> list[tuple[str, Stored]]:
        found = self._shard(target.index_name).searchable.items()
        return [(name, each) for name, each in found if each.key[0] == company_id and after < each.key[1] <= through]

    def count(self, target: Target) -> int:
        return len(self._shard(target.index_name).searchable)

    def refresh(self, target: Target) -> None:
        shard = self._shard(target.index_name)
        shard.searchable = dict(shard.documents)

    def sums(self, target: Target, company_id: str, *, after: int, through: int) -> tuple[Mapping[int, Sums], int]:
        sums: dict[int, Sums] = {}
        oddities = 0
        for _, stored in self._seen(target, company_id, after, through):
            oddities += stored.is_odd(company_id)
            if stored.routing == company_id and not stored.source["deleted"]:
                add(sums, stored.key.certificate_pk, stored.source["digest_part"])
        return sums, oddities

    def oddities(self, target: Target, company_id: str, *, after: int, through: int) -> list[Hit]:
        seen = self._seen(target, company_id, after, through)
        return [hit_of(name, stored, whole=False) for name, stored in seen if stored.is_odd(company_id)]

    def read(self, target: Target, company_id: str, *, after: int, through: int, buckets: Sequence[int] | None, whole: bool) -> list[Hit]:
        seen = self._seen(target, company_id, after, through)
        chosen = [(name, each) for name, each in seen if buckets is None or bucket_of(each.key.certificate_pk) in buckets]
        return [hit_of(name, stored, whole=whole) for name, stored in sorted(chosen, key=lambda pair: pair[1].key)]

    def companies(self, target: Target) -> list[str]:
        return sorted({stored.key.company_id for stored in self._shard(target.index_name).searchable.values()})

    def remove(self, target: Target, hits: Sequence[Hit]) -> None:
        for hit in hits:
            self._shard(target.index_name).remove(hit.document_id, hit.found.version)

    def bury(self, target: Target, found: Mapping[Key, Found]) -> None:
        for key, present in found.items():
            grave = project(key, None, row_version=present.version + 1, indexed_at_ms=to_ms(BEGINNING))
            stored = Stored(version=present.version + 1, routing=key.company_id, source=json.loads(grave.body))
            self._shard(target.index_name).write(key.document_id, stored)

    def purge(self, target: Target, *, older_than_ms: int, keep: Callable[[Sequence[Key]], set[Key]]) -> int:
        shard = self._shard(target.index_name)
        old = {
            name: stored
            for name, stored in shard.searchable.items()
            if stored.source["deleted"] and stored.source["indexed_at"] < older_than_ms
        }
        kept = keep([stored.key for stored in old.values()])
        gone = {name: stored for name, stored in old.items() if stored.key not in kept}
        for name, stored in gone.items():
            shard.remove(name, stored.version)
        return len(gone)

    def exists(self, target: Target) -> bool:
        return target.index_name in self._cluster.shards

    def create(self, index_name: str) -> None:
        self._shard(index_name)

    def delete(self, index_name: str) -> None:
        self._cluster.shards.pop(index_name, None)
        for holders in self._cluster.aliases.values():
            holders.discard(index_name)

    def point_aliases(self, target: Target) -> bool:
        wanted = {self._alias: {target.index_name}, f"{self._alias}-write": {target.index_name}}
        changed = any(self._cluster.aliases.get(name) != holders for name, holders in wanted.items())
        self._cluster.aliases |= wanted
        return changed

    def free_name(self, taken: Iterable[str]) -> str:
        numbers = [int(name.rpartition("-")[2]) for name in taken]
        return f"{self._alias}-v{SCHEMA_VERSION}-{max(numbers, default=0) + 1:06d}"

    def strays(self, known: Iterable[str]) -> list[str]:
        return sorted(self._cluster.shards.keys() - set(known))


def hit_of(document_id: str, stored: Stored, *, whole: bool) -> Hit:
    return Hit(key=stored.key, document_id=document_id, routing=stored.routing, found=stored.found, source=stored.source if whole else None)
