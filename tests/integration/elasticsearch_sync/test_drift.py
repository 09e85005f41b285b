"""An index that was tampered with is found out, each fault by its kind, and repaired; healthy documents are left alone."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from econsent_jobs.core.errors import PermanentError
from econsent_jobs.core.limits import Limits
from econsent_jobs.elasticsearch_sync import sync_search
from econsent_jobs.elasticsearch_sync.drift import prove, purge
from econsent_jobs.elasticsearch_sync.index import ElasticIndex
from econsent_jobs.elasticsearch_sync.mapping import TOMBSTONE
from econsent_jobs.elasticsearch_sync.model import Settings
from econsent_jobs.elasticsearch_sync.rules.drift import BUCKET_KEYS, WHOLE_EVERY, bucket_of, read_whole
from econsent_jobs.elasticsearch_sync.store import PostgresStore
from econsent_jobs.elasticsearch_sync.tools import Tools
from tests.prove.search.tampering import KINDS, Counting, other_content, plant, write

RUN_EVERY = timedelta(minutes=2)
"""The schedule of dags/elasticsearch_sync.py."""
Run = Callable[..., Any]


def kinds_found(world: Any) -> dict[str, int]:
    return world.row("SELECT drift_kinds FROM econsent.search_targets")[0]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_named_and_repaired(kind: str, world: Any, run: Run) -> None:
    pks = world.certificates(40)
    run()
    versions = {pk: world.stored(pk)["_version"] for pk in pks}
    plant(world, kind, pks[7])

    mended = run().mended
    run()

    assert kinds_found(world) == {kind: 1}
    assert mended == {kind: 1}, "the run's own result must say so too"
    healthy = [pk for pk in pks if pk != pks[7]]
    assert world.shown() == (healthy if kind == "phantom" else pks)
    assert {pk: world.stored(pk)["_version"] for pk in healthy} == {pk: versions[pk] for pk in healthy}, "a healthy document was rewritten"
    if kind != "phantom":
        stored = world.stored(pks[7])
        assert stored.get("origin") is None
        assert stored["row_version"] == world.version(pks[7])
    before = kinds_found(world)
    run()
    assert kinds_found(world) == before
    assert world.outbox() == {}


def test_a_day_of_runs_proves_the_whole_index(world: Any, run: Run) -> None:
    """One after the other, whatever the companies' sizes; the run after the last part ends the round and begins the next."""
    settings = Settings(alias=world.alias)
    assert (settings.round_runs + 1) * RUN_EVERY < timedelta(hours=24)
    for number, count in enumerate((1, 0, 9, 5, 5, 0, 12, 8)):
        world.company(f"company-{number}")
        if count:
            world.certificates(count, company_id=f"company-{number}")
    few = {"fewest_checked": 1, "round_runs": 4}
    run(round_runs=1, fewest_checked=1)
    begin_anew = "last_reconciled_at = NULL, checked_through = NULL, check_round_started_at = NULL"
    world.database.execute(f"UPDATE econsent.search_targets SET {begin_anew}")
    (began_at,) = world.row("SELECT now()")
    through: list[str] = []

    for _ in range(4 + 1):
        run(**few)
        through.append(world.row("SELECT coalesce(checked_through, '') FROM econsent.search_targets")[0])

    proven_from, ended_at = world.row("SELECT proven_from, last_reconciled_at FROM econsent.search_targets")
    assert began_at < proven_from < ended_at, "proven is what was there when the round began"
    assert len(set(through)) > 2, f"all of it was proven at once: {through}"


def test_a_document_that_moved_to_another_key_of_its_range_is_seen_at_once(world: Any, run: Run) -> None:
    """One is missing, one is shown that must not be, and both carry the same part: parts alone would add up."""
    pks = world.certificates(BUCKET_KEYS + 1)
    moved, free = next((pk, pk + 1) for pk in pks if bucket_of(pk) == bucket_of(pk + 1) and pk + 1 in pks)
    world.change(free, status="pending")
    run()
    write(world, free, world.stored(moved) | {"certificate_pk": free}, world.stored(free)["_version"])
    plant(world, "missing", moved)
    never_whole = next(number for number in range(WHOLE_EVERY) if not read_whole([bucket_of(moved)], number))
    world.database.execute("UPDATE econsent.search_targets SET check_round = %s", [never_whole])

    run()

    assert kinds_found(world) == {"missing": 1, "phantom": 1}
    run()
    assert world.shown() == [pk for pk in pks if pk != free]


