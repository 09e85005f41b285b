"""Two runs of the job over two small companies, stepped statement by statement at the socket, in every order with few changes of turn.

A schedule (first, i, j): one run goes on for i calls, then the other for j, then the first to its end, then the other. Every bug that needs
at most three changes of turn shows in one of them. A run that comes to wait for a lock lets the other one go on until it is free.
"""

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from time import monotonic
from typing import Final

from tests.prove.wallets.case import ENTRIES, use, verified
from tests.prove.wallets.stage import WalletStage
from tests.prove.wallets.world import Errand
from tests.prove.wire.http_talk import HttpTalk
from tests.prove.wire.nursery import PATIENCE_SECONDS
from tests.prove.wire.postgres_talk import PostgresTalk
from tests.prove.wire.proxy import Proxy, place_of, through
from tests.prove.wire.stepper import Stepper

LOOK_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Run ``first`` (0 or 1) goes ``before`` calls far, the other one ``between`` calls, then the first to its end."""

    first: int
    before: int
    between: int


def schedules(calls: int) -> Iterator[Schedule]:
    """Every schedule of two runs that alone take ``calls`` calls each."""
    for first in (0, 1):
        for before in range(calls + 1):
            for between in range(1, calls + 1):
                yield Schedule(first=first, before=before, between=between)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One of the two runs: its stepper, and the errand whose every call passes it."""

    stepper: Stepper
    errand: Errand


class Pair:
    """Two runs at once."""

    def __init__(self, stage: WalletStage, tracks: tuple[Track, Track]) -> None:
        self._stage, self._tracks = stage, tracks
        self._pids: list[int] = []

    def run(self, schedule: Schedule) -> list[str]:
        """Run both to their ends; return what is wrong with how they ended."""
        self._stage.world.moment.forward(timedelta(seconds=1))
        for track in self._tracks:
            track.stepper.begin()
        self._pids = [self._stage.nursery.start(track.errand.told()) for track in self._tracks]
        first, other = schedule.first, 1 - schedule.first
        for number, calls in ((first, schedule.before), (other, schedule.between), (first, None), (other, None)):
            self._go(number, calls)
            self._stage.work_is_due()  # leases run out at every change of turn, so that both have the same wallet in hand
        ended = [self._stage.nursery.wait(pid) for pid in self._pids]
        return [f"a run ended with {each}" for each in ended if each.code != 0 or each.report is None or "raised" in each.report]

    def _go(self, number: int, calls: int | None) -> None:
        """Let one run go on for ``calls`` calls, or to its end; where it waits for a lock, the other one goes on instead."""
        done, deadline = 0, monotonic() + PATIENCE_SECONDS
        while (calls is None or done < calls) and not self._has_ended(number):
            assert monotonic() < deadline, "two runs wait for each other"
            if self._tracks[number].stepper.is_waiting(seconds=LOOK_SECONDS):
                self._tracks[number].stepper.let_pass()
                done += 1
            elif self._stage.is_blocked() and self._tracks[1 - number].stepper.is_waiting(seconds=0):
                self._tracks[1 - number].stepper.let_pass()

    def _has_ended(self, number: int) -> bool:
        return not self._tracks[number].stepper.waiting and self._stage.nursery.has_ended(self._pids[number])

    @property
    def calls(self) -> int:
        """How many calls the longer of the two runs made."""
        return max(len(track.stepper.labels) for track in self._tracks)


@contextmanager
def open_pair(stage: WalletStage) -> Generator[Pair]:
    """Two ways to the servers of the stage, each with a stepper of its own."""
    direct = stage.world.direct
    with ExitStack() as opened:
        tracks: list[Track] = []
        for number in (0, 1):
            stepper = Stepper()
            ports = {
                talk.server: opened.enter_context(Proxy(talk, upstream=place_of(upstream), switchboard=stepper)).port
                for talk, upstream in ((PostgresTalk(), direct.database), (HttpTalk("provider"), direct.provider))
            }
            errand = replace(
                direct,
                run_id=f"run {number}",
                database=through(direct.database, ports["postgres"]),
                provider=f"http://127.0.0.1:{ports['provider']}",
            )
            tracks.append(Track(stepper=stepper, errand=errand))
        yield Pair(stage, (tracks[0], tracks[1]))


def prove_schedule(stage: WalletStage, pair: Pair, schedule: Schedule, *, number: int) -> list[str]:
    """Run two small companies by one schedule, and say what is wrong in the end."""
    world = stage.world
    world.rest()
    now = world.moment.forward(timedelta(hours=1))
    first, second = (f"s{number}-{letter}" for letter in "ab")
    world.company(first, auto_recharge_threshold=10, auto_recharge_amount=25, auto_recharge_enabled=True)
    world.company(second)
    for company in (first, second):
        use(world, company, "r-1", "verification", at=now - timedelta(minutes=20))
        use(world, company, "r-1", "verification", at=now - timedelta(minutes=19))
    wrong = pair.run(schedule)
    found = [(row["company_id"], row["entry_type"], row["amount"]) for row in world.rows(ENTRIES, companies=[first, second])]
    charge = Decimal("-0.0150")
    expected = [(first, "auto_recharge", Decimal(25)), (first, "usage_charge", charge), (second, "usage_charge", charge)]
    if sorted(found) != sorted(expected):
        wrong.append(f"the ledger holds {found}")
    if len(world.bank.charges(f"auto:{first}:")) != 1:
        wrong.append(f"the provider charged {world.bank.charges(f'auto:{first}:')}")
    wrong += verified(world, [first, second]).sentences
    return [f"{schedule}: {sentence}" for sentence in wrong]


def count_calls(stage: WalletStage, pair: Pair, *, number: int) -> int:
    """How many calls a run makes that does all the work. Raises AssertionError where even two runs in a row go wrong."""
    wrong = prove_schedule(stage, pair, Schedule(first=0, before=10_000, between=0), number=number)
    assert wrong == [], wrong
    return pair.calls


def chosen_schedules(calls: int, count: int) -> list[Schedule]:
    """Every schedule in which the other run goes to its end at once, then a seeded choice of the rest, ``count`` in all."""
    every = list(schedules(calls))
    whole = [each for each in every if each.between == calls]
    rest = [each for each in every if each.between != calls]
    return (whole + Random(1).sample(rest, min(len(rest), max(0, count - len(whole)))))[:count]
