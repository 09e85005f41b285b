"""Whatever goes wrong between the job and the index: it is named by its class, nothing is lost, and the next run recovers by itself."""

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from econsent_jobs.core.errors import ErrorClass, PermanentError, TransientError
from econsent_jobs.elasticsearch_sync import mapping
from econsent_jobs.elasticsearch_sync.job import take
from econsent_jobs.elasticsearch_sync.model import EPOCH_BITS
from econsent_jobs.elasticsearch_sync.rules.outcomes import MOST_ATTEMPTS
from econsent_jobs.elasticsearch_sync.rules.projection import project
from econsent_jobs.elasticsearch_sync.tools import Tools
from tests.integration.elasticsearch_sync import misbehaving
from tests.integration.elasticsearch_sync.misbehaving import Fault

Run = Callable[..., Any]


def unavailable(item: dict[str, Any]) -> dict[str, Any]:
    return {"status": 503, "error": {"type": "unavailable_shards_exception"}}


def rejected(item: dict[str, Any]) -> dict[str, Any]:
    return {"status": 429, "error": {"type": "es_rejected_execution_exception"}}


def replica_failed(item: dict[str, Any]) -> dict[str, Any]:
    return item | {"_shards": {"total": 2, "successful": 1, "failed": 1}}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(misbehaving.refused(429, "circuit_breaking_exception"), id="too many requests"),
        pytest.param(misbehaving.refused(503, "master_not_discovered_exception"), id="unavailable"),
        pytest.param(misbehaving.gateway(502), id="a gateway's own error"),
        pytest.param(misbehaving.lost_answer, id="the effect without the answer"),
        pytest.param(misbehaving.cut_answer, id="cut in the middle of the answer"),
        pytest.param(misbehaving.never_arrived, id="cut before the effect"),
        pytest.param(misbehaving.change_items(unavailable, asked=False), id="a shard is away, inside a 200"),
        pytest.param(misbehaving.change_items(rejected, asked=False), id="the queue is full, inside a 200"),
    ],
)
def test_what_may_pass_leaves_the_rows_and_the_next_run_recovers(fault: Fault, world: Any, run: Run, endpoint: str) -> None:
    pks = world.certificates(5)

    with misbehaving.proxy(endpoint, [fault]) as url:
        result = run(url=url)

    assert (result.failed, result.changed, dict(result.causes)) == (5, 0, {ErrorClass.ES_WRITE: 5})
    assert {row["state"] for row in world.outbox().values()} == {"due"}
    assert {row["lease_token"] for row in world.outbox().values()} == {None}
    world.due_now()
    assert run().changed == 5
    assert world.shown() == pks
    assert world.outbox() == {}
    assert world.row("SELECT drift_found FROM econsent.search_targets") == (0,)


def test_trouble_of_the_other_side_never_sets_a_document_aside(world: Any, run: Run, endpoint: str) -> None:
    """An index that refuses a document five times may refuse it for ever; one that is overloaded for an hour does not."""
    (pk,) = world.certificates()

    for _ in range(MOST_ATTEMPTS + 2):
        with misbehaving.proxy(endpoint, [misbehaving.change_items(unavailable, asked=False)]) as url:
            run(url=url)
        world.due_now()

    waiting = world.outbox()[pk]
    assert (waiting["state"], waiting["attempts"]) == ("due", MOST_ATTEMPTS + 2)
    assert run().changed == 1


def test_a_replica_that_lags_is_no_failure(world: Any, run: Run, endpoint: str) -> None:
    pks = world.certificates(2)

    with misbehaving.proxy(endpoint, [misbehaving.change_items(replica_failed, asked=True)]) as url:
        assert run(url=url).changed == 2

    assert world.shown() == pks


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_end_the_run_and_cost_no_attempt(status: int, world: Any, run: Run, endpoint: str) -> None:
    pks = world.certificates(3)

    with misbehaving.proxy(endpoint, [misbehaving.refused(status, "security_exception")]) as url, pytest.raises(PermanentError) as refused:
        run(url=url)

    assert refused.value.error_class is ErrorClass.CONFIG
    assert {(row["attempts"], row["lease_token"]) for row in world.outbox().values()} == {(0, None)}
    assert run().changed == 3
    assert world.shown() == pks


def test_a_request_that_is_too_large_is_halved_until_the_one_is_found(world: Any, run: Run, endpoint: str) -> None:
    pks = world.certificates(4)
    too_large = misbehaving.refused(413, "too_large")

    with misbehaving.proxy(endpoint, [too_large, too_large, too_large]) as url:
        result = run(url=url)

    assert result.changed == 3
    assert dict(result.causes) == {ErrorClass.DATA: 1}
    world.due_now()
    run()
    assert world.shown() == pks


