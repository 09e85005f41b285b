"""The sync on the real PostgreSQL and the real Elasticsearch: what changed is in the index, once, and nothing else is."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from econsent_jobs.core.limits import Limits
from econsent_jobs.core.statements import statement
from econsent_jobs.elasticsearch_sync.job import settle, start_sending, take
from econsent_jobs.elasticsearch_sync.model import Claim, Source
from econsent_jobs.elasticsearch_sync.store import PACKAGE
from econsent_jobs.elasticsearch_sync.tools import Tools

Run = Callable[..., Any]


def test_a_certificate_reaches_the_index_and_leaves_the_outbox(world: Any, run: Run) -> None:
    (pk,) = world.certificates()

    result = run()

    assert (result.examined, result.changed, result.backlog, result.oldest_seconds) == (1, 1, 0, 0)
    assert world.outbox() == {}
    stored = world.stored(pk)
    assert stored is not None
    assert stored["consumer"] == {"email": "Ann@Example.com", "name": "Ann Muller", "phone": "+12025550123"}
    assert (stored["_version"], stored["row_version"]) == (1, 1)
    assert world.shown({"term": {"consumer.email": "ANN@example.com"}}) == [pk]
    assert world.shown({"match": {"consent_text": "acme"}}) == [pk]


def test_rows_are_read_in_the_order_of_their_columns(database: psycopg.Connection[Any]) -> None:
    claimed = database.execute(statement(PACKAGE, "claim_documents"), {"batch_size": 1, "lease_token": uuid4(), "lease_seconds": 60})
    loaded = database.execute(statement(PACKAGE, "load_documents"), {"company_id": "none", "certificate_pks": [1]})

    assert names(claimed) == ("company_id", "certificate_pk", *Claim._fields[1:], "claimed_at_ms")
    assert names(loaded) == Source._fields


def names(cursor: psycopg.Cursor[Any]) -> tuple[str, ...]:
    return tuple(column.name for column in cursor.description or ())


def test_a_second_run_changes_nothing(world: Any, run: Run) -> None:
    (pk,) = world.certificates()
    run()
    before = world.stored(pk)

    assert run().examined == 0
    assert world.stored(pk) == before


def test_a_revocation_reaches_the_index_in_the_first_bulk(world: Any, make_tools: Callable[..., Tools], run: Run) -> None:
    pks = world.certificates(50)
    run()
    for pk in pks[:-1]:
        world.change(pk, consumer_name="Changed")
    world.revoke(pks[-1])

    tools = make_tools()
    batch = take(tools, 5)

    assert batch is not None
    assert batch.lease.claims[0].key.certificate_pk == pks[-1]
    assert run(Limits(batch_size=5, run_seconds=60)).changed == 45
    tools.store.release(batch.lease, [claim.key for claim in batch.lease.claims])
    run()
    stored = world.stored(pks[-1])
    assert stored is not None
    assert stored["opt_out"] == {"revoke": True, "revoked_at": 1772445600000}


def test_what_its_session_shows_follows(world: Any, run: Run) -> None:
    world.session("s-1", retention_status="retained")
    pk = session_certificate(world, "s-1")
    run()
    before = world.stored(pk)
    world.database.execute("UPDATE econsent.sessions SET rrweb_to_video_status = 'completed' WHERE session_id = 's-1'")

    run()

    stored = world.stored(pk)
    assert before is not None
    assert stored is not None
    assert (before["has_video"], stored["has_video"], stored["retention_status"]) == (False, True, "retained")


def session_certificate(world: Any, session_id: str) -> int:
    """A finalised certificate of a session."""
    row = world.row(
        """
        INSERT INTO econsent.certificates (company_id, session_id, property_id, consent_at, capture, status, certificate_id, signature)
        VALUES ('acme', %s, 'shop', '2026-03-01', '{}', 'finalized', 'EC-s', 's') RETURNING certificate_pk
        """,
        [session_id],
    )
    return row[0]


@pytest.mark.parametrize("status", ["expired", "deleted"])
def test_a_certificate_that_no_longer_counts_is_hidden_and_holds_nothing_of_the_consumer(world: Any, run: Run, status: str) -> None:
    (pk,) = world.certificates()
    run()
    world.change(pk, status=status)

    run()

    stored = world.stored(pk)
    assert stored is not None
    assert set(stored) == {
        "certificate_pk", "company_id", "deleted", "digest_part", "indexed_at", "projection_sha256", "row_version", "_version",
    }  # fmt: skip
    assert world.shown() == []


def test_a_row_that_is_gone_leaves_a_tombstone(world: Any, run: Run) -> None:
    (pk,) = world.certificates()
    run()
    world.database.execute("DELETE FROM econsent.certificates WHERE company_id = 'acme' AND certificate_pk = %s", [pk])

    assert run().changed == 1

    stored = world.stored(pk)
    assert stored is not None
    assert (stored["deleted"], stored["_version"]) == (True, 2)
    assert world.shown() == []


def test_a_change_during_the_sending_stays_wanted(world: Any, run: Run, make_tools: Callable[..., Tools]) -> None:
    (pk,) = world.certificates()
    run()
    world.change(pk, consumer_name="First")
    tools = make_tools()
    batch = take(tools, 10)
    assert batch is not None
    world.change(pk, consumer_name="Second")

    finish(batch, tools)

    assert world.outbox()[pk]["wanted_version"] == 3
    assert world.outbox()[pk]["lease_token"] is None
    run()
    stored = world.stored(pk)
    assert stored is not None
    assert stored["consumer"]["name"] == "Second"


def test_a_worker_frozen_past_its_lease_changes_nothing(world: Any, run: Run, make_tools: Callable[..., Tools]) -> None:
    (pk,) = world.certificates()
    run()
    world.change(pk, consumer_name="Old")
    tools = make_tools(lease_seconds=0.001)
    frozen = take(tools, 10)
    assert frozen is not None
    world.change(pk, consumer_name="New")
    run()
    world.change(pk, consumer_name="Newest")

    finish(frozen, make_tools())

    assert world.outbox()[pk]["wanted_version"] == 4
    run()
    stored = world.stored(pk)
    assert stored is not None
    assert stored["consumer"]["name"] == "Newest"


def finish(batch: Any, tools: Tools) -> None:
    """Send and settle a batch that was taken earlier."""
    with ThreadPoolExecutor(2) as pool:
        settle(start_sending(batch, tools, pool), tools)
