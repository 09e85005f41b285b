"""Histories on the real PostgreSQL. The clock cannot be moved there, so the rows move the other way.

What is said once and for all, when an endpoint was disabled, stays where it is: the audit trail cannot be moved.
"""

from contextlib import ExitStack
from random import Random
from typing import Final

import psycopg

from econsent_jobs.core.clock import SystemClock
from econsent_jobs.core.statements import statement
from econsent_jobs.webhook_delivery_retry.secret_box import seal_secret
from econsent_jobs.webhook_delivery_retry.store import PACKAGE, PostgresStore
from econsent_jobs.webhook_delivery_retry.tools import Tools
from econsent_verify.webhook_delivery_retry_checks.records import Database as Verified
from econsent_verify.webhook_delivery_retry_checks.records import connect
from tests.prove.harness.steps import Worker
from tests.prove.webhooks.case import ADD_COMPANY, ADD_MEMBER, ADD_SECRET, OPEN, add_event
from tests.prove.webhooks.histories import End, History
from tests.prove.webhooks.model_side import KEYS, Receivers, tools_of
from tests.prove.webhooks.steps import Log
from tests.prove.webhooks.world import World

ADD_ENDPOINT: Final = """
INSERT INTO econsent.webhook_endpoints (endpoint_id, company_id, url, http_method, events, max_in_flight)
VALUES (%(endpoint)s, %(company)s, %(url)s, %(method)s, %(events)s, %(most)s)
"""
SHIFT: Final = (
    """
    UPDATE econsent.webhook_deliveries SET
      next_attempt_at = next_attempt_at - %(by)s, leased_until = leased_until - %(by)s, created_at = created_at - %(by)s,
      delivered_at = delivered_at - %(by)s
    WHERE company_id = %(company)s
    """,
    """
    UPDATE econsent.webhook_endpoints SET
      paused_until = paused_until - %(by)s, circuit_until = circuit_until - %(by)s, first_failure_at = first_failure_at - %(by)s,
      last_success_at = last_success_at - %(by)s, created_at = created_at - %(by)s, updated_at = updated_at - %(by)s
    WHERE company_id = %(company)s
    """,
    """
    UPDATE econsent.webhook_events SET occurred_at = occurred_at - %(by)s, fanned_out_at = fanned_out_at - %(by)s
    WHERE company_id = %(company)s
    """,
    """
    UPDATE econsent.webhook_attempts AS a SET started_at = a.started_at - %(by)s
    FROM econsent.webhook_deliveries AS d WHERE d.delivery_id = a.delivery_id AND d.company_id = %(company)s
    """,
)
CHANGE: Final = {
    "disable": "status = 'disabled'",
    "enable": "status = 'enabled'",
    "pause": "paused_until = now() + make_interval(secs => %(seconds)s)",
    "resume": "paused_until = NULL",
    "delete": "status = 'deleted'",
    "events": "events = %(events)s",
}
REPLAYED: Final = """
SELECT delivery_id FROM econsent.webhook_deliveries WHERE company_id = %(company)s AND status IN ('delivered', 'exhausted')
ORDER BY md5(delivery_id::text || %(salt)s) LIMIT 1
"""


class RealSide:
    """One history in a company of its own. A context manager: it keeps its workers' connections."""

    def __init__(self, world: World, *, number: int) -> None:
        self._world, self._number = world, number
        self.company = f"history-{number}"
        self.receivers = Receivers()
        self._opened = ExitStack()
        self._endpoints: list[str] = []
        self._events = 0
        world.database.execute(ADD_COMPANY, {"company": self.company})
        for role in ("owner", "admin"):
            world.database.execute(ADD_MEMBER, {"company": self.company, "email": f"{role}@{self.company}.example.com", "role": role})

    def __enter__(self) -> "RealSide":
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()
        self._world.retire(self.company)

    def store(self) -> PostgresStore:
        return PostgresStore(self._opened.enter_context(psycopg.connect(self._world.direct.database, autocommit=True)))

    def add_endpoint(self, random: Random) -> None:
        endpoint = f"wh-h{self._number}-{len(self._endpoints) + 1}"
        self._endpoints.append(endpoint)
        row = {
            "endpoint": endpoint,
            "company": self.company,
            "url": f"https://model.example.com/{endpoint}",
            "events": list(random.choice(((), (), ("consent.granted",), ("consent.granted", "consent.revoked")))),
            "method": random.choice(("POST", "POST", "PUT", "GET")),
            "most": random.choice((1, 4)),
        }
        self._world.database.execute(ADD_ENDPOINT, row)
        self._add_secret(endpoint, number=1, documented=True)

    def _add_secret(self, endpoint: str, *, number: int, documented: bool) -> None:
        sealed = seal_secret(KEYS, endpoint_id=endpoint, secret_no=number, secret="whsec_model")
        row = {"endpoint": endpoint, "number": number, "ciphertext": sealed.ciphertext, "key": sealed.key_id}
        self._world.database.execute(ADD_SECRET, row | {"documented": documented, "ends_at": None})

    def add_event(self, event_type: str, random: Random) -> None:
        self._events += 1
        add_event(self._world, self.company, event_type, subject=f"subject-{self._events}")

    def change(self, what: str, random: Random) -> None:
        endpoint = random.choice(self._endpoints)
        if what == "replay":
            chosen = self._world.rows(REPLAYED, company=self.company, salt=str(random.random()))
            parameters = {"delivery_ids": [row["delivery_id"] for row in chosen], "user": "a person"}
            self._world.database.execute(statement(PACKAGE, "replay_deliveries"), parameters)
        elif what == "rotate":
            if not self._world.rows("SELECT 1 AS n FROM econsent.webhook_secrets WHERE endpoint_id = %(e)s AND secret_no = 2", e=endpoint):
                self._add_secret(endpoint, number=2, documented=False)
        else:
            values = {"endpoint": endpoint, "seconds": random.choice((60, 4_000)), "events": random.choice(([], ["consent.granted"]))}
            query = f"UPDATE econsent.webhook_endpoints SET {CHANGE[what]}, updated_at = now() WHERE endpoint_id = %(endpoint)s"
            self._world.database.execute((query + " AND status <> 'deleted'").encode(), values)

    def change_mind(self, mind: str, random: Random) -> None:
        self.receivers.minds[random.choice(self._endpoints)] = mind

    def all_is_well(self) -> None:
        self.receivers.minds.clear()
        self._world.database.execute(
            "UPDATE econsent.webhook_endpoints SET status = 'enabled', paused_until = NULL, updated_at = now()"
            " WHERE company_id = %s AND status <> 'deleted'",
            [self.company],
        )

    def advance(self, seconds: float) -> None:
        by = f"{seconds} seconds"
        with self._world.database.transaction():
            for query in SHIFT:
                self._world.database.execute(query.replace("%(by)s", "%(by)s::interval").encode(), {"by": by, "company": self.company})

    def tools(self, worker: Worker | None, log: Log, random: Random) -> Tools:
        return tools_of(self.store(), SystemClock(), self.receivers.receive, worker=worker, log=log, random=random)

    def open_items(self) -> int:
        return self._world.one(OPEN, taking=self._endpoints, company=self.company)["n"]

    def end(self) -> End:
        with connect(self._world.verifying) as connection:
            ((endpoints, events),) = Verified(connection).pages(self.company, since=None, page_size=10_000)
        return End(endpoints=endpoints, events=events)


def history_on(world: World, *, number: int, random: Random) -> list[str]:
    """Run one history and say what is wrong with it."""
    with RealSide(world, number=number) as side:
        return History(side, random).run().wrong