def test_content_altered_under_its_digest_is_found_when_it_is_read_whole(world: Any, run: Run) -> None:
    pks = world.certificates(10)
    run()
    plant(world, "altered", pks[3])
    due = next(number for number in range(WHOLE_EVERY) if read_whole([bucket_of(pks[3])], number))
    world.database.execute("UPDATE econsent.search_targets SET check_round = %s", [due + WHOLE_EVERY - 1])

    run()
    assert kinds_found(world) == {}
    run()

    assert kinds_found(world) == {"content": 1}
    assert world.stored(pks[3]).get("origin") is None


def test_a_tombstone_holds_nothing_of_the_consumer_whoever_wrote_it(world: Any, run: Run) -> None:
    """Of a row that is hidden, of one that is gone, and without the word that it is one: all are bare again, and nobody saw them."""
    expired, gone, unsaid, good = world.certificates(4)
    run()
    world.change(expired, status="expired")
    world.change(unsaid, status="deleted")
    world.database.execute("DELETE FROM econsent.certificates WHERE certificate_pk = %s", [gone])
    run()
    for pk, field in (
        (expired, {"consumer": {"phone": "+12025550123"}}),
        (gone, {"domain": "x" * 9_000}),
        (unsaid, {"origin": "https://x"}),
    ):
        stored = world.stored(pk) | field
        if pk == unsaid:
            del stored["deleted"]
        write(world, pk, stored, stored["_version"])

    mended = run().mended
    run()

    assert mended == {"content": 2, "phantom": 1}
    for pk in (expired, gone, unsaid):
        assert world.stored(pk).keys() - {"_version"} == TOMBSTONE
    assert world.shown() == [good]
    assert run().mended == {}


def test_a_slice_whose_repair_failed_is_compared_again_by_the_next_run(world: Any, run: Run, make_tools: Callable[..., Tools]) -> None:
    """Not only in the next round, which is a day later."""
    (wrong,) = world.certificates(1, company_id="first")
    world.certificates(1, company_id="second")
    run()
    plant(world, "content", wrong, company_id="first")
    world.database.execute("UPDATE econsent.search_targets SET checked_through = NULL")
    tools = make_tools()
    (target,) = tools.store.targets()
    world.database.execute("REVOKE UPDATE (updated_at) ON econsent.certificates FROM econsent_elasticsearch_sync")
    with pytest.raises(PermanentError, match="permission denied"):
        prove(target, tools, most=1, deadline=float("inf"))
    world.database.execute("GRANT UPDATE (updated_at) ON econsent.certificates TO econsent_elasticsearch_sync")

    report = prove(tools.store.target(target.index_name), tools, most=1, deadline=float("inf"))

    assert report.kinds == {"content": 1}


class GivingUp(PostgresStore):
    """As if a reindex gave the index up while a run proves it."""

    def note_check(self, index_name: str, checked_through: str, *, kinds: Mapping[Any, int], repaired: int) -> None:
        self._run("drop_target", index_name=index_name)
        super().note_check(index_name, checked_through, kinds=kinds, repaired=repaired)


def test_an_index_that_is_given_up_while_it_is_proven_is_left(world: Any, run: Run, make_tools: Callable[..., Tools]) -> None:
    for company_id in ("first", "second"):
        world.certificates(1, company_id=company_id)
    run()
    world.database.execute("UPDATE econsent.search_targets SET state = 'rollback', checked_through = NULL")
    tools = replace(make_tools(), store=GivingUp(world.database))
    (target,) = tools.store.targets()

    report = prove(target, tools, most=None, deadline=float("inf"))

    assert (report.checked, report.round_ended) == (1, False)
    assert tools.store.targets() == []


def test_what_somebody_removed_comes_back_as_soon_as_the_index_forgets_it(world: Any, run: Run) -> None:
    (pk,) = world.certificates()
    run()
    world.client.delete(index=world.index_name(), id=f"acme:{pk}", routing="acme")

    result = run()

    assert (result.mended, result.failed) == ({"missing": 1}, 1)
    assert "it was removed from the index a moment ago" in world.outbox()[pk]["last_error"]
    world.client.indices.put_settings(index=world.index_name(), settings={"index.gc_deletes": "0s"})
    while world.stored(pk) is None:  # at the next tick of the server's own clock
        world.client.indices.refresh(index=world.index_name())
        world.due_now()
        run()
    assert world.shown() == [pk]


