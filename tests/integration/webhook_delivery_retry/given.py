"""What tests put into the database before a run, and look at afterwards."""

import json
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from econsent_jobs.webhook_delivery_retry.model import SecretKeys
from econsent_jobs.webhook_delivery_retry.secret_box import seal_secret

COMPANY: Final = "acme"
SECRET: Final = "whsec_of_the_tests"
KEYS: Final[dict[str, Any]] = {"key_id": "key-1", "key": b"0123456789abcdef0123456789abcdef"}
GRANTED: Final = "consent.granted"


class Given:
    """``at`` everywhere: how long ago, in seconds."""

    def __init__(self, database: psycopg.Connection[Any]) -> None:
        self.database = database
        self._events = 0
        self.company(COMPANY)

    def company(self, company_id: str) -> None:
        self.database.execute("SELECT econsent.create_company(%s, %s, 'growth')", [company_id, company_id])
        for role in ("owner", "admin", "member"):
            self.database.execute(
                "INSERT INTO econsent.memberships VALUES (%s, %s, %s)", [company_id, f"{role}@{company_id}.example", role]
            )

    def endpoint(self, endpoint_id: str, url: str, *, created_ago: float = 86_400 * 40, secret: str = SECRET, **columns: Any) -> str:
        values = {"company_id": COMPANY, "url": url, "endpoint_id": endpoint_id, **columns}
        names = ", ".join(values)
        places = ", ".join(f"%({name})s" for name in values)
        self.database.execute(
            f"INSERT INTO econsent.webhook_endpoints ({names}, created_at) VALUES ({places}, now() - make_interval(secs => %(ago)s))",
            {**values, "ago": created_ago},
        )
        self.secret(endpoint_id, 1, secret)
        return endpoint_id

    def secret(
        self, endpoint_id: str, secret_no: int, secret: str, *, documented: bool = True, ends_in: float | None = None, **keys: Any
    ) -> None:
        sealed = seal_secret(SecretKeys(**{**KEYS, **keys}), endpoint_id=endpoint_id, secret_no=secret_no, secret=secret)
        self.database.execute(
            "INSERT INTO econsent.webhook_secrets VALUES (%s, %s, %s, %s, %s, now() + make_interval(secs => %s))",
            [endpoint_id, secret_no, sealed.ciphertext, sealed.key_id, documented, ends_in],
        )

    def event(self, event_type: str = GRANTED, *, company_id: str = COMPANY, ago: float = 0, body: bytes | None = None) -> str:
        self._events += 1
        subject = f"EC-session-{self._events}"
        if body is None:
            document = {
                "event": event_type,
                "timestamp": "2026-03-02T14:00:00.000Z",
                "data": {"certificateId": subject, "consumerPhone": "+12025550123", "consumerName": "Ada Example"},
            }
            body = json.dumps(document).encode()
        row = self.database.execute(
            "INSERT INTO econsent.webhook_events (company_id, event_type, subject_id, dedupe_key, body, occurred_at)"
            " VALUES (%s, %s, %s, %s, %s, now() - make_interval(secs => %s)) RETURNING event_id",
            [company_id, event_type, subject, f"{event_type}:{company_id}:{subject}", body, ago],
        ).fetchone()
        assert row is not None
        return row[0]

    def events(self, count: int, **parameters: Any) -> list[str]:
        return [self.event(ago=float(count - number), **parameters) for number in range(count)]

    def make_due(self) -> None:
        """Let the time pass until whatever waits is due, circuits included."""
        self.database.execute("UPDATE econsent.webhook_deliveries SET next_attempt_at = now() WHERE status IN ('pending', 'retrying')")
        self.database.execute("UPDATE econsent.webhook_endpoints SET circuit_until = now() WHERE circuit <> 'closed'")

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        with self.database.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, parameters).fetchall()

    def deliveries(self, endpoint_id: str | None = None) -> list[dict[str, Any]]:
        return self.rows(
            "SELECT delivery.*, event.occurred_at, event.subject_id FROM econsent.webhook_deliveries AS delivery"
            " JOIN econsent.webhook_events AS event USING (event_id)"
            " WHERE %s::text IS NULL OR endpoint_id = %s ORDER BY event.occurred_at, endpoint_id",
            endpoint_id,
            endpoint_id,
        )

    def attempts(self) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM econsent.webhook_attempts ORDER BY started_at, delivery_id, attempt_no")

    def endpoint_row(self, endpoint_id: str) -> dict[str, Any]:
        return self.rows("SELECT * FROM econsent.webhook_endpoints WHERE endpoint_id = %s", endpoint_id)[0]

    def now(self) -> datetime:
        return self.rows("SELECT now() AS now")[0]["now"]

    def shift_endpoint(self, endpoint_id: str, column: str, ago: timedelta) -> None:
        self.database.execute(
            f"UPDATE econsent.webhook_endpoints SET {column} = now() - %s::interval WHERE endpoint_id = %s", [ago, endpoint_id]
        )