def test_a_server_that_is_down_fails_the_run_and_loses_nothing(world: Any, run: Run) -> None:
    pks = world.certificates(2)
    run()
    world.revoke(pks[0])
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(TransientError) as away:
            run(url=f"http://127.0.0.1:{closed.getsockname()[1]}")

    assert away.value.error_class is ErrorClass.ES_WRITE
    run()
    assert world.stored(pks[0])["opt_out"]["revoke"] is True


@pytest.mark.parametrize("block", ["index.blocks.read_only", "index.blocks.read_only_allow_delete"])
def test_a_read_only_index_is_waited_for(block: str, world: Any, run: Run) -> None:
    """The second is what Elasticsearch sets by itself when its disk is nearly full."""
    (pk,) = world.certificates()
    run()
    world.revoke(pk)
    world.client.indices.put_settings(index=world.index_name(), settings={block: True})

    result = run()

    assert (result.failed, dict(result.causes)) == (1, {ErrorClass.ES_WRITE: 1})
    world.client.indices.put_settings(index=world.index_name(), settings={block: None})
    world.due_now()
    run()
    assert world.stored(pk)["opt_out"]["revoke"] is True


def test_a_lost_index_is_built_anew(world: Any, run: Run) -> None:
    pks = world.certificates(30) + world.certificates(3, company_id="other")
    run()
    world.change(pks[0], status="deleted")
    run()
    world.client.indices.delete(index=world.index_name())

    result = run()

    assert world.shown() == pks[1:]
    assert world.outbox() == {}
    assert result.mended == {}, "it is filled at once, not left to the day's proof"


def test_lost_aliases_are_pointed_again(world: Any, run: Run) -> None:
    pks = world.certificates(2)
    run()
    world.client.indices.delete_alias(index=world.index_name(), name=f"{world.alias}*")

    run()

    assert world.shown() == pks


def create_index(world: Any, name: str, properties: dict[str, Any]) -> None:
    """An index with another mapping than the job's."""
    settings = mapping.settings(shards=1, replicas=0)
    world.client.indices.create(index=name, mappings=mapping.MAPPINGS | {"properties": properties}, settings=settings)


def test_a_mapping_of_an_older_version_gets_what_it_lacks(world: Any, run: Run, make_tools: Callable[..., Tools]) -> None:
    name = f"{world.alias}-v1-000001"
    older = {key: about for key, about in mapping.PROPERTIES.items() if key not in {"wcag_level", "consent_types"}}
    create_index(world, name, older)
    pks = world.certificates(2)

    assert run().changed == 2

    assert world.shown({"term": {"consent_types": "call"}}) == pks


def test_what_the_index_refuses_is_set_aside_alone_and_after_five_tries(world: Any, run: Run) -> None:
    """Nothing that PostgreSQL can hold is refused by our own mapping, so the mapping is spoiled."""
    good = world.certificates(3)
    run()
    name = world.index_name()
    world.client.indices.delete(index=name)
    spoiled = mapping.PROPERTIES | {"domain": {"type": "long"}}
    create_index(world, name, spoiled)
    (bad,) = world.certificates(1, domain="Secret-Name")
    for pk in good:
        world.change(pk, consumer_name="Changed")

    for attempt in range(1, 6):
        result = run()
        assert dict(result.causes) == {ErrorClass.DATA: 1}
        assert (result.quarantined, result.failed) == ((0, 1), (1, 0))[attempt == 5]
        world.due_now()

    (row,) = world.outbox().values()
    assert (row["state"], row["error_class"], row["attempts"]) == ("dead", "data", 5)
    assert row["last_error"] == "Elasticsearch refused the document (document_parsing_exception, field domain)"
    assert world.shown() == good
    assert run().examined == 0
    world.change(bad, domain=None)
    assert run().changed == 1, "a change of the row gives it another chance"


DEEP = f"{'[' * 3_000}{']' * 3_000}"
HOSTILE: dict[str, dict[str, Any]] = {
    "a keyword of 30,000 characters": {"origin": "ü" * 30_000, "domain": "x" * 30_000},
    "texts of 4,900 characters in ten languages": {
        "consent_records": json.dumps([{"id": str(n), "type": "call", "value": letter * 4_900} for n, letter in enumerate("eñéãüà同臺동đ")])
    },
    "dates beyond the year 9999": {"consent_at": "12026-01-01Z", "expires_at": "infinity", "finalized_at": "4713-01-01 BC"},
    "an address of the sixth family": {"ip": "2001:db8::1/64"},
    "an address of the fourth family": {"ip": "192.0.2.1"},
    "a place without a country": {"geo": '{"city": "Zürich"}'},
    "a place that is none": {"geo": '["unknown", {"country": 3}]'},
    "unknown fields inside": {"opt_out": '{"revoke": false, "surprise": {"a": 1}}', "geo": '{"country": "DE", "planet": "Earth"}'},
    "a revocation without a readable time": {"opt_out": '{"revoke": "yes", "revoked_at": "some day"}'},
    "numbers that Python does not read": {
        "geo": f'{{"city": {"9" * 5_000}, "country": 1e400}}',
        "opt_out": f'{{"revoke": {"1" * 90_000}}}',
    },
    "lists nested deeper than Python follows": {
        "consent_records": DEEP,
        "geo": DEEP,
        "opt_out": f'{{"revoke": {DEEP}}}',
    },
    "consents that are no list": {"consent_records": '{"a": "\\u0001"}'},
    "control characters and a joined emoji": {"consumer_name": "\u0001\u202e \U0001f469\u200d\U0001f467", "consumer_email": "@"},
}


