"""Random histories: the platform writes, two workers sync or reindex call by call in any order, calls fail, workers die, time moves, and
the index is tampered with.

One driver for two sides: the model, and the real PostgreSQL and Elasticsearch. Whenever no worker is under way, what left the outbox must
be in every index; in the end everything is left to finish, and every index must equal a fresh projection.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, Protocol

from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.elasticsearch_sync import sync_search
from econsent_jobs.elasticsearch_sync.model import Key
from econsent_jobs.elasticsearch_sync.reindex import reindex
from econsent_jobs.elasticsearch_sync.tools import Tools
from tests.prove.harness.histories import Told
from tests.prove.harness.steps import Crew, Fate, Worker

COMPANIES: Final = ("case-a", "case-b")
LEASE_SECONDS: Final = 120.0
MOST_ROUNDS: Final = 12
MOVES: Final = (1, 31, 130, 700, 4_000)
A_DAY: Final = 90_000.0
PAST_EVERY_WAIT: Final = 4_000.0
FATES: Final = tuple(Fate)[1:]
WEAK_SPOTS: Final = ("send", "transaction", "claim", "look", "remove", "bury")
WRITES: Final = ("insert", "insert", "insert", "pending", "bad", "name", "name", "revoke", "expire", "delete", "remove", "heal", "session")
TAMPERINGS: Final = ("missing", "content", "newer", "phantom", "misrouted", "unsaid", "index", "aliases")


class Side(Protocol):
    """Where a history takes place."""

    def write(self, what: str, random: Random) -> None:
        """The platform writes a row, or changes one of its own choice."""
        ...

    def tamper(self, what: str, random: Random) -> None:
        """Somebody changes an index, or takes a row out of the outbox, behind the job's back."""
        ...

    def forget(self) -> None:
        """Elasticsearch forgets the versions of what was removed."""
        ...

    def advance(self, seconds: float) -> None: ...

    def tools(self, worker: Worker | None, late: list[Callable[[], None]]) -> Tools:
        """Make a worker's tools; without ``worker`` no call is stepped and none fails."""
        ...

    def waiting(self) -> Mapping[Key, str]:
        """The outbox: which documents wait, and in which state."""
        ...

    def unfinished(self) -> set[str]:
        """The states of indices that are still being built, or filled anew."""
        ...

    def differences(self) -> Sequence[str]:
        """Compare every index that has to be full with a fresh projection of the rows: what differs, but of rows that wait."""
        ...

    def dead(self) -> Sequence[str]:
        """What was set aside although it is not one of the documents that the index refuses."""
        ...


class History:
    """Drives one history. Everything is drawn from ``random``, so that its seed, or what shrinks it, says it all."""

    def __init__(self, side: Side, random: Random) -> None:
        self._side, self._random = side, random
        self._crew = Crew(random, weak_spots=WEAK_SPOTS, fates=FATES)
        self._late: list[Callable[[], None]] = []
        self._tampered = False
        self.told = Told()

    def run(self) -> Told:
        for _ in range(self._random.randrange(1, 6)):
            self._side.write("insert", self._random)
        for _ in range(self._random.randrange(10, 160)):
            self._move()
        while self._crew.at_work:
            self._step()
        for arrive in self._late:
            arrive()
        self._judge("before the end")
        self._drain()
        self.told.steps = self._crew.steps
        return self.told

    def _move(self) -> None:
        draw, random = self._random.random(), self._random
        if self._crew.at_work and draw < 0.78:
            self._step()
        elif draw < 0.86:
            self._side.write(random.choice(WRITES), random)
        elif draw < 0.90:
            self._advance()
        elif draw < 0.91:
            self._side.forget()
        elif draw < 0.925:
            self._tampered = True
            self._side.tamper(random.choice(TAMPERINGS), random)
        elif draw < 0.935 and self._late:
            self._late.pop(random.randrange(len(self._late)))()
        elif self._crew.has_room:
            limits = Limits(batch_size=random.choice((1, 2, 10)), run_seconds=480)
            job = reindex if random.random() < 0.2 else sync_search
            self._crew.begin(lambda worker: self._job(job, worker, limits))

    def _job(self, job: Callable[..., JobResult], worker: Worker, limits: Limits) -> Callable[[], JobResult]:
        tools = self._side.tools(worker, self._late)
        return lambda: job(tools=tools, limits=limits)

    def _advance(self) -> None:
        """No request is under way for a day: a tombstone is kept for as long, so that none of them could bring back what it hides."""
        far = self._random.random() < 0.1 and not self._crew.at_work and not self._late
        self._side.advance(A_DAY if far else self._random.choice(MOVES))

    def _step(self) -> None:
        worker = self._crew.step()
        if worker.is_over and worker.result is not None:
            self.told.finished[worker.lane] += worker.result.changed
        if not self._crew.at_work:
            self._judge("in between")

    def _judge(self, when: str) -> None:
        """What left the outbox is in every index, unless somebody tampered with it: then only the end counts."""
        if not self._tampered and self._side.unfinished() <= {"building"}:
            self.told.wrong += [f"{when}: {sentence}" for sentence in self._side.differences()]

    def _drain(self) -> None:
        """Leave the rest to workers whom nothing befalls."""
        tools = self._side.tools(None, self._late)
        limits = Limits(batch_size=10, run_seconds=480)
        if "building" in self._side.unfinished():
            reindex(tools=tools, limits=limits)
        for _ in range(MOST_ROUNDS):
            self._side.advance(PAST_EVERY_WAIT)
            self._side.forget()
            sync_search(tools=tools, limits=limits)
            if "due" not in self._side.waiting().values() and not self._side.differences():
                break
        self.told.wrong += [f"in the end: the index that is {state} is not full" for state in self._side.unfinished()]
        self.told.wrong += [f"in the end: {sentence}" for sentence in self._side.differences()]
        self.told.wrong += [f"in the end: {key.document_id} still waits" for key, state in self._side.waiting().items() if state == "due"]
        self.told.wrong += [f"in the end: {sentence}" for sentence in self._side.dead()]
        again = sync_search(tools=tools, limits=limits)
        if again.changed:
            self.told.wrong.append(f"a run that finds nothing to do rewrote {again.changed} documents")
