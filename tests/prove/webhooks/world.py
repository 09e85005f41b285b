"""The real servers with everything a case needs: receivers, workers, proxies, and the verifier that ends it."""

from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import psycopg

from econsent_stack.stack import Stack
from econsent_verify.webhook_delivery_retry_checks.receipts import Receipt, Receipts
from econsent_verify.webhook_delivery_retry_checks.records import Database as Verified
from econsent_verify.webhook_delivery_retry_checks.records import connect
from econsent_verify.webhook_delivery_retry_checks.walk import Report, Scope, verify
from tests.prove.harness.rows import Asking
from tests.prove.webhooks.receivers import LOOPBACK, Identity, Laboratory, Receiver, answering, healthy
from tests.prove.wire.http_talk import HttpTalk
from tests.prove.wire.nursery import Nursery
from tests.prove.wire.postgres_talk import PostgresTalk
from tests.prove.wire.proxy import Proxy, place_of, through
from tests.prove.wire.switchboard import Switchboard

ROLE: Final = "econsent_webhook_delivery_retry"
IN_THE_CLEAR: Final = Identity(tls=False)
PASSED: Final = timedelta(minutes=10)  # more than the wait after the third failure
MAKE_DUE: Final = (
    """
    WITH event AS (
      SELECT e.event_id FROM econsent.webhook_events AS e
      WHERE EXISTS (
        SELECT FROM econsent.webhook_deliveries AS d JOIN econsent.webhook_endpoints AS w ON w.endpoint_id = d.endpoint_id
        WHERE d.event_id = e.event_id AND w.status = 'enabled'
          AND (d.status IN ('pending', 'delivering') OR (d.status = 'retrying' AND d.endpoint_id = ANY(%(taking)s)))
      )
      FOR NO KEY UPDATE SKIP LOCKED
    ), free AS (
      SELECT d.event_id FROM econsent.webhook_deliveries AS d JOIN event ON event.event_id = d.event_id FOR UPDATE OF d SKIP LOCKED
    ), whole AS (
      SELECT free.event_id FROM free GROUP BY free.event_id
      HAVING count(*) = (SELECT count(*) FROM econsent.webhook_deliveries AS d WHERE d.event_id = free.event_id)
    ), events AS (
      UPDATE econsent.webhook_events AS e SET occurred_at = e.occurred_at - %(passed)s, fanned_out_at = e.fanned_out_at - %(passed)s
      FROM whole WHERE e.event_id = whole.event_id
    ), deliveries AS (
      UPDATE econsent.webhook_deliveries AS d SET
        next_attempt_at = d.next_attempt_at - %(passed)s, leased_until = d.leased_until - %(passed)s,
        created_at = d.created_at - %(passed)s, delivered_at = d.delivered_at - %(passed)s
      FROM whole WHERE d.event_id = whole.event_id
      RETURNING d.delivery_id
    )
    UPDATE econsent.webhook_attempts AS a SET started_at = a.started_at - %(passed)s
    FROM deliveries WHERE a.delivery_id = deliveries.delivery_id
    """,
    """
    UPDATE econsent.webhook_deliveries AS open
    SET
      next_attempt_at = least(open.next_attempt_at, now() - interval '1 second'),
      leased_until = CASE WHEN open.lease_token IS NOT NULL THEN now() - interval '1 second' END
    FROM (
      SELECT d.delivery_id FROM econsent.webhook_deliveries AS d
      WHERE d.status IN ('pending', 'delivering') AND d.next_attempt_at > now()
      FOR UPDATE SKIP LOCKED
    ) AS free
    WHERE open.delivery_id = free.delivery_id
    """,
    "UPDATE econsent.webhook_endpoints SET circuit_until = now() WHERE circuit <> 'closed' AND endpoint_id = ANY(%(taking)s)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What one worker is told. ``in_turn``: one thing after the other, so that calls come in the same order in every run."""

    database: str
    key_id: str = "key-1"
    batch_size: int = 100
    in_flight: int = 50
    request_seconds: float = 5
    lease_seconds: float = 30
    in_turn: bool = False

    def told(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A receiver, directly and through the proxy. ``path`` is added to by each endpoint, so that it knows its own."""

    receiver: Receiver
    direct: str
    proxied: str


@dataclass(frozen=True, slots=True, kw_only=True)
class World(Asking):
    """``direct`` is an errand that meets no proxy to PostgreSQL, ``proxied`` one whose every statement passes the switchboard.

    ``secrets``: by endpoint, of all cases. ``taking``: endpoints whose receivers take everything.
    """

    database: psycopg.Connection[Any]
    laboratory: Laboratory
    places: dict[str, Place]
    nursery: Nursery
    switchboard: Switchboard
    direct: Errand
    proxied: Errand
    verifying: str
    secrets: dict[str, str]
    taking: list[str]

    def work_is_due(self) -> None:
        """Leases have run out and waits are over, without anybody waiting for it: all times of open events move back together.

        What a frozen worker has locked stays as it is, and so does the rest of its event; only leases of that are over.
        """
        for query in MAKE_DUE:
            self.database.execute(query.replace("%(passed)s", "%(passed)s::interval").encode(), {"taking": self.taking, "passed": PASSED})

    def retire(self, company: str) -> None:
        """A case is over: what is left of it, such as the next try at an endpoint that fails, must not come among the next one's calls."""
        self.database.execute(
            "UPDATE econsent.webhook_endpoints SET status = 'disabled' WHERE status = 'enabled' AND company_id = %s", [company]
        )

    def forget(self) -> None:
        """Take what failed cases left out of the next one's way: nothing of them is due any more."""
        self.database.execute("UPDATE econsent.webhook_endpoints SET status = 'disabled' WHERE status = 'enabled'")
        self.database.execute("UPDATE econsent.webhook_events SET fanned_out_at = occurred_at WHERE fanned_out_at IS NULL")

    def receipts(self) -> Receipts:
        """Everything that receivers had, as their own books say."""
        found: dict[str, list[Receipt]] = {}
        for receipt in self._receipts():
            found.setdefault(receipt.delivery_id, []).append(receipt)
        return Receipts(by_delivery=found, secrets={name: secret.encode() for name, secret in self.secrets.items()})

    def _receipts(self) -> Iterable[Receipt]:
        for place in self.places.values():
            for received in place.receiver.received:
                yield Receipt(
                    endpoint_id=urlsplit(received.path).path.rsplit("/", 1)[1],
                    delivery_id=str(UUID(received.delivery_id)),
                    method=received.method,
                    headers=received.headers,
                    body=received.body,
                    status=received.status,
                )

    def verify(self, *, since: datetime | None = None) -> Report:
        """Run the verifier with its own read-only identity, and with what receivers had, over all or over what came since."""
        with connect(self.verifying) as connection:
            return verify(Verified(connection), scope=Scope(since=since, loopback=True), receipts=self.receipts())


@contextmanager
def open_world(stack: Stack, *, database: str) -> Generator[World]:
    """Prepare what stands around ``database`` (migrated, without companies). Everything stops at the end."""
    switchboard = Switchboard()
    owner, role = stack.postgres_url(database), stack.postgres_url(database, user=ROLE)
    with ExitStack() as opened:
        laboratory = opened.enter_context(Laboratory())
        postgres = opened.enter_context(Proxy(PostgresTalk(), upstream=place_of(role), switchboard=switchboard))
        places: dict[str, Place] = {}
        for name, behave in (("taking", healthy), ("broken", answering(500)), ("gone", answering(410))):
            receiver = laboratory.open(name, behave, IN_THE_CLEAR)
            security = laboratory.context(name)
            upstream = (LOOPBACK, receiver.port)
            counted = Proxy(HttpTalk("receiver"), upstream=upstream, switchboard=switchboard, security=security)
            counted = opened.enter_context(counted)
            plain = opened.enter_context(Proxy(HttpTalk("receiver"), upstream=upstream, switchboard=Switchboard(), security=security))
            places[name] = Place(receiver=receiver, direct=f"https://{LOOPBACK}:{plain.port}", proxied=f"https://{LOOPBACK}:{counted.port}")
        connection = opened.enter_context(psycopg.connect(owner, autocommit=True))
        direct = Errand(database=role)
        setting = {"ca_file": str(laboratory.authority_file)}
        yield World(
            database=connection,
            laboratory=laboratory,
            places=places,
            nursery=opened.enter_context(Nursery("tests.prove.webhooks.worker", setting)),
            switchboard=switchboard,
            direct=direct,
            proxied=replace(direct, database=through(role, postgres.port), in_flight=8, in_turn=True),
            verifying=stack.postgres_url(database, user="econsent_verify"),
            secrets={},
            taking=[],
        )
