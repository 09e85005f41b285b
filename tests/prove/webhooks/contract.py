"""The same steps on a store, whichever it is, and what it answered; deliveries by their endpoint's number and their event's subject."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any, Final, Protocol
from uuid import UUID

from econsent_jobs.core.errors import ErrorClass
from econsent_jobs.webhook_delivery_retry.model import Attempted, Claimed, Outcome
from econsent_jobs.webhook_delivery_retry.rules.flow import Pace
from econsent_jobs.webhook_delivery_retry.rules.outcomes import settle
from econsent_jobs.webhook_delivery_retry.store import Released, Store

MONTH: Final = timedelta(days=30)
FIRST, SECOND, THIRD = (UUID(int=number) for number in (1, 2, 3))
LEASE_SECONDS: Final = 30.0
FAILED: Final = Attempted(
    outcome=Outcome.HTTP_ERROR, status_code=500, duration_ms=5, address="127.0.0.1", error="the receiver answered 500"
)
TAKEN: Final = Attempted(outcome=Outcome.SUCCESS, status_code=200, duration_ms=5, address="127.0.0.1")


class Side(Protocol):
    def store(self) -> Store: ...

    def add_endpoint(self, random: Random) -> None: ...

    def add_event(self, event_type: str, random: Random) -> None: ...

    def change(self, what: str, random: Random) -> None: ...

    def advance(self, seconds: float) -> None: ...


def shown(claimed: Sequence[Claimed]) -> list[Any]:
    names = [(each.endpoint_id.rsplit("-", 1)[1], each.subject_id, each.attempts, each.lost_leases, each.proven) for each in claimed]
    return sorted(names, key=str)


def roughly(claimed: Sequence[Claimed]) -> list[Any]:
    """Without saying which delivery: what was put back together is due at one moment, and then ids decide, which are random."""
    return sorted((each.endpoint_id.rsplit("-", 1)[1], each.attempts, each.lost_leases, each.proven) for each in claimed)


def claim(store: Store, token: UUID, *, paces: dict[str, Pace] | None = None, limit: int = 10) -> list[Claimed]:
    return store.claim(token=token, paces=paces or {}, limit=limit, new_room=10, failing_room=10, lease_seconds=LEASE_SECONDS)


def settled(store: Store, token: UUID, claimed: Sequence[Claimed], attempted: Attempted) -> int:
    ended = [settle(each, attempted, now=each.read_at, jitter=0.0, ago_seconds=0.01) for each in claimed]
    return len(store.settle(token, ended, run_id=None))


def open_paces(claimed: Sequence[Claimed], *, room: int) -> dict[str, Pace]:
    return {each.endpoint_id: Pace(max_in_flight=room, proven=True, failing=False, window=room) for each in claimed}


def observations(side: Side) -> list[Any]:
    """Go through fan-out, claims of two lanes, lost leases, retries, releases and what is known of endpoints."""
    store, random = side.store(), Random(5)
    for _ in range(3):
        side.add_endpoint(random)
    for _ in range(4):
        side.add_event("consent.granted", random)
    seen: list[Any] = [tuple(store.fan_out(limit=3, given_up_after=MONTH)), tuple(store.fan_out(limit=3, given_up_after=MONTH))]
    seen += [tuple(store.fan_out(limit=3, given_up_after=MONTH)), store.backlog().due]
    first = claim(store, FIRST, limit=2)
    second = claim(store, SECOND)
    seen += [shown(first), shown(second), shown(claim(store, THIRD)), store.backlog().due]
    more = claim(store, FIRST, paces=open_paces(first, room=3))
    seen += [shown(more)]
    side.advance(LEASE_SECONDS + 1)
    seen += [settled(store, SECOND, second[:1], TAKEN), shown(claim(store, THIRD)), store.backlog().due]
    suspects = store.claim_suspects(token=THIRD, busy=[], limit=2, lease_seconds=LEASE_SECONDS)
    seen += [shown(suspects), shown(store.claim_suspects(token=FIRST, busy=[], limit=9, lease_seconds=LEASE_SECONDS))]
    seen += [settled(store, FIRST, first, TAKEN), settled(store, THIRD, suspects, FAILED), settled(store, THIRD, suspects, FAILED)]
    side.advance(LEASE_SECONDS + 1)
    again = claim(store, FIRST, paces=open_paces([*first, *second], room=3))
    store.release(FIRST, [Released(claimed=each) for each in again])
    store.release(SECOND, [Released(claimed=each, wait_seconds=900) for each in again])
    seen += [shown(again), store.backlog().due]
    later = claim(store, SECOND, paces=open_paces([*first, *second], room=1))
    waiting = [Released(each, 300, ErrorClass.CONFIG, "no secret") for each in later]
    store.release(SECOND, waiting)
    seen += [roughly(later), store.backlog().due]
    side.advance(100)
    seen += [roughly(claim(store, FIRST)), store.backlog().due]
    side.advance(3_000)
    side.change("disable", Random(1))
    seen += [roughly(claim(store, THIRD, paces=open_paces([*first, *second], room=9))), store.backlog().due]
    side.advance(LEASE_SECONDS + 1)
    seen += [roughly(store.claim_suspects(token=FIRST, busy=[first[0].endpoint_id[:-1] + "1"], limit=9, lease_seconds=LEASE_SECONDS))]
    return seen
