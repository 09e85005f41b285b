"""What one lane has in hand: deliveries waiting for their turn, attempts under way, and how each endpoint keeps pace."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import UUID

from econsent_jobs.webhook_delivery_retry.model import Attempted, Claimed, Outcome, Request
from econsent_jobs.webhook_delivery_retry.rules import flow
from econsent_jobs.webhook_delivery_retry.rules.flow import Pace, Rooms
from econsent_jobs.webhook_delivery_retry.rules.way_out import UNREACHED, Unreached


@dataclass(slots=True, kw_only=True)
class Ready:
    """A delivery and its request. ``sendable_until``: monotonic; later its lease might end under the attempt."""

    claimed: Claimed
    request: Request
    sendable_until: float
    claimed_at: float


@dataclass(slots=True, kw_only=True)
class Running:
    ready: Ready
    began: float
    kind: str  # proven, new, failing: of its endpoint when it began
    stalled: bool = False


@dataclass(slots=True, kw_only=True)
class Ended:
    ready: Ready
    attempted: Attempted
    began: float
    at: float

    @property
    def reached_nobody(self) -> bool:
        return self.attempted.outcome in UNREACHED


@dataclass(slots=True, kw_only=True)
class Lane:
    """``places`` for attempts that may answer quickly, ``stalled_places`` for those that did not. No I/O, no clock of its own.

    ``reached_at``: when somebody last answered anything (monotonic).
    """

    places: int
    stalled_places: int
    paces: dict[str, Pace] = field(default_factory=dict[str, Pace])
    queues: dict[str, deque[Ready]] = field(default_factory=dict[str, deque[Ready]])
    running: dict[UUID, Running] = field(default_factory=dict[UUID, Running])
    ended: list[Ended] = field(default_factory=list[Ended])
    suspects: set[str] = field(default_factory=set[str])
    stalled: int = 0
    waiting: int = 0
    reached_at: float = float("-inf")

    @property
    def in_hand(self) -> int:
        return self.waiting + len(self.running) + len(self.ended)

    def held(self) -> Iterator[Claimed]:
        """Everything in hand."""
        for queue in self.queues.values():
            yield from (ready.claimed for ready in queue)
        yield from (running.ready.claimed for running in self.running.values())
        yield from (ended.ready.claimed for ended in self.ended)

    def take(self, ready: Ready) -> None:
        """Put a claimed delivery into its endpoint's queue."""
        claimed = ready.claimed
        pace = self.paces.get(claimed.endpoint_id)
        if pace is None:
            pace = self.paces[claimed.endpoint_id] = Pace(
                max_in_flight=claimed.max_in_flight, proven=claimed.proven, failing=claimed.failing
            )
        pace.max_in_flight = claimed.max_in_flight
        pace.waiting += 1
        self.waiting += 1
        if claimed.lost_leases:
            self.suspects.add(claimed.endpoint_id)
        self.queues.setdefault(claimed.endpoint_id, deque()).append(ready)

    def startable(self, *, now: float) -> list[Ready]:
        """Take out what may begin now, one from each endpoint before a second from any."""
        started: list[Ready] = []
        endpoint_ids = deque(self.queues)
        while endpoint_ids and len(self.running) - self.stalled < self.places:
            endpoint_id = endpoint_ids.popleft()
            queue, pace = self.queues[endpoint_id], self.paces[endpoint_id]
            if not pace.may_start():
                continue
            ready = queue.popleft()
            self._leave_queue(endpoint_id, pace)
            self.begin(ready, now=now)
            started.append(ready)
            if endpoint_id in self.queues:
                endpoint_ids.append(endpoint_id)
        return started

    def busy_with_suspects(self) -> list[str]:
        """Endpoints that may not have a suspect now: one has one in hand, or no room."""
        return sorted(self.suspects | {endpoint_id for endpoint_id, pace in self.paces.items() if not pace.room()})

    def following(self, endpoint_id: str, *, now: float) -> Ready | None:
        """Take out the endpoint's next delivery if it may begin now."""
        queue = self.queues.get(endpoint_id)
        if queue is None or len(self.running) - self.stalled >= self.places or not self.paces[endpoint_id].may_start():
            return None
        ready = queue.popleft()
        self._leave_queue(endpoint_id, self.paces[endpoint_id])
        self.begin(ready, now=now)
        return ready

    def begin(self, ready: Ready, *, now: float) -> None:
        pace = self.paces[ready.claimed.endpoint_id]
        kind = "failing" if pace.failing else "proven" if pace.proven else "new"
        pace.in_flight += 1
        self.running[ready.claimed.delivery_id] = Running(ready=ready, began=now, kind=kind)

    def end(self, ready: Ready, attempted: Attempted, *, now: float) -> None:
        """Note an attempt's end, and what it says about its endpoint's pace."""
        running = self.running.pop(ready.claimed.delivery_id)
        pace = self.paces[ready.claimed.endpoint_id]
        pace.in_flight -= 1
        if running.stalled:
            pace.stalled -= 1
            self.stalled -= 1
        pace.answered(delivered=attempted.delivered, seconds=now - running.began)
        pace.unsettled_failures += not attempted.delivered
        ended = Ended(ready=ready, attempted=attempted, began=running.began, at=now)
        if not ended.reached_nobody and attempted.outcome is not Outcome.BLOCKED:
            self.reached_at = now
        self.ended.append(ended)

    def note_stalled(self, *, now: float) -> None:
        """Let attempts that have not been answered for a second give their places back, as far as there are places for stalled ones."""
        for running in self.running.values():
            if now - running.began < flow.STALLED_AFTER_SECONDS or self.stalled >= self.stalled_places:
                break  # the oldest come first
            if not running.stalled:
                running.stalled = True
                self.stalled += 1
                self.paces[running.ready.claimed.endpoint_id].stalled += 1

    def unsendable(self, *, now: float) -> list[Ready]:
        """Take out what must be given back: what waits for an endpoint that began to fail or stalls, and what its lease could end under."""
        given_back: list[Ready] = []
        for endpoint_id in list(self.queues):
            pace, queue = self.paces[endpoint_id], self.queues[endpoint_id]
            while queue and (pace.stalled or (pace.failing and not queue[0].claimed.failing) or queue[0].sendable_until < now):
                given_back.append(queue.popleft())
                self._leave_queue(endpoint_id, pace)
        return given_back

    def give_back_all(self) -> list[Ready]:
        """Take out everything that waits."""
        waiting = [ready for queue in self.queues.values() for ready in queue]
        for endpoint_id, queue in self.queues.items():
            self.paces[endpoint_id].waiting -= len(queue)
        self.queues.clear()
        self.waiting = 0
        return waiting

    def doubtful(self) -> list[Ended]:
        """What ended without reaching a receiver that answered well lately."""
        return [each for each in self.ended if each.reached_nobody and each.ready.claimed.proven]

    def take_ended(self, *, but: Sequence[Ended] = ()) -> list[Ended]:
        """Take out what ended. Of an endpoint that fails and has nothing in hand the database knows as much as this lane."""
        kept = {each.ready.claimed.delivery_id for each in but}
        ended = [each for each in self.ended if each.ready.claimed.delivery_id not in kept]
        self.ended = list(but)
        for each in ended:
            endpoint_id = each.ready.claimed.endpoint_id
            if each.ready.claimed.lost_leases:
                self.suspects.discard(endpoint_id)
            pace = self.paces.get(endpoint_id)
            if pace is None:
                continue
            pace.unsettled_failures = 0
            if pace.failing and not pace.in_flight and not pace.waiting:
                del self.paces[endpoint_id]
        return ended

    def rooms(self) -> Rooms:
        """Divide the free places between endpoints of the three kinds."""
        quick = [running.kind for running in self.running.values() if not running.stalled]
        return flow.rooms(
            places=self.places,
            taken=len(quick),
            taken_by_new=quick.count("new"),
            taken_by_failing=quick.count("failing"),
            stalled_places=self.stalled_places,
            stalled=self.stalled,
        )

    def _leave_queue(self, endpoint_id: str, pace: Pace) -> None:
        pace.waiting -= 1
        self.waiting -= 1
        if not self.queues[endpoint_id]:
            del self.queues[endpoint_id]


def unreached(ended: Ended) -> Unreached:
    return Unreached(place=urlsplit(ended.ready.request.url).netloc, at=ended.at)
