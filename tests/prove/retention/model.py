"""A company's objects in memory: the store and the archive as the two phases of retention see them, with locks and transactions.

Rows, locks and marks behave as PostgreSQL's: a transaction that ends in an error leaves nothing, and what one worker has in hand the other
leaves alone. The archive does not roll back: what it deleted is gone.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from econsent_jobs.io.object_versions import Head, Undeleted, Version
from econsent_jobs.retention_enforcement.model import Decision, Facts, Rule, State
from econsent_jobs.retention_enforcement.store import Page

Row = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Data:
    """What the database holds. ``holds``: number to the company it is on, and the object it covers (None: all)."""

    facts: dict[int, Facts] = field(default_factory=dict[int, Facts])
    purge_after: dict[int, datetime] = field(default_factory=dict[int, datetime])
    deleted_at: dict[int, datetime] = field(default_factory=dict[int, datetime])
    holds: dict[int, tuple[str, int | None]] = field(default_factory=dict[int, tuple[str, int | None]])
    leaves: list[str] = field(default_factory=list[str])
    chunks: list[str] = field(default_factory=list[str])
    tombstones: list[str] = field(default_factory=list[str])
    asked: set[str] = field(default_factory=set[str])
    approved: set[str] = field(default_factory=set[str])


@dataclass(slots=True, kw_only=True)
class World:
    """Database, archive, clock and locks. ``deleted``: the keys of what went, in order."""

    now: datetime
    data: Data = field(default_factory=Data)
    versions: dict[str, datetime] = field(default_factory=dict[str, datetime])  # key to the end of its lock
    company_locks: dict[str, object] = field(default_factory=dict[str, object])
    row_locks: dict[int, object] = field(default_factory=dict[int, object])
    log_lock: object | None = None
    deleted: list[str] = field(default_factory=list[str])

    def holds_on(self, facts: Facts) -> list[str]:
        return [
            f"hold {number} (a suit)"
            for number, (company_id, object_id) in sorted(self.data.holds.items())
            if company_id == facts.company_id and object_id in {None, facts.object_id}
        ]


class ModelStore:
    """One worker's connection."""

    dry = False

    def __init__(self, world: World) -> None:
        self._world = world
        self._undo = Undo(world)

    @contextmanager
    def transaction(self) -> Generator[None]:
        world, undo = self._world, Undo(self._world)
        self._undo = undo
        try:
            yield
        except BaseException:
            undo.restore()
            raise
        finally:
            world.company_locks = {key: owner for key, owner in world.company_locks.items() if owner is not self}
            world.row_locks = {key: owner for key, owner in world.row_locks.items() if owner is not self}
            if world.log_lock is self:
                world.log_lock = None

    def beat(self) -> None:
        """The model's sessions end only with their workers."""

    def lock_company(self, company_id: str) -> bool:
        return self._world.company_locks.setdefault(company_id, self) is self

    def lock_objects(self, company_id: str, object_ids: Sequence[int]) -> list[int]:
        free = [each for each in sorted(object_ids) if self._world.row_locks.get(each, self) is self]
        alive = [each for each in free if self._world.data.facts[each].state is not State.DELETED]
        self._world.row_locks.update(dict.fromkeys(alive, self))
        return alive

    def facts(self, company_id: str, object_ids: Sequence[int]) -> list[Facts]:
        found = [self._world.data.facts[each] for each in object_ids]
        return sorted((replace(each, holds=self._world.holds_on(each)) for each in found), key=lambda each: each.object_key)

    def find(self, query: str, page: Page, **more: Any) -> list[Row]:
        assert query == "find_marked", query
        due = [
            {"object_id": object_id, "object_key": self._world.data.facts[object_id].object_key}
            for object_id, at in self._world.data.purge_after.items()
            if at <= page.now and self._world.data.facts[object_id].company_id == page.company_id
        ]
        return sorted((row for row in due if row["object_key"] > page.after), key=lambda row: row["object_key"])[: page.size]

    def mark(self, company_id: str, decided: Sequence[tuple[Facts, Decision, bool]], *, now: datetime, step: str) -> list[int]:
        done: list[int] = []
        for facts, decision, guarded in decided:
            assert facts.object_id is not None
            row = self._world.data.facts[facts.object_id]
            erased = decision.rule is Rule.ERASURE_REQUEST and row.mark_rule is not Rule.ERASURE_REQUEST
            overtaken = row.state is State.EXPIRED and erased
            if row.state is State.STORED or overtaken:
                self._undo.keep(facts.object_id)
                self._world.data.facts[facts.object_id] = replace(
                    row, state=State.EXPIRED, marked_at=now, mark_rule=decision.rule, guarded=guarded
                )
                assert decision.due_at is not None
                self._world.data.purge_after[facts.object_id] = decision.due_at
                done.append(facts.object_id)
        return done

    def unmark(self, company_id: str, object_ids: Sequence[int]) -> None:
        for object_id in object_ids:
            self._undo.keep(object_id)
            row = self._world.data.facts[object_id]
            self._world.data.facts[object_id] = replace(row, state=State.STORED, marked_at=None, mark_rule=None, guarded=False)
            self._world.data.purge_after.pop(object_id, None)

    def close(self, company_id: str, object_ids: Sequence[int], *, deleted_at: datetime) -> list[int]:
        ours = [each for each in object_ids if self._world.data.facts[each].state is State.EXPIRED]
        for object_id in ours:
            self._undo.keep(object_id)
            self._world.data.facts[object_id] = replace(self._world.data.facts[object_id], state=State.DELETED)
            self._world.data.purge_after.pop(object_id, None)
            self._world.data.deleted_at[object_id] = deleted_at
        return ours

    def refuse(self, company_id: str, reasons: Mapping[int, str]) -> None:
        """Reasons are for people."""

    def audit(self, company_id: str | None, entries: Iterable[Any], *, user: str = "") -> None:
        """The trail is not part of this model."""

    def one(self, query: str, /, **parameters: Any) -> Row:
        if query == "lock_log":
            assert self._world.log_lock in {None, self}, "whoever appends has the log for itself"
            self._world.log_lock = self
            return {"leaves": len(self._world.data.leaves), "deleted_at": self._world.now}
        assert query == "count_guarded", query
        return self._guarded(parameters["company_id"], parameters["now"])

    def _guarded(self, company_id: str, now: datetime) -> Row:
        ours = [each for each in self._world.data.facts.values() if each.company_id == company_id]
        alive = [each for each in ours if each.state is not State.DELETED]
        gone = [
            each
            for each in ours
            if each.state is State.DELETED and each.guarded and self._world.data.deleted_at[each.object_id or 0].date() == now.date()
        ]
        due = [each for each in alive if each.guarded and self._world.data.purge_after.get(each.object_id or 0, now) <= now]
        marked = [each for each in due if each.state is State.EXPIRED]
        approved = company_id in self._world.data.approved
        return {"whole": len(alive) + len(gone), "gone_today": len(gone), "selected": len(marked), "approved": approved}

    def rows(self, query: str, /, **parameters: Any) -> list[Row]:
        if query == "read_leaves":
            return [{"leaf_sha256": each} for each in self._world.data.leaves[parameters["first_no"] : parameters["before_no"]]]
        assert query == "ask_mass_deletion", query
        self._world.data.asked.add(parameters["company_id"])
        return []

    def run(self, query: str, /, **parameters: Any) -> int:
        data = self._world.data
        if query == "insert_tombstones":
            assert parameters["log_nos"] == list(range(len(data.leaves), len(data.leaves) + len(parameters["log_nos"])))
            self._undo.keep_log()
            data.leaves += parameters["leaf_sha256s"]
            data.tombstones += parameters["object_keys"]
        elif query == "insert_chunks":
            data.chunks += parameters["sha256s"]
        else:
            assert query == "lengthen_log", query
            assert parameters["leaves"] == len(data.leaves)
        return 1


