"""What the platform writes, and a look into the index: certificates that are searched, and what becomes of them."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from elasticsearch import Elasticsearch

TEXT: Final = "I agree to receive calls from Acmé at the number provided"


@dataclass
class Platform:
    """A database with companies and certificates as the platform leaves them, and a look into the index behind ``alias``."""

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
        """Insert finalised certificates, without a session unless one is named; ``columns`` overrides."""
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
                INSERT INTO econsent.certificates (company_id, property_id, source_ref, certificate_id, submission_no, {names})
                SELECT %(company_id)s, 'shop', CASE WHEN NOT %(of_a_session)s THEN %(label)s || n END, %(label)s || n,
                  CASE WHEN %(of_a_session)s THEN n + (
                    SELECT coalesce(max(submission_no), 0) FROM econsent.certificates WHERE company_id = %(company_id)s
                  ) ELSE 1 END, {values}
                FROM generate_series(1, %(count)s) AS n
                RETURNING certificate_pk
                """,
                {
                    **row,
                    "company_id": company_id,
                    "count": count,
                    "label": f"EC-{secrets.token_hex(4)}-",
                    "of_a_session": "session_id" in row,
                },
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
