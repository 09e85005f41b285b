"""The same steps on a store, whichever it is, and what it answered; conversions by their place among those that were added."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Protocol

from econsent_jobs.core.errors import ErrorClass
from econsent_jobs.mp4_conversion.model import Claim, Key, Trouble
from econsent_jobs.mp4_conversion.store import Store

LEASE_SECONDS: Final = 120.0
TROUBLE: Final = Trouble(error_class=ErrorClass.RENDER, reason="the browser ended", final=False)


class Side(Protocol):
    kinds: Mapping[Key, str]

    def store(self) -> Store: ...

    def add_to(self, place: int, kind: str, *, priority: int = 0) -> None: ...

    def advance(self, seconds: float) -> None: ...


def observations(side: Side) -> list[Any]:
    """Go through turns of two companies, the bound on each, lost leases, beats of the overtaken, and every way of putting a claim down."""
    store = side.store()
    for place, priority in ((0, 0), (0, 0), (0, 5), (1, 0), (0, 0)):
        side.add_to(place, "closed", priority=priority)
    keys = list(side.kinds)

    def claim(most: int = 2) -> Claim | None:
        return store.claim(most_in_flight=most, lease_seconds=LEASE_SECONDS)

    def shown(claims: Sequence[Claim | None]) -> list[Any]:
        return [each and (keys.index(each.key), each.attempts, each.lost_leases) for each in claims]

    seen: list[Any] = [store.others_work(), store.backlog().due]
    first = [claim() for _ in range(4)]
    seen += [shown(first), shown([claim(3)]), store.others_work(), store.backlog().due]
    side.advance(60)
    held = [each for each in first if each is not None]
    seen += [store.beat(held[0], lease_seconds=LEASE_SECONDS, percent=50), store.backlog().due]
    side.advance(70)
    second = [claim() for _ in range(4)]
    seen += [shown(second), [store.hold(each) for each in held], store.beat(held[1], lease_seconds=9.0, percent=1)]
    store.back_off(held[1], TROUBLE, delay=timedelta(hours=9))
    store.back_off(held[0], TROUBLE, delay=timedelta(minutes=2))
    seen += [store.backlog().due, store.hold(held[0])]
    lost = [each for each in second if each is not None]
    store.give_back(lost[0])
    seen += [store.backlog().due, shown([claim()])]
    side.advance(200)
    third = [claim(9) for _ in range(6)]
    seen += [shown(third)]
    ours = [each for each in third if each is not None]
    session = store.load_session(ours[0].key)
    assert session is not None
    store.postpone(ours[0], until=session.read_at + timedelta(seconds=50))
    store.fail(ours[1], TROUBLE)
    store.give_back(ours[2])
    seen += [store.backlog().due, shown([claim(9), claim(9)])]
    side.advance(60)
    return [*seen, shown([claim(9), claim(9)]), store.backlog().due, [store.hold(each) for each in ours]]
