"""The real PostgreSQL and Elasticsearch with everything a case needs: workers, proxies, and the verifier that ends it."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import psycopg
from elasticsearch import Elasticsearch

from econsent_jobs.elasticsearch_sync.model import Settings
from econsent_jobs.io.search_index import SearchIndex
from econsent_stack.servers import elasticsearch
from econsent_stack.stack import Stack
from econsent_verify.elasticsearch_sync import Report, verify
from tests.prove.harness.rows import Asking
from tests.prove.search.histories import COMPANIES
from tests.prove.search.platform import Platform
from tests.prove.wire.http_talk import HttpTalk
from tests.prove.wire.nursery import Nursery
from tests.prove.wire.postgres_talk import PostgresTalk
from tests.prove.wire.proxy import LOOPBACK, Proxy, place_of, through
from tests.prove.wire.switchboard import Switchboard

ROLE: Final = "econsent_elasticsearch_sync"
SESSIONS: Final = 3
FORGETFUL: Final = {"settings": {"index.gc_deletes": "0s"}}
"""Elasticsearch forgets the versions of removed documents at the next tick of its clock, as it does after a minute, or a restart."""
MAKE_DUE: Final = """
UPDATE econsent.search_outbox AS queued SET next_attempt_at = least(queued.next_attempt_at, now()),
  leased_until = CASE WHEN queued.lease_token IS NULL THEN NULL ELSE now() - interval '1 second' END
FROM (SELECT company_id, doc_type, doc_key FROM econsent.search_outbox FOR UPDATE SKIP LOCKED) AS free
WHERE queued.company_id = free.company_id AND queued.doc_type = free.doc_type AND queued.doc_key = free.doc_key
"""


FORGET_ROWS: Final = (
    """
    DELETE FROM econsent.certificates AS c USING unnest(%(companies)s::text[], %(pks)s::bigint[]) AS gone (company_id, certificate_pk)
    WHERE c.company_id = gone.company_id AND c.certificate_pk = gone.certificate_pk
    """,
    """
    DELETE FROM econsent.search_outbox AS queued USING unnest(%(companies)s::text[], %(pks)s::bigint[]) AS gone (company_id, pk)
    WHERE queued.company_id = gone.company_id AND queued.doc_key = gone.pk::text
    """,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What one worker is told. ``job``: sync or reindex. ``in_turn``: bulks go out one by one, so that calls come in the same order."""

    database: str
    endpoint: str
    alias: str
    job: str = "sync"
    batch_size: int = 100
    in_turn: bool = False

    def told(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True, kw_only=True)
class World(Asking):
    """``direct`` is an errand that meets no proxy, ``proxied`` one whose every call passes the switchboard; both of the index in use.

    ``over``: certificates of cases that were examined.
    """

    database: psycopg.Connection[Any]
    client: Elasticsearch
    nursery: Nursery
    switchboard: Switchboard
    direct: Errand
    proxied: Errand
    verifying: str
    over: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])

    @property
    def platform(self) -> Platform:
        return Platform(database=self.database, client=self.client, alias=self.direct.alias, companies=list(COMPANIES))

    @staticmethod
    def settings(alias: str, *, lease_seconds: float = 120.0) -> Settings:
        return Settings(alias=alias, replicas=0, lease_seconds=lease_seconds)

    def begin(self, alias: str) -> Platform:
        """Begin anew with an empty database and no index, under a name that nobody had."""
        self.wipe()
        self.direct, self.proxied = replace(self.direct, alias=alias), replace(self.proxied, alias=alias)
        return self.platform

    def clear(self) -> None:
        """Take away what examined cases left, rows and documents: the next one's calls must be as many as the first one's."""
        if not self.over:
            return
        companies, pks = [company for company, _ in self.over], [pk for _, pk in self.over]
        with self.database.transaction():
            self.database.execute("SET LOCAL session_replication_role = replica")
            for query in FORGET_ROWS:
                self.database.execute(query.encode(), {"companies": companies, "pks": pks})
        lines = [{"delete": {"_id": f"{company}:{pk}", "routing": company}} for company, pk in self.over]
        self.client.bulk(index=self.platform.index_name(), operations=lines, refresh=True)
        self.over.clear()

    def wipe(self) -> None:
        """Take away certificates, outbox and indices, past the triggers."""
        self.over.clear()
        with self.database.transaction():
            self.database.execute("SET LOCAL session_replication_role = replica")
            for table in ("certificates", "search_outbox", "search_targets"):
                self.database.execute(f"DELETE FROM econsent.{table}".encode())
        if names := list(self.client.indices.get_settings(index=f"{self.direct.alias}-v*")):
            self.client.indices.delete(index=",".join(names))

    def work_is_due(self) -> None:
        """Leases have run out and waits are over, without anybody waiting for it. Rows that a frozen worker has locked stay as they are."""
        self.database.execute(MAKE_DUE)

    def verify(self, alias: str) -> Report:
        """Run the verifier with its own read-only role."""
        with psycopg.connect(self.verifying, autocommit=True) as connection:
            return verify(connection, SearchIndex(self.client), alias=alias)


@contextmanager
def open_world(stack: Stack, *, database: str) -> Generator[World]:
    """Prepare ``database`` (migrated, without companies) and start what stands around it. Everything stops at the end."""
    switchboard = Switchboard()
    owner, role = stack.postgres_url(database), stack.postgres_url(database, user=ROLE)
    endpoint = elasticsearch.SERVER.endpoint(stack.place(elasticsearch.SERVER))
    with ExitStack() as opened:
        postgres = opened.enter_context(Proxy(PostgresTalk(), upstream=place_of(role), switchboard=switchboard))
        index = opened.enter_context(Proxy(HttpTalk("index"), upstream=place_of(endpoint), switchboard=switchboard))
        connection = opened.enter_context(psycopg.connect(owner, autocommit=True))
        client = opened.enter_context(Elasticsearch(endpoint, request_timeout=60))
        client.indices.put_index_template(name="proof", index_patterns=["case-*", "history-*"], template=FORGETFUL)
        direct = Errand(database=role, endpoint=endpoint, alias="case-0")
        proxied = replace(direct, database=through(role, postgres.port), endpoint=f"http://{LOOPBACK}:{index.port}", in_turn=True)
        nursery = opened.enter_context(Nursery("tests.prove.search.worker", {}))
        world = World(
            database=connection,
            client=client,
            nursery=nursery,
            switchboard=switchboard,
            direct=direct,
            proxied=proxied,
            verifying=stack.postgres_url(database, user="econsent_verify"),
        )
        add_companies(Platform(database=connection, client=client, alias=direct.alias))
        try:
            yield world
        finally:
            world.wipe()


def add_companies(platform: Platform) -> None:
    for company_id in COMPANIES:
        for number in range(SESSIONS):
            platform.session(f"s-{number}", company_id=company_id, retention_status="retained")
