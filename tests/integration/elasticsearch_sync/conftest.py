"""The sync on the real stores, with the rights that it has in production and an alias of each test's own."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
import pytest
from elasticsearch import Elasticsearch

from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.elasticsearch_sync import sync_search
from econsent_jobs.elasticsearch_sync.model import Settings
from econsent_jobs.elasticsearch_sync.tools import Tools, real_tools
from econsent_jobs.io.search_index import SearchIndex
from econsent_stack.servers import elasticsearch
from econsent_stack.stack import Stack

ROLE = "econsent_elasticsearch_sync"
LIMITS = Limits(batch_size=1_000, run_seconds=60)
TEXT = "I agree to receive calls from Acmé at the number provided"


@pytest.fixture(scope="session")
def endpoint(stack: Stack) -> str:
    return elasticsearch.SERVER.endpoint(stack.place(elasticsearch.SERVER))


@pytest.fixture
def client(endpoint: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(endpoint, request_timeout=30) as opened:
        yield opened


@pytest.fixture
def settings(client: Elasticsearch) -> Iterator[Settings]:
    """An alias that only this test uses; its indices are removed afterwards."""
    found = Settings(alias=f"test-{secrets.token_hex(5)}", replicas=0)
    yield found
    client.indices.delete(index=",".join(client.indices.get(index=f"{found.alias}*").keys()) or "none", ignore_unavailable=True)


@dataclass
class World:
    """A database with companies and certificates as the platform leaves them, and a look into the index."""

    database: psycopg.Connection[Any]
    client: Elasticsearch
    alias: str
    companies: list[str] = field(default_factory=list)

    def company(self, company_id: str = "acme") -> str:
        if company_id not in self.companies:
            self.companies.append(company_id)
            self.database.execute("SELECT econsent.create_company(%s, %s, 'starter')", [company_id, company_id])
            self.database.execute(
                "INSERT INTO econsent.properties (company_id, property_id, name, origin, uid) VALUES (%s, 'shop', 'Shop', 'https://x', %s)",
                [company_id, f"uid of {company_id}"],
            )
        return company_id

    def certificates(self, count: int = 1, *, company_id: str = "acme", **columns: Any) -> list[int]:
        """Insert finalised certificates without sessions; ``columns`` overrides."""
        self.company(company_id)
        row = {
            "status": "finalized",
            "source": "meta",
            "consumer_phone": "+12025550123",
            "consumer_email": "Ann@Example.com",
            "consumer_name": "Ann Müller",
            "consent_records": json.dumps([{"id": "1", "type": "call", "value": TEXT, "category": "main-explicit", "explicit": True}]),
            "consent_at": "2026-03-01T00:00:00Z",
            "finalized_at": "2026-03-01T00:05:00Z",
            "expires_at": "2031-03-01T00:00:00Z",
            "signature": "s" * 64,
            "capture": "{}",
            **columns,
        }
        names = ", ".join(row)
        values = ", ".join(f"%({name})s" for name in row)
        return [
            pk
            for (pk,) in self.database.execute(
                f"""
                INSERT INTO econsent.certificates (company_id, property_id, source_ref, certificate_id, {names})
                SELECT %(company_id)s, 'shop', %(label)s || n, %(label)s || n, {values} FROM generate_series(1, %(count)s) AS n
                RETURNING certificate_pk
                """,
                {**row, "company_id": company_id, "count": count, "label": f"EC-{secrets.token_hex(4)}-"},
            ).fetchall()
        ]

    def session(self, session_id: str = "s-1", *, company_id: str = "acme", **columns: Any) -> str:
        self.company(company_id)
        self.database.execute(
            """
            INSERT INTO econsent.sessions (company_id, session_id, property_id, started_at, closed_at, expires_at, retention_status)
            VALUES (%s, %s, 'shop', '2026-03-01', '2026-03-01', '2026-06-01', %s)
            """,
            [company_id, session_id, columns.get("retention_status", "unretained")],
        )
        return session_id

    def change(self, pk: int, *, company_id: str = "acme", **columns: Any) -> None:
        sets = ", ".join(f"{name} = %({name})s" for name in columns)
        self.database.execute(
            f"UPDATE econsent.certificates SET {sets} WHERE company_id = %(company_id)s AND certificate_pk = %(pk)s",
            {**columns, "company_id": company_id, "pk": pk},
        )

    def revoke(self, pk: int, *, company_id: str = "acme") -> None:
        self.change(pk, company_id=company_id, opt_out='{"revoke": true, "revoked_at": "2026-03-02T10:00:00Z"}')

    def version(self, pk: int, *, company_id: str = "acme") -> int:
        return self.row("SELECT row_version FROM econsent.certificates WHERE company_id = %s AND certificate_pk = %s", [company_id, pk])[0]

    def outbox(self) -> dict[int, dict[str, Any]]:
        columns = ["doc_key", "state", "attempts", "wanted_version", "priority", "lease_token", "error_class", "last_error", "lost_leases"]
        rows = self.database.execute(f"SELECT {', '.join(columns)} FROM econsent.search_outbox").fetchall()
        return {int(row[0]): dict(zip(columns, row, strict=True)) for row in rows}

    def row(self, query: str, parameters: Any = ()) -> Any:
        return self.database.execute(query.encode(), parameters).fetchone()

    def due_now(self) -> None:
        """What backs off is due; as time would do it."""
        self.database.execute("UPDATE econsent.search_outbox SET next_attempt_at = now() WHERE state = 'due'")

    def index_name(self) -> str:
        return self.row("SELECT index_name FROM econsent.search_targets WHERE state = 'live'")[0]

    def stored(self, pk: int, *, company_id: str = "acme", index: str | None = None) -> dict[str, Any] | None:
        """The document as the index holds it, refreshed or not."""
        found = self.client.options(ignore_status=404).get(index=index or self.index_name(), id=f"{company_id}:{pk}", routing=company_id)
        return {**found["_source"], "_version": found["_version"]} if found.get("found") else None

    def shown(self, query: dict[str, Any] | None = None) -> list[int]:
        """What readers of the alias see."""
        self.client.indices.refresh(index=self.alias)
        hits = self.client.search(index=self.alias, query=query or {"match_all": {}}, size=10_000, sort=["certificate_pk"])["hits"]["hits"]
        return [hit["_source"]["certificate_pk"] for hit in hits]


@pytest.fixture
def world(database: psycopg.Connection[Any], client: Elasticsearch, settings: Settings) -> World:
    return World(database=database, client=client, alias=settings.alias)


@pytest.fixture
def make_tools(stack: Stack, database: psycopg.Connection[Any], endpoint: str, settings: Settings) -> Iterator[Callable[..., Tools]]:
    """Make one worker's tools, with a connection of its own under the job's own role. ``url``: of another way to the index."""
    with ExitStack() as opened:

        def make(*, url: str = endpoint, **changes: Any) -> Tools:
            own = opened.enter_context(psycopg.connect(stack.postgres_url(database.info.dbname, user=ROLE), autocommit=True))
            client = opened.enter_context(Elasticsearch(url))
            return real_tools(database=own, search=SearchIndex(client, request_seconds=20), settings=replace(settings, **changes))

        yield make


@pytest.fixture
def run(make_tools: Callable[..., Tools]) -> Callable[..., JobResult]:
    """Run the job once as a worker of its own."""

    def run(limits: Limits = LIMITS, **changes: Any) -> JobResult:
        return sync_search(tools=make_tools(**changes), limits=limits)

    return run
