"""The same steps on a store and an index, whichever they are, and what they answered; documents by their place among the certificates."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Protocol

from econsent_jobs.core.errors import ErrorClass
from econsent_jobs.elasticsearch_sync.model import Document, Found, Key, Lease, Target, Trouble
from econsent_jobs.elasticsearch_sync.rules.projection import project
from econsent_jobs.elasticsearch_sync.tools import Tools
from tests.prove.search.histories import LEASE_SECONDS
from tests.prove.search.model_side import CERTIFICATE

HOME: Final = "case-a"
DELAY: Final = timedelta(seconds=50)
REVOKED: Final = {"revoke": True}


class Side(Protocol):
    def tools(self, worker: None, late: list[Any]) -> Tools: ...

    def add(self, company_id: str) -> Key:
        """A finalised certificate."""
        ...

    def update(self, key: Key, **columns: Any) -> None: ...

    def advance(self, seconds: float) -> None: ...


def observations(side: Side) -> list[Any]:
    """Go through claims of two workers, lost leases, troubles, targets, bulks of older and newer versions, sums and removals."""
    return [*of_the_store(side), *of_the_index(side)]


def of_the_store(side: Side) -> list[Any]:
    store = side.tools(None, []).store
    keys = [side.add(HOME) for _ in range(4)] + [side.add("case-b")]
    places = {key: place for place, key in enumerate(keys)}

    def shown(lease: Lease) -> list[Any]:
        claims = [(each.priority, places[each.key], each.wanted_version, each.attempts, each.lost_leases) for each in lease.claims]
        return sorted(claims)

    seen: list[Any] = [store.backlog().due, sorted(places[Key(HOME, pk)] for pk in store.page(HOME, after=0, most=3))]
    side.update(keys[3], opt_out=REVOKED)
    first = store.claim(limit=2, lease_seconds=LEASE_SECONDS)
    second = store.claim(limit=10, lease_seconds=LEASE_SECONDS)
    seen += [len(first.claims), places[first.claims[0].key], len(second.claims), shown(store.claim(limit=9, lease_seconds=LEASE_SECONDS))]
    side.advance(LEASE_SECONDS + 1)
    third = store.claim(limit=10, lease_seconds=LEASE_SECONDS)
    seen += [store.close(first, dict.fromkeys(keys, 9)), shown(third), store.backlog().due]
    side.update(keys[0], consumer_name="Ann again")
    seen.append(store.close(third, {keys[0]: 1, keys[3]: 2}))
    store.free(third, [keys[0]], age_seconds=1.0)
    store.release(third, [keys[1]])
    troubles = [Trouble(key=keys[2], error_class=ErrorClass.ES_WRITE, reason="busy")]
    troubles.append(Trouble(key=keys[4], error_class=ErrorClass.DATA, reason="refused", final=True))
    store.back_off(third, [(trouble, DELAY) for trouble in troubles])
    left = store.backlog()
    seen += [left.due, left.dead, sorted(store.waiting(HOME, [key.certificate_pk for key in keys[:4]])) == [key[1] for key in keys[:3]]]
    side.advance(DELAY.total_seconds() + 1)
    again = store.claim(limit=10, lease_seconds=LEASE_SECONDS)
    store.close(again, dict.fromkeys(keys, 9))
    seen += [shown(again), store.backlog().due]
    store.enqueue(HOME, [key.certificate_pk for key in keys[:2]])
    store.touch(HOME, [keys[1].certificate_pk])
    versions = store.row_versions(HOME, [key.certificate_pk for key in keys[:4]])
    seen += [shown(store.claim(limit=10, lease_seconds=LEASE_SECONDS)), [versions[key.certificate_pk] for key in keys[:4]]]
    return [*seen, *of_the_targets(store)]


def of_the_targets(store: Any) -> list[Any]:
    for name, state in (("x-1", "live"), ("x-2", "building"), ("x-2", "building")):
        store.add_target(name, schema_version=1, version_epoch=0, state=state)
    store.note_progress("x-1", None)
    store.note_progress("x-2", f"{HOME}:7")
    store.raise_epoch("x-1", 3)
    store.raise_epoch("x-1", 2)
    store.note_check("x-1", f"{HOME}:9", kinds={"stale": 2}, repaired=1)
    seen = [told(target) for target in store.targets()]
    store.make_live("x-2")
    store.end_round("x-1")
    store.drop_target("x-2")
    seen += [told(target) for target in store.targets()]
    store.drop_target("x-1")
    seen += [told(target) for target in store.targets()]
    store.make_live("x-3")
    store.drop_target("x-2")
    write_of_one_that_is_gone(store, "x-2")
    return [*seen, store.targets(), store.companies(after=HOME, most=5)]


def write_of_one_that_is_gone(store: Any, index_name: str) -> None:
    """A reindex may give an index up while a run proves it: what that run writes down then is of no use, and no error."""
    store.note_progress(index_name, None)
    store.raise_epoch(index_name, 9)
    store.note_check(index_name, f"{HOME}:9", kinds={"stale": 2}, repaired=1)
    store.end_round(index_name)
    store.restart_check(index_name)
    store.drop_target(index_name)


def told(target: Target) -> tuple[Any, ...]:
    return (
        target.index_name,
        target.version_epoch,
        target.state,
        target.built_through,
        target.checked_through,
        target.check_round,
        target.drift_found,
        target.drift_repaired,
    )


def of_the_index(side: Side) -> list[Any]:
    tools = side.tools(None, [])
    index, store = tools.index, tools.store
    name = index.free_name([])
    index.create(name)
    store.add_target(name, schema_version=1, version_epoch=0, state="live")
    target = store.target(name)
    keys = [Key(HOME, number) for number in (1, 2, 17)]
    seen: list[Any] = [index.exists(target), index.point_aliases(target), index.point_aliases(target), index.strays([name])]
    seen += [results(index.send(target, [document(key, version) for key in keys])) for version in (2, 2, 1, 3)]
    seen += [index.count(target) in {0, 3}, found(index.look(target, [*keys, Key(HOME, 99)]))]
    index.refresh(target)
    sums, strangers = index.sums(target, HOME, after=-1, through=100)
    seen += [{bucket: each.keys for bucket, each in sums.items()}, strangers, index.companies(target), index.count(target)]
    hits = index.read(target, HOME, after=1, through=17, buckets=[16], whole=True)
    seen += [[(hit.key, hit.found.version, hit.routing, hit.source is not None) for hit in hits]]
    index.bury(target, index.look(target, keys[:1]))
    index.remove(target, hits)
    seen += [results(index.send(target, [document(keys[0], 4)])), results(index.send(target, [document(keys[0], 5)]))]
    index.refresh(target)
    seen += [found(index.look(target, keys)), index.count(target), sorted(index.sums(target, HOME, after=-1, through=100)[0])]
    index.delete(name)
    return [*seen, index.exists(target)]


def document(key: Key, version: int) -> Document:
    source = CERTIFICATE._replace(certificate_pk=key.certificate_pk, row_version=version)
    return project(key, source, row_version=version, indexed_at_ms=1_900_000_000_000)


def results(answers: Mapping[Key, Any]) -> list[str]:
    return sorted(str(answer.result) for answer in answers.values())


def found(documents: Mapping[Key, Found]) -> Sequence[tuple[Key, int, bool]]:
    return sorted((key, each.version, each.deleted) for key, each in documents.items())
