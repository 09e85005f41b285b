"""Histories on the model. ``history`` is what ``tests.prove.harness.many`` runs."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from econsent_jobs.webhook_delivery_retry.model import Attempted, Outcome, Request, Settings, StoredSecret
from econsent_jobs.webhook_delivery_retry.secret_box import seal_secret
from econsent_jobs.webhook_delivery_retry.tools import Tools
from econsent_verify.webhook_delivery_retry_checks.records import Delivery, Endpoint, Event
from tests.prove.harness.histories import Told
from tests.prove.harness.steps import SteppedStore, Worker
from tests.prove.webhooks.histories import End, History
from tests.prove.webhooks.keys import keys_with
from tests.prove.webhooks.model import OPEN, EndpointRow, EventRow, ModelClock, ModelDatabase, ModelStore
from tests.prove.webhooks.steps import Log, Mortal, SteppedSender, at_once

COMPANY: Final = "model"
KEYS: Final = keys_with("key-1")
LEASE_SECONDS: Final = 30.0
BEATS: Final = (0.0, 60.0)  # statements at once, or when all that was begun has ended: neither hangs on how busy the machine is
BODY: Final = '{{"event":"{}","timestamp":"2030-05-01T12:00:00.000Z","data":{{}}}}'
ADDRESS: Final = "127.0.0.1"
ANSWERS: Final[dict[str, Attempted]] = {
    "well": Attempted(outcome=Outcome.SUCCESS, status_code=200, duration_ms=5, address=ADDRESS),
    "down": Attempted(outcome=Outcome.HTTP_ERROR, status_code=500, duration_ms=5, address=ADDRESS, error="the receiver answered 500"),
    "busy": Attempted(
        outcome=Outcome.HTTP_ERROR, status_code=429, duration_ms=5, address=ADDRESS, error="the receiver answered 429", retry_after="7200"
    ),
    "gone": Attempted(outcome=Outcome.GONE, status_code=410, duration_ms=5, address=ADDRESS, error="the receiver answered 410"),
    "inside": Attempted(outcome=Outcome.BLOCKED, duration_ms=1, error="the address 10.0.0.1 is private, not public"),
}


class Receivers:
    """What receivers have a mind to do, by endpoint."""

    def __init__(self) -> None:
        self.minds: dict[str, str] = {}

    def receive(self, request: Request) -> Attempted:
        return ANSWERS[self.minds.get(request.url.split("?")[0].rsplit("/", 1)[1], "well")]


def tools_of(store: Any, clock: Any, receive: Callable[[Request], Attempted], *, worker: Worker | None, log: Log, random: Random) -> Tools:
    """A lane's tools, stepped where there is a worker."""
    mortal = None if worker is None else Mortal(worker, log)
    return Tools(
        store=store if mortal is None else SteppedStore(store, mortal, depth=3),
        sender=SteppedSender(receive, mortal, log),
        settings=Settings(keys=KEYS, lease_seconds=LEASE_SECONDS, linger_seconds=0, beat_seconds=random.choice(BEATS)),
        clock=clock,
        chance=lambda: random.uniform(-1, 1),
        run_blocking=at_once,
    )