def test_documents_of_a_company_that_does_not_exist_go(world: Any, run: Run) -> None:
    (pk,) = world.certificates()
    run()
    stored = world.stored(pk)
    write(world, pk, stored | {"company_id": "nobody"}, 1, routing="nobody", document_id=f"nobody:{pk}")

    run()

    assert kinds_found(world) in ({}, {"phantom": 1})
    assert world.shown() == [pk]
    assert world.shown({"term": {"company_id": "nobody"}}) == []


def test_a_restored_database_writes_over_the_newer_index_and_nothing_else(world: Any, run: Run) -> None:
    """As after a point-in-time restore: the index knows versions that the database never had."""
    pks = world.certificates(5)
    run()
    newer = {**world.stored(pks[0]), "row_version": 9}
    write(world, pks[0], other_content(newer), 9)

    run()
    run()
    world.change(pks[1], consumer_name="Later")
    run()

    assert world.row("SELECT version_epoch FROM econsent.search_targets") == (1,)
    assert world.stored(pks[0])["_version"] == 2**40 + 1
    assert world.stored(pks[1])["_version"] == 2**40 + 2
    assert world.stored(pks[2])["_version"] == 1
    assert kinds_found(world) == {"newer": 1}


def test_what_was_altered_under_a_row_that_is_gone_does_not_wait_for_ever(world: Any, run: Run) -> None:
    """No version of the row can win any more, because there is none."""
    (pk,) = world.certificates()
    run()
    stored = world.stored(pk)
    write(world, pk, other_content(stored) | {"row_version": 2}, 2)
    world.database.execute("DELETE FROM econsent.certificates WHERE company_id = 'acme' AND certificate_pk = %s", [pk])

    run()
    world.due_now()
    run()

    assert world.outbox() == {}
    assert world.shown() == []
    assert "origin" not in world.stored(pk)


def test_many_faults_are_repaired_by_transferring_little(world: Any, run: Run, make_tools: Callable[..., Tools]) -> None:
    """A tenth of the issue's size with the same share of faults; the benchmark has the whole."""
    pks = world.certificates(10_000)
    run()
    faults = dict(zip(pks[::100], ["content", "content", "content", *KINDS[:2], *KINDS[3:]] * 15, strict=False))
    for pk, kind in faults.items():
        plant(world, kind, pk)
    tools = make_tools()
    assert isinstance(tools.index, ElasticIndex)
    tools.index._search = counting = Counting(world.client)
    stored = sum(len(json.dumps(world.stored(pk))) for pk in pks[1:100]) / 99 * len(pks)
    (target,) = tools.store.targets()

    report = prove(replace(target, checked_through=None), tools, most=None, deadline=float("inf"))
    sync_search(tools=make_tools(), limits=Limits(batch_size=1_000, run_seconds=60))

    assert report.round_ended
    assert dict(report.kinds) == dict(Counter(faults.values()))
    assert counting.received < 0.05 * stored
    assert world.shown() == [pk for pk in pks if faults.get(pk) != "phantom"]
    found = world.client.search(index=world.alias, size=10_000, version=True, source=False, docvalue_fields=["certificate_pk"])
    versions = {hit["fields"]["certificate_pk"][0]: hit["_version"] for hit in found["hits"]["hits"]}
    assert {pk for pk, version in versions.items() if pk not in faults and version != 1} == set(), "a healthy document was rewritten"


def test_tombstones_go_after_their_time_and_not_before(world: Any, run: Run, make_tools: Callable[..., Tools]) -> None:
    pks = world.certificates(3)
    run()
    for pk in pks[:2]:
        world.change(pk, status="deleted")
    run()
    tools = make_tools(tombstone_seconds=-60)
    (target,) = tools.store.targets()
    world.client.indices.refresh(index=world.index_name())
    world.change(pks[1], consumer_name="waits in the outbox again")

    assert purge(target, make_tools()) == 0
    assert purge(target, tools) == 1
    assert world.stored(pks[0]) is None
    assert world.stored(pks[1])["deleted"]
    assert world.shown() == [pks[2]]
