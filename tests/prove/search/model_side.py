"""Histories on the model. ``history`` is what ``tests.prove.harness.many`` runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

from econsent_jobs.core.clock import Clock
from econsent_jobs.elasticsearch_sync.mapping import TOMBSTONE
from econsent_jobs.elasticsearch_sync.model import Key, Settings, Source
from econsent_jobs.elasticsearch_sync.rules.projection import part_of, project
from econsent_jobs.elasticsearch_sync.tools import Tools
from tests.prove.harness.histories import Told
from tests.prove.harness.steps import SteppedStore, Worker
from tests.prove.search.histories import COMPANIES, LEASE_SECONDS, History
from tests.prove.search.model import Cluster, ModelDatabase, ModelIndex, ModelStore, Shard, Stored
from tests.prove.search.steps import AtOnce, SteppedIndex

ALIAS: Final = "model"
DEPTH: Final = 6
OTHER_DIGEST: Final = "f" * 64
SETTINGS: Final = Settings(alias=ALIAS, replicas=0, lease_seconds=LEASE_SECONDS)
CERTIFICATE: Final = Source(
    certificate_pk=0,
    row_version=1,
    status="finalized",
    certificate_id="EC-1",
    session_id=None,
    property_id="shop",
    source="meta",
    consent_at_ms=1_772_323_200_000,
    finalized_at_ms=1_772_323_500_000,
    expires_at_ms=1_930_089_600_000,
    consumer_phone="+12025550123",
    consumer_email="ann@example.com",
    consumer_name="Ann",
    ip=None,
    geo=None,
    origin=None,
    domain=None,
    consent_records=[],
    opt_out={},
    recorded=False,
    retention_status=None,
    rrweb_to_video_status=None,
    disclosure_sha256=None,
    template_id=None,
    template_version=None,
    language=None,
    wcag_level=None,
    disclosure_visible=None,
)


def history(seed: int) -> Told:
    """One history on the model, all of it drawn from its seed."""
    return History(ModelSide(), Random(seed)).run()


def stepped_tools(
    store: Any, index: Any, clock: Clock, settings: Settings, *, worker: Worker | None, late: list[Callable[[], None]]
) -> Tools:
    """A worker's tools, stepped where there is a worker."""
    if worker is not None:
        store = SteppedStore(store, worker, depth=DEPTH)
        index = SteppedIndex(index, worker, store, late)
    return Tools(store=store, index=index, settings=settings, clock=clock, open_senders=AtOnce)


