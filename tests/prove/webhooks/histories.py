"""Random histories: the platform writes, receivers change their minds, two lanes go on call by call, calls fail, workers die, time moves.

One driver for two sides: the model, and the real PostgreSQL. In the end every receiver is well and every endpoint enabled, all is left to
finish, and the verifier's own rules judge what came of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any, Final, Protocol
from uuid import UUID

from econsent_jobs.core.limits import Limits
from econsent_jobs.webhook_delivery_retry import deliver_webhooks
from econsent_jobs.webhook_delivery_retry.tools import Tools
from econsent_verify.findings import Difference
from econsent_verify.webhook_delivery_retry_checks.deliveries import SUCCESSES, check_delivery
from econsent_verify.webhook_delivery_retry_checks.endpoints import check_endpoint
from econsent_verify.webhook_delivery_retry_checks.events import check_event
from econsent_verify.webhook_delivery_retry_checks.records import Endpoint, Event
from tests.prove.harness.histories import Told
from tests.prove.harness.steps import Crew, Fate, Worker
from tests.prove.webhooks.steps import Log

MOST_ROUNDS: Final = 40
MOVES: Final = (1, 5, 31, 70, 130, 700, 4_000, 45_000)
EVENTS: Final = ("session.certificate.created", "consent.granted", "consent.revoked")
MINDS: Final = ("well", "well", "well", "down", "busy", "gone", "inside")
WEAK_SPOTS: Final = ("send", "transaction", "claim")
FATES: Final = (Fate.FAIL, Fate.LOST, Fate.DIE, Fate.DIE_AFTER, Fate.MIDST, Fate.LATE)
CHANGES: Final = ("disable", "enable", "enable", "pause", "resume", "resume", "delete", "rotate", "events", "replay", "replay")
HALF_A_DAY: Final = 43_300.0
FROZEN: Final = timedelta(days=60)
"""A worker may be frozen over any number of moves of the clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What the tables hold, in the verifier's own words. ``told``: how often an endpoint was disabled by the job."""

    endpoints: Mapping[str, Endpoint]
    events: Sequence[Event]


class Side(Protocol):
    """Where a history takes place."""

    def add_endpoint(self, random: Random) -> None: ...

    def add_event(self, event_type: str, random: Random) -> None: ...

    def change(self, what: str, random: Random) -> None:
        """The platform, or a person, changes an endpoint or replays a delivery."""
        ...

    def change_mind(self, mind: str, random: Random) -> None:
        """A receiver will from now on answer otherwise."""
        ...

    def all_is_well(self) -> None:
        """Every receiver takes everything, and every endpoint that is not deleted is enabled."""
        ...

    def advance(self, seconds: float) -> None: ...

    def tools(self, worker: Worker | None, log: Log, random: Random) -> Tools:
        """Make a worker's tools; without ``worker`` no call is stepped and none fails."""
        ...

    def open_items(self) -> int: ...

    def end(self) -> End: ...


class History:
    """Drives one history. Everything is drawn from ``random``, so that its seed, or what shrinks it, says it all."""

    def __init__(self, side: Side, random: Random) -> None:
        self._side, self._random, self._log = side, random, Log()
        self._crew = Crew(random, weak_spots=WEAK_SPOTS, fates=FATES)
        self.told = Told()

    def run(self) -> Told:
        for _ in range(self._random.randrange(1, 4)):
            self._side.add_endpoint(self._random)
        for _ in range(self._random.randrange(1, 4)):
            self._side.add_event(self._random.choice(EVENTS), self._random)
        for _ in range(self._random.randrange(10, 100)):
            self._move()
        while self._crew.at_work:
            self._step()
        for arrive in self._log.late:
            arrive()
        self._judge("before the end", finished=False)
        self._drain()
        self._judge("in the end", finished=True)
        self.told.steps = self._crew.steps
        return self.told

    def _move(self) -> None:
        draw, random = self._random.random(), self._random
        if self._crew.at_work and draw < 0.65:
            self._step()
        elif draw < 0.75:
            self._log.disturbed += len(self._crew.at_work)
            self._side.advance(random.choice(MOVES))
        elif draw < 0.81:
            self._side.add_event(random.choice(EVENTS), random)
        elif draw < 0.83:
            self._side.add_endpoint(random)
        elif draw < 0.87:
            self._side.change(random.choice(CHANGES), random)
        elif draw < 0.90:
            self._side.change_mind(random.choice(MINDS), random)
        elif draw < 0.91 and self._log.late:
            self._log.late.pop(random.randrange(len(self._log.late)))()
        elif self._crew.has_room:
            limits = Limits(batch_size=random.choice((1, 2, 10)), run_seconds=480)
            self._crew.begin(lambda worker: self._job(worker, limits))

    def _job(self, worker: Worker, limits: Limits) -> Any:
        tools = self._side.tools(worker, self._log, self._random)
        return lambda: deliver_webhooks(tools=tools, limits=limits)

    def _step(self) -> None:
        worker = self._crew.step()
        if worker.is_over and worker.result is not None:
            self.told.finished[worker.lane] += worker.result.changed

    def _drain(self) -> None:
        """Leave the rest to a lane whom nothing befalls, half a day at a time."""
        self._side.all_is_well()
        tools = self._side.tools(None, self._log, self._random)
        for _ in range(MOST_ROUNDS):
            if not self._side.open_items():
                return
            self._side.advance(HALF_A_DAY)
            deliver_webhooks(tools=tools, limits=Limits(batch_size=10, run_seconds=480))
        self.told.wrong.append(f"{self._side.open_items()} items are still open")

    def _judge(self, when: str, *, finished: bool) -> None:
        end = self._side.end()
        for endpoint in end.endpoints.values():
            self._note(when, endpoint.name, check_endpoint(endpoint))
        for event in end.events:
            self._note(when, event.name, check_event(event, end.endpoints))
            for delivery in event.deliveries:
                endpoint = end.endpoints[delivery.row["endpoint_id"]]
                self._note(when, delivery.name, check_delivery(delivery, endpoint, loopback=True, written_down=FROZEN))
                self.told.wrong += [f"{when}: {delivery.name}: {each}" for each in self._explain(delivery, endpoint, finished=finished)]

    def _note(self, when: str, name: str, differences: Any) -> None:
        found: list[Difference] = list(differences)
        self.told.wrong += [f"{when}: {name}: {each}" for each in found]

    def _explain(self, delivery: Any, endpoint: Endpoint, *, finished: bool) -> list[str]:
        """What the receiver had must fit what is written down, and nothing may be left."""
        row, name = delivery.row, str(UUID(str(delivery.row["delivery_id"])))
        wrong: list[str] = []
        successes = sum(attempt["outcome"] in SUCCESSES for attempt in delivery.attempts)
        if self._log.taken[name] < successes:
            wrong.append(f"written down as delivered {successes} times, taken {self._log.taken[name]} times")
        if self._log.had[name] > row["attempts"] + self._log.disturbed:
            wrong.append(f"received {self._log.had[name]} times in {row['attempts']} attempts and {self._log.disturbed} disturbances")
        if finished and endpoint.row["status"] == "enabled" and row["status"] not in {"delivered", "exhausted"}:
            wrong.append(f"left over as {row['status']}")
        return wrong
