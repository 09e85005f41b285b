"""Histories on the model: a company's objects in memory, and the platform's writes to them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count
from random import Random
from typing import Any

from econsent_jobs.retention_enforcement.model import Backend, Facts, Served, SessionFacts, State
from tests.prove.harness.histories import Told
from tests.prove.retention.histories import BEGIN, History, Item
from tests.prove.retention.model import ModelArchive, ModelStore, World


class ModelSide:
    """A ``Side`` in memory."""

    def __init__(self) -> None:
        self.world = World(now=BEGIN)
        self._numbers = count(1)

    @property
    def now(self) -> datetime:
        return self.world.now

    @now.setter
    def now(self, at: datetime) -> None:
        self.world.now = at

    def add(self, item: Item) -> None:
        self.world.versions[item.key] = item.barred_until
        self.world.data.facts[item.number] = Facts(
            object_id=item.number,
            company_id=item.company_id,
            kind="certificate",
            backend=Backend.S3,
            object_key=item.key,
            version_id="v",
            size_bytes=1,
            sha256="0" * 64,
            state=State.STORED,
            created_at=item.consent_at,
            retain_until=item.lock_until,
            session=retained(item, at=item.consent_at) if item.retained else None,
            served=[Served(certificate_pk=item.number, status="expired", consent_at=item.consent_at, expires_at=item.ends_at)],
        )

    def hold(self, company_id: str, item: Item | None) -> int:
        number = next(self._numbers)
        self.world.data.holds[number] = company_id, None if item is None else item.number
        return number

    def release(self, hold: int) -> None:
        del self.world.data.holds[hold]

    def change(self, item: Item, what: str, *, ends_at: datetime) -> bool:
        if item.number in self.world.row_locks:
            return False
        facts = self.world.data.facts[item.number]
        columns: dict[str, dict[str, Any]] = {
            "claim": {"served": [replace(facts.served[0], claimed=True, expires_at=ends_at)]},
            "erase": {"erasure_asked_at": facts.erasure_asked_at or self.now},
            "retain": {"session": retained(item, at=self.now)},
        }
        self.world.data.facts[item.number] = replace(facts, **columns[what])
        return True

    def in_flight(self, company_id: str) -> bool:
        return company_id in self.world.company_locks

    def marked_at(self, item: Item) -> datetime | None:
        return self.world.data.facts[item.number].marked_at

    def is_there(self, item: Item) -> bool:
        return item.key in self.world.versions

    def is_closed(self, item: Item) -> bool:
        return self.world.data.facts[item.number].state is State.DELETED

    def deleted(self) -> Sequence[str]:
        return self.world.deleted

    def tombstones(self) -> Sequence[str]:
        return self.world.data.tombstones

    def stores(self, judge: Callable[[str], None]) -> tuple[ModelStore, ModelArchive]:
        return ModelStore(self.world), ModelArchive(self.world, judge=judge)


def retained(item: Item, *, at: datetime) -> SessionFacts:
    return SessionFacts(status="retained", expires_at=item.ends_at, due_at=item.ends_at, retained_at=at)


def history(seed: int) -> Told:
    """Run one history and say what is wrong with it."""
    return History(ModelSide(), Random(seed)).run()