class ModelSide:
    def __init__(self) -> None:
        self.database = ModelDatabase()
        self.receivers = Receivers()
        self._events = 0

    def store(self) -> ModelStore:
        return ModelStore(self.database)

    def add_endpoint(self, random: Random) -> None:
        endpoint_id = f"wh-{len(self.database.tables.endpoints) + 1}"
        now = self.database.now
        row = EndpointRow(
            endpoint_id=endpoint_id,
            company_id=COMPANY,
            created_at=now,
            updated_at=now,
            events=random.choice(((), (), ("consent.granted",), ("consent.granted", "consent.revoked"))),
            http_method=random.choice(("POST", "POST", "PUT", "GET")),
            max_in_flight=random.choice((1, 4)),
        )
        self.database.tables.endpoints[endpoint_id] = row
        sealed = seal_secret(KEYS, endpoint_id=endpoint_id, secret_no=1, secret="whsec_model")
        self.database.secrets[endpoint_id] = [
            StoredSecret(
                endpoint_id=endpoint_id,
                secret_no=1,
                ciphertext=sealed.ciphertext,
                key_id=sealed.key_id,
                documented_header=True,
                ends_at=None,
            )
        ]

    def add_event(self, event_type: str, random: Random) -> None:
        self._events += 1
        event = EventRow(
            event_id=UUID(int=10**30 + self._events),
            company_id=COMPANY,
            event_type=event_type,
            subject_id=f"subject-{self._events}",
            body=BODY.format(event_type).encode(),
            occurred_at=self.database.now,
        )
        self.database.tables.events[event.event_id] = event

    def change(self, what: str, random: Random) -> None:
        endpoint_id = random.choice(list(self.database.tables.endpoints))
        row = self.database.tables.endpoints[endpoint_id]
        if what == "replay":
            self._replay(random)
        elif what == "rotate":
            self._rotate(endpoint_id)
        elif row.status != "deleted":
            self.database.change_endpoint(endpoint_id, **self._changes(what, random))

    def _changes(self, what: str, random: Random) -> dict[str, Any]:
        return {
            "disable": {"status": "disabled"},
            "enable": {"status": "enabled"},
            "pause": {"paused_until": self.database.now + timedelta(seconds=random.choice((60, 4_000)))},
            "resume": {"paused_until": None},
            "delete": {"status": "deleted"},
            "events": {"events": random.choice(((), ("consent.granted",)))},
        }[what]

    def _rotate(self, endpoint_id: str) -> None:
        if len(self.database.secrets[endpoint_id]) == 1:
            sealed = seal_secret(KEYS, endpoint_id=endpoint_id, secret_no=2, secret="whsec_next")
            first = self.database.secrets[endpoint_id][0]
            second = replace(first, secret_no=2, ciphertext=sealed.ciphertext, documented_header=False)
            self.database.secrets[endpoint_id] = [first, second]

    def _replay(self, random: Random) -> None:
        """What the replay command does: the same row is opened again, with 16 further attempts."""
        done = [row for row in self.database.tables.deliveries.values() if row.status in {"delivered", "exhausted"}]
        if done:
            row = random.choice(done)
            if self.database.tables.endpoints[row.endpoint_id].status == "deleted":
                return
            self.database.tables.deliveries[row.delivery_id] = replace(
                row,
                status="retrying" if row.attempts else "pending",
                max_attempts=row.attempts + 16,
                lost_leases=0,
                next_attempt_at=self.database.now,
                delivered_at=None,
                replayed=True,
            )

    def change_mind(self, mind: str, random: Random) -> None:
        self.receivers.minds[random.choice(list(self.database.tables.endpoints))] = mind

    def all_is_well(self) -> None:
        self.receivers.minds.clear()
        for endpoint_id, row in list(self.database.tables.endpoints.items()):
            if row.status != "deleted":
                self.database.change_endpoint(endpoint_id, status="enabled", paused_until=None)

    def advance(self, seconds: float) -> None:
        self.database.advance(seconds)

    def tools(self, worker: Worker | None, log: Log, random: Random) -> Tools:
        return tools_of(self.store(), ModelClock(self.database), self.receivers.receive, worker=worker, log=log, random=random)

    def open_items(self) -> int:
        tables = self.database.tables
        unfanned = sum(row.fanned_out_at is None for row in tables.events.values())
        return unfanned + sum(
            row.status in OPEN and tables.endpoints[row.endpoint_id].status == "enabled" for row in tables.deliveries.values()
        )

    def end(self) -> End:
        tables = self.database.tables
        endpoints = {
            endpoint_id: Endpoint(
                row=asdict(row) | {"url": f"https://model/{endpoint_id}", "max_per_second": None},
                notices=[{"at": at} for entry, at in tables.audit.values() if entry.details["endpointId"] == endpoint_id],
                mails=[{"at": at, "recipients": 2} for mail, at in tables.mails.values() if f".{endpoint_id}." in mail.message_id],
            )
            for endpoint_id, row in tables.endpoints.items()
        }
        events = [
            Event(
                row=asdict(event),
                deliveries=[
                    Delivery(
                        row=asdict(row),
                        attempts=[dict(attempt) for (name, _), attempt in sorted(tables.attempts.items()) if name == row.delivery_id],
                    )
                    for row in tables.deliveries.values()
                    if row.event_id == event.event_id
                ],
            )
            for event in tables.events.values()
        ]
        return End(endpoints=endpoints, events=events)


def history(seed: int) -> Told:
    return History(ModelSide(), Random(seed)).run()
