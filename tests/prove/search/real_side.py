"""Histories on the real PostgreSQL and Elasticsearch. The clock cannot be moved there, so the rows move the other way."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from random import Random
from typing import Any, Final

import psycopg

from econsent_jobs.core.clock import SystemClock
from econsent_jobs.elasticsearch_sync.index import ElasticIndex
from econsent_jobs.elasticsearch_sync.model import Key
from econsent_jobs.elasticsearch_sync.store import PostgresStore
from econsent_jobs.elasticsearch_sync.tools import Tools
from econsent_jobs.io.search_index import SearchIndex
from tests.prove.harness.steps import Worker
from tests.prove.search.histories import COMPANIES, LEASE_SECONDS, History
from tests.prove.search.model_side import other_content, stepped_tools
from tests.prove.search.tampering import forgets
from tests.prove.search.world import World
from tests.system.running import wait_for

SHIFT: Final = """
UPDATE econsent.search_outbox SET changed_at = changed_at - %(by)s::interval, next_attempt_at = next_attempt_at - %(by)s::interval,
  leased_until = leased_until - %(by)s::interval
"""
WAITING: Final = "SELECT company_id, doc_key, state FROM econsent.search_outbox"
SET_ASIDE: Final = """
SELECT queued.company_id, queued.doc_key, queued.error_class FROM econsent.search_outbox AS queued
LEFT JOIN econsent.certificates AS certificate
  ON certificate.company_id = queued.company_id AND certificate.certificate_pk::text = queued.doc_key
WHERE queued.state = 'dead' AND (queued.error_class = 'es_write' OR (queued.error_class = 'data' AND certificate.domain IS NULL))
"""
ROWS: Final = "SELECT company_id, certificate_pk FROM econsent.certificates ORDER BY company_id, certificate_pk"
CHANGES: Final[Mapping[str, Mapping[str, Any]]] = {
    "revoke": {"opt_out": '{"revoke": true}'},
    "expire": {"status": "expired"},
    "delete": {"status": "deleted"},
    "heal": {"domain": None, "status": "finalized"},
}


class RealSide:
    """One history on an index of its own. A context manager: it keeps its workers' connections, and wipes what is left."""

    def __init__(self, world: World, *, number: int) -> None:
        self._world = world
        self._opened = ExitStack()
        self._platform = world.begin(f"history-{number}")

    def __enter__(self) -> "RealSide":
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()
        self._world.wipe()

    def add(self, company_id: str) -> Key:
        return Key(company_id, self._platform.certificates(1, company_id=company_id)[0])

    def update(self, key: Key, **columns: Any) -> None:
        told = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in columns.items()}
        self._platform.change(key.certificate_pk, company_id=key.company_id, **told)

    def write(self, what: str, random: Random) -> None:
        company = random.choice(COMPANIES)
        if what in {"insert", "pending", "bad"}:
            columns: dict[str, Any] = {"pending": {"status": "pending"}, "bad": {"domain": "no number"}}.get(what, {})
            session = f"s-{random.randrange(3)}"
            self._platform.certificates(1, company_id=company, session_id=session, source="session", **columns)
        elif rows := self._world.rows(ROWS):
            row = random.choice(rows)
            self._change(what, row["company_id"], row["certificate_pk"], random)

    def _change(self, what: str, company_id: str, pk: int, random: Random) -> None:
        match what:
            case "remove":
                query = "DELETE FROM econsent.certificates WHERE company_id = %s AND certificate_pk = %s"
                self._world.database.execute(query, [company_id, pk])
            case "session":
                query = "UPDATE econsent.sessions SET retention_status = %s WHERE company_id = %s AND session_id = %s"
                status = random.choice(("retained", "expired"))
                self._world.database.execute(query, [status, company_id, f"s-{random.randrange(3)}"])
            case _:
                columns = CHANGES.get(what) or {"consumer_name": f"Ann {random.randrange(1_000)}"}
                self._platform.change(pk, company_id=company_id, **columns)

    def tamper(self, what: str, random: Random) -> None:
        indices = sorted(self._world.client.indices.get(index=f"{self._platform.alias}-v*"))
        if what == "unsaid":
            if rows := self._world.rows(f"{WAITING} ORDER BY company_id, doc_key"):
                row = random.choice(rows)
                query = "DELETE FROM econsent.search_outbox WHERE company_id = %s AND doc_key = %s"
                self._world.database.execute(query, [row["company_id"], row["doc_key"]])
        elif what == "aliases" and indices:
            client = self._world.client.options(ignore_status=404)
            client.indices.delete_alias(index=f"{self._platform.alias}-v*", name=f"{self._platform.alias}*")
        elif indices and what == "index":
            self._world.client.indices.delete(index=random.choice(indices))
        elif indices:
            self._spoil(what, random.choice(indices), random)

    def _spoil(self, what: str, index: str, random: Random) -> None:
        client = self._world.client
        client.indices.refresh(index=index)
        hits = client.search(index=index, size=1_000, version=True, sort=["company_id", "certificate_pk"])["hits"]["hits"]
        if not hits:
            return
        hit = random.choice(list(hits))
        source, version, routing, document_id = dict(hit["_source"]), hit["_version"], hit["_routing"], hit["_id"]
        if what in {"missing", "misrouted"}:
            client.delete(index=index, id=document_id, routing=routing, version=version, version_type="external_gte")
        if what == "missing":
            wait_for(lambda: forgets(client, index, document_id, routing=routing), what="a deletion that Elasticsearch forgets")
            return
        if what == "content":
            source = other_content(source, source["row_version"])
        elif what == "newer":
            source, version = other_content(source, source["row_version"] + 5), version + 5
        elif what == "misrouted":
            routing = "elsewhere"
        else:
            source = {**source, "certificate_pk": 10**9 + random.randrange(10**6), "deleted": False}
            document_id, version, routing = f"{source['company_id']}:{source['certificate_pk']}", 3, source["company_id"]
        client.index(index=index, id=document_id, routing=routing, document=source, version=version, version_type="external_gte")

    def forget(self) -> None:
        """The index forgets at once, by its setting: at the next tick of its own clock."""

    def advance(self, seconds: float) -> None:
        self._world.database.execute(SHIFT, {"by": f"{seconds} seconds"})

    def tools(self, worker: Worker | None, late: list[Callable[[], None]]) -> Tools:
        store = PostgresStore(self._opened.enter_context(psycopg.connect(self._world.direct.database, autocommit=True)))
        settings = self._world.settings(self._platform.alias, lease_seconds=LEASE_SECONDS)
        clock = SystemClock()
        index = ElasticIndex(SearchIndex(self._world.client), settings, clock)
        return stepped_tools(store, index, clock, settings, worker=worker, late=late)

    def waiting(self) -> Mapping[Key, str]:
        return {Key(row["company_id"], int(row["doc_key"])): row["state"] for row in self._world.rows(WAITING)}

    def unfinished(self) -> set[str]:
        query = "SELECT state FROM econsent.search_targets WHERE state = 'building' OR built_through IS NOT NULL"
        return {row["state"] for row in self._world.rows(query)}

    def differences(self) -> Sequence[str]:
        return self._world.verify(self._platform.alias).findings

    def dead(self) -> Sequence[str]:
        return [f"{row['company_id']}:{row['doc_key']} was set aside: {row['error_class']}" for row in self._world.rows(SET_ASIDE)]


def history_on(world: World, *, number: int, random: Random) -> list[str]:
    """Run one history and say what is wrong with it."""
    with RealSide(world, number=number) as side:
        return History(side, random).run().wrong