def test_hostile_rows_are_searched_like_others(world: Any, run: Run) -> None:
    pks = {what: world.certificates(1, **columns)[0] for what, columns in HOSTILE.items()}

    result = run()

    assert (result.changed, result.quarantined, result.failed) == (len(HOSTILE), 0, 0)
    assert world.shown() == sorted(pks.values())
    assert world.shown({"term": {"ip": "2001:db8::1"}}) == [pks["an address of the sixth family"]]
    assert world.shown({"term": {"geo.city": "Zürich"}}) == [pks["a place without a country"]]
    in_doubt = ("a revocation without a readable time", "numbers that Python does not read", "lists nested deeper than Python follows")
    assert world.shown({"term": {"opt_out.revoke": True}}) == [pks[what] for what in in_doubt]
    assert world.shown({"range": {"consent_at": {"gt": 253_402_300_800_000}}}) == [pks["dates beyond the year 9999"]]


def test_a_document_over_the_limit_is_set_aside_and_harms_no_other(world: Any, run: Run) -> None:
    good = world.certificates(2)
    (large,) = world.certificates(1, origin="x" * 6 * 1024**2)

    result = run()

    assert (result.changed, result.quarantined) == (2, 1)
    assert "at most" in world.outbox()[large]["last_error"]
    assert world.shown() == good


def test_a_late_write_cannot_bring_back_what_was_deleted(world: Any, run: Run, make_tools: Callable[..., Tools]) -> None:
    """Elasticsearch forgets the version of a removed document at once here (``gc_deletes``), as a restart makes it forget all of them."""
    (pk,) = world.certificates()
    run()
    world.change(pk, consumer_name="Late")
    tools = make_tools(lease_seconds=0.01)
    late = take(tools, 10)
    assert late is not None
    world.change(pk, status="deleted")
    world.database.execute("UPDATE econsent.search_outbox SET lease_token = NULL, leased_until = NULL")
    run()
    world.client.indices.put_settings(index=world.index_name(), settings={"index.gc_deletes": "0s"})
    world.client.indices.flush(index=world.index_name(), force=True)
    world.client.indices.close(index=world.index_name())
    world.client.indices.open(index=world.index_name())
    world.client.cluster.health(index=world.index_name(), wait_for_status="yellow")

    (target,) = tools.store.targets()
    tools.index.send(target, [project(key, row, row_version=2, indexed_at_ms=0) for key, row in late.rows.items()])

    assert world.stored(pk)["deleted"] is True
    assert world.shown() == []
    control = {name: value for name, value in world.stored(pk).items() if name != "_version"}
    world.client.delete(index=world.index_name(), id=f"acme:{pk}", routing="acme", version=3, version_type="external_gte")
    assert control["deleted"], "what follows shows that without a tombstone the late write wins"
    while world.stored(pk) is None:  # the server forgets a removed document's version at the next tick of its own clock
        world.client.indices.refresh(index=world.index_name())
        tools.index.send(target, [project(key, row, row_version=2, indexed_at_ms=0) for key, row in late.rows.items()])
    assert world.stored(pk)["consumer"]["name"] == "Late"


def test_a_row_that_keeps_losing_its_workers_is_tried_alone_and_then_set_aside(world: Any, run: Run) -> None:
    good = world.certificates(3)
    (deadly,) = world.certificates(1)
    world.database.execute(
        "UPDATE econsent.search_outbox SET lost_leases = 3, lease_token = gen_random_uuid(), leased_until = now() - interval '1 s'"
        " WHERE doc_key = %s",
        [str(deadly)],
    )

    result = run()

    assert (result.changed, result.quarantined) == (3, 1)
    assert world.outbox()[deadly]["error_class"] == "timeout"
    assert world.shown() == good


def test_versions_leave_room_for_epochs() -> None:
    assert (2**15 << EPOCH_BITS) < 2**63, "a smallint of epochs fits a version"