class ModelSide:
    def __init__(self) -> None:
        self.database = ModelDatabase(COMPANIES)
        self.cluster = Cluster()
        self._numbers = 0

    def add(self, company_id: str) -> Key:
        self._numbers += 1
        key = Key(company_id, self._numbers)
        self.database.insert(key, CERTIFICATE._replace(certificate_pk=self._numbers))
        return key

    def update(self, key: Key, **columns: Any) -> None:
        self.database.update(key, **columns)

    def write(self, what: str, random: Random) -> None:
        company = random.choice(COMPANIES)
        rows = self.database.tables.certificates
        if what in {"insert", "pending", "bad"}:
            self._numbers += 1
            columns: dict[str, Any] = {"pending": {"status": "pending"}, "bad": {"domain": "no number"}}.get(what, {})
            key = Key(company, self._numbers)
            self.database.insert(key, CERTIFICATE._replace(certificate_pk=self._numbers, **columns))
        elif rows:
            self._change(what, random.choice(sorted(rows)), random)

    def _change(self, what: str, key: Key, random: Random) -> None:
        if what == "remove":
            self.database.delete(key)
            return
        columns: dict[str, dict[str, Any]] = {
            "name": {"consumer_name": f"Ann {random.randrange(1_000)}"},
            "revoke": {"opt_out": {"revoke": True}},
            "expire": {"status": "expired"},
            "delete": {"status": "deleted"},
            "heal": {"domain": None, "status": "finalized"},
            "session": {"retention_status": random.choice(("retained", "expired"))},
        }
        self.database.update(key, **columns[what])

    def tamper(self, what: str, random: Random) -> None:
        places = [(shard, name) for shard in self.cluster.shards.values() for name in sorted(shard.documents)]
        if what == "unsaid":
            if self.database.tables.outbox:
                del self.database.tables.outbox[random.choice(sorted(self.database.tables.outbox))]
        elif what == "index" and self.cluster.shards:
            ModelIndex(self.cluster, ALIAS).delete(random.choice(sorted(self.cluster.shards)))
        elif what == "aliases":
            self.cluster.aliases.clear()
        elif places:
            self._spoil(what, *random.choice(places))

    def _spoil(self, what: str, shard: Shard, name: str) -> None:
        stored = shard.documents[name]
        match what:
            case "missing":
                del shard.documents[name]
                shard.graves.pop(name, None)
            case "content":
                shard.documents[name] = replace(stored, source=other_content(stored.source, stored.source["row_version"]))
            case "newer":
                source = other_content(stored.source, stored.source["row_version"] + 5)
                shard.documents[name] = replace(stored, version=stored.version + 5, source=source)
            case "misrouted":
                shard.documents[name] = replace(stored, routing="elsewhere")
            case _:
                self._numbers += 1
                source = {**stored.source, "certificate_pk": self._numbers, "deleted": False}
                key = Key(source["company_id"], self._numbers)
                shard.documents[key.document_id] = Stored(version=3, routing=key.company_id, source=source)

    def forget(self) -> None:
        self.cluster.forget()

    def advance(self, seconds: float) -> None:
        self.database.advance(seconds)

    def tools(self, worker: Worker | None, late: list[Callable[[], None]]) -> Tools:
        store, index = ModelStore(self.database), ModelIndex(self.cluster, ALIAS)
        return stepped_tools(store, index, self.database, SETTINGS, worker=worker, late=late)

    def waiting(self) -> Mapping[Key, str]:
        return {key: row.state for key, row in self.database.tables.outbox.items()}

    def unfinished(self) -> set[str]:
        targets = self.database.tables.targets.values()
        return {target.state for target in targets if target.state == "building" or target.built_through is not None}

    def differences(self) -> Sequence[str]:
        tables = self.database.tables
        found: list[str] = []
        for target in tables.targets.values():
            if target.state == "building" or target.index_name not in self.cluster.shards:
                continue
            documents = self.cluster.shards[target.index_name].documents
            keys = (tables.certificates.keys() | {stored.key for stored in documents.values()}) - tables.outbox.keys()
            differing = ((key, self._difference(key, documents)) for key in sorted(keys))
            found += [f"{target.index_name} {key.document_id}: {sentence}" for key, sentence in differing if sentence]
        return found

    def _difference(self, key: Key, documents: Mapping[str, Stored]) -> str | None:
        """Say how what is shown under a key differs from its row."""
        row, stored = self.database.tables.certificates.get(key), documents.get(key.document_id)
        others = [name for name, each in documents.items() if each.key == key and name != key.document_id]
        if others:
            return f"further documents {others}"
        shown = stored if stored is not None and not stored.source["deleted"] else None
        if stored is not None and shown is None and not stored.source.keys() <= TOMBSTONE:
            return "a tombstone holds more than it may"
        if row is None or row.status != "finalized":
            return None if shown is None else f"it is shown in version {shown.version}, and there is no such certificate to show"
        if shown is None:
            return "it is not shown"
        expected = project(key, row, row_version=row.row_version, indexed_at_ms=0)
        held = (shown.version & (2**40 - 1), shown.source["projection_sha256"], shown.source["digest_part"], shown.routing)
        wanted = (row.row_version, expected.sha256, expected.part, key.company_id)
        return None if held == wanted else f"it holds {held} instead of {wanted}"

    def dead(self) -> Sequence[str]:
        """Only what the index cannot take, and three workers' lost leases (a worker that dies three times is rare, and named)."""
        tables = self.database.tables
        set_aside = {key: row.error_class for key, row in tables.outbox.items() if row.state == "dead"}
        return [
            f"{key.document_id} was set aside: {error_class}"
            for key, error_class in set_aside.items()
            if error_class == "es_write" or (error_class == "data" and tables.certificates[key].domain is None)
        ]


def other_content(source: Mapping[str, Any], row_version: int) -> dict[str, Any]:
    """Another content with the digest and part that belong to it."""
    part = part_of(OTHER_DIGEST, row_version)
    return {**source, "row_version": row_version, "projection_sha256": OTHER_DIGEST, "digest_part": part, "property_id": "evil"}