class Undo:
    """What a transaction changed, to be put back: rows by their number, and the log's length."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rows: dict[int, tuple[Facts, datetime | None]] = {}
        self._log: tuple[int, int] | None = None

    def keep(self, object_id: int) -> None:
        data = self._world.data
        self._rows.setdefault(object_id, (data.facts[object_id], data.purge_after.get(object_id)))

    def keep_log(self) -> None:
        self._log = (len(self._world.data.leaves), len(self._world.data.chunks))

    def restore(self) -> None:
        data = self._world.data
        for object_id, (facts, purge_after) in self._rows.items():
            data.facts[object_id] = facts
            data.deleted_at.pop(object_id, None)
            if purge_after is None:
                data.purge_after.pop(object_id, None)
            else:
                data.purge_after[object_id] = purge_after
        if self._log is not None:
            leaves, chunks = self._log
            del data.leaves[leaves:], data.tombstones[leaves:], data.chunks[chunks:]


class ModelArchive:
    """Versions under their locks. A request's effect stays, whatever becomes of who sent it."""

    bucket = "model"

    def __init__(self, world: World, *, judge: Any) -> None:
        self._world, self._judge = world, judge

    def delete(self, versions: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Undeleted]:
        refused: dict[tuple[str, str], Undeleted] = {}
        for key, version_id in versions:
            lock = self._world.versions.get(key)
            if lock is not None and lock >= self._world.now:
                refused[key, version_id] = Undeleted(code="AccessDenied", busy=False)
            elif lock is not None:
                self._judge(key)
                del self._world.versions[key]
                self._world.deleted.append(key)
        return refused

    def head(self, key: str, version_id: str) -> Head | None:
        lock = self._world.versions.get(key)
        return None if lock is None else Head(size_bytes=1, sha256=None, storage_class="STANDARD", retain_until=lock, held=False)

    def left_of(self, keys: Iterable[str]) -> list[Version]:
        return [Version(key=key, version_id="v", size_bytes=1, modified_at=self._world.now) for key in keys if key in self._world.versions]
