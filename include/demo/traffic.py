"""Adds visits while the system runs: a session begins, its form is submitted, and some seconds later it is closed.

1. Begin as many visits as are due at the wanted rate: recording so far, open session, pending certificate.
2. Complete the recordings of those that have been open for long enough, and close their sessions.
3. Say every two seconds how far it is; wait for whatever comes next.
4. At the end, or at Ctrl-C, close what is still open and sum up.

``generate`` is for benchmarks: closed visits with short recordings, in large batches.
"""

import argparse
import os
import secrets
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import FrameType
from typing import Final

from demo.bad import DEMO_KINDS, spoil
from demo.environment import NotReady, connect, find_target
from demo.insert import PACKAGE, insert_tenant, insert_visits
from demo.load import known_references
from demo.staging import write_file
from demo.tenants import TENANTS, Tenant, tenant
from demo.visits import Visit, make_visit
from econsent_jobs.core.errors import EconsentError
from econsent_jobs.core.statements import statement
from econsent_jobs.io.database import Connection, database_errors

REPORT_SECONDS: Final = 2.0
LARGEST_BATCH: Final = 200
MOST_SESSIONS: Final = 1_000_000
FASTEST_RATE: Final = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is wanted. ``rate`` is sessions a second, ``bad_share`` between 0 and 1; companies take turns.

    A session stays open for ``open_seconds`` after its submission.
    """

    sessions: int
    rate: float
    seed: int
    bad_share: float
    owners: tuple[Tenant, ...]
    open_seconds: float = 3.0

    @property
    def label(self) -> str:
        """What all ids of this order have in common."""
        return f"t{self.seed}-"


@dataclass(slots=True)
class Tally:
    """What has happened so far."""

    begun: int = 0
    closed: int = 0
    certificates: int = 0
    bad: int = 0

    def __str__(self) -> str:
        return f"{self.begun} sessions begun ({self.bad} bad on purpose), {self.closed} closed, {self.certificates} certificates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A visit that still has to be closed, as it will look then. ``due`` is a moment of the monotonic clock, in seconds."""

    due: float
    visit: Visit


class Traffic:
    """One order being carried out. The connection must be in autocommit mode."""

    def __init__(self, database: Connection, efs_base: Path, order: Order) -> None:
        self._database = database
        self._efs_base = efs_base
        self._order = order
        self._open: deque[Open] = deque()
        self.tally = Tally()

    def run(self, stop: threading.Event) -> Iterator[Tally]:
        """Carry the order out, yielding the tally every two seconds. Once ``stop`` is set, only close what is open."""
        started = time.monotonic()
        reported = started
        while self._open or (self._left() and not stop.is_set()):
            if not stop.is_set():
                due = int((time.monotonic() - started) * self._order.rate) + 1 - self.tally.begun
                self._begin(min(due, self._left(), LARGEST_BATCH))
            self._close(everything=stop.is_set())
            now = time.monotonic()
            if now - reported >= REPORT_SECONDS:
                reported = now
                yield self.tally
            next_report = reported + REPORT_SECONDS
            stop.wait(max(0.0, min(next_report, self._next_due(started)) - now))

    def _next_due(self, started: float) -> float:
        """Return when the next visit begins or is closed, on the monotonic clock in seconds; 0 when all is done."""
        begins = [started + self.tally.begun / self._order.rate] if self._left() else []
        closes = [self._open[0].due] if self._open else []
        return min(begins + closes, default=0.0)

    def _left(self) -> int:
        return self._order.sessions - self.tally.begun

    def _begin(self, count: int) -> None:
        """Begin the next visits, all in one transaction."""
        if count <= 0:
            return
        now = datetime.now(UTC)
        ended_at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        numbers = range(self.tally.begun + 1, self.tally.begun + 1 + count)
        with database_errors(), self._database.transaction():
            self.tally.certificates += len(insert_visits(self._database, [self._visit(n, ended_at, closed=False) for n in numbers]))
        due = time.monotonic() + self._order.open_seconds
        self._open.extend(Open(due=due, visit=self._visit(n, ended_at, closed=True)) for n in numbers)
        self.tally.begun += count
        self.tally.bad += sum(self._is_bad(n) for n in numbers)

    def _close(self, *, everything: bool) -> None:
        """Close what is due. Each session is closed on its own, after its recording is complete."""
        now = time.monotonic()
        while self._open and (everything or self._open[0].due <= now):
            visit = self._open[0].visit
            if visit.recording is not None:
                write_file(visit.recording)
            with database_errors():
                self._database.execute(statement(PACKAGE, "close_session"), asdict(visit.session))
            self._open.popleft()
            self.tally.closed += 1

    def _visit(self, number: int, ended_at: datetime, *, closed: bool) -> Visit:
        owner = self._order.owners[number % len(self._order.owners)]
        visit = make_visit(
            owner,
            efs_base=self._efs_base,
            seed=self._order.seed,
            number=number,
            ended_at=ended_at,
            label=self._order.label,
            closed=closed,
            submissions=1,
        )
        return spoil(visit, DEMO_KINDS[number % len(DEMO_KINDS)]) if self._is_bad(number) else visit

    def _is_bad(self, number: int) -> bool:
        return Random(f"{self._order.seed}/bad/{number}").random() < self._order.bad_share


def generate(
    database: Connection,
    efs_base: Path,
    *,
    sessions: int,
    seed: int,
    now: datetime,
    owners: Sequence[Tenant] = TENANTS,
    batch_size: int = LARGEST_BATCH,
    durable: bool = False,
) -> int:
    """Insert closed visits with one pending certificate each, as quickly as can be, and return how many certificates that made.

    Recordings are of the shortest kind (25 kB), and their writing to the disk is not waited for unless ``durable``. The visits
    ended within the hour before ``now`` (aware). The same seed a second time adds nothing, but writes the files again. Raises
    TransientError and PermanentError as ``database_errors`` does, and OSError.
    """
    with database_errors():
        for owner in owners:
            insert_tenant(database, owner)
    made = 0
    for first in range(1, sessions + 1, batch_size):
        visits = [
            make_visit(
                owners[number % len(owners)],
                efs_base=efs_base,
                seed=seed,
                number=number,
                ended_at=now - timedelta(seconds=number % 3600),
                label=f"g{seed}-",
                source="form10",
                submissions=1,
            )
            for number in range(first, min(first + batch_size, sessions + 1))
        ]
        with database_errors(), database.transaction():
            made += len(insert_visits(database, visits, durable=durable))
    return made


@contextmanager
def stopped_by_signals() -> Generator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set, instead of ending the process in the middle of a visit."""
    stop = threading.Event()

    def heed(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    former = {number: signal.signal(number, heed) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def carry_out(database: Connection, efs_base: Path, order: Order) -> None:
    """Carry an order out and tell how it goes. Raises NotReady for a seed that was used before."""
    for owner in order.owners:
        insert_tenant(database, owner)
        if any(order.label in reference for reference in known_references(database, owner)):
            raise NotReady(f"Seed {order.seed} was used before and would make the same visits: take another --seed, or leave it out.")
    traffic = Traffic(database, efs_base, order)
    print(f"Adding {order.sessions} sessions, {order.rate:g} a second, seed {order.seed}; Ctrl-C stops.", flush=True)
    started = time.monotonic()
    with stopped_by_signals() as stop:
        for tally in traffic.run(stop):
            print(f"  {time.monotonic() - started:.0f} s: {tally}", flush=True)
        ended = "Stopped" if stop.is_set() else "Done"
    seconds = time.monotonic() - started
    print(f"{ended} after {seconds:.1f} s: {traffic.tally}. Certificates are finalised within minutes.", flush=True)


def read_order(argv: Sequence[str]) -> Order:
    """Understand the command line; exits with a sentence where that is not possible."""
    parser = argparse.ArgumentParser(prog="./econsent traffic", description="Add visits with pending certificates while the system runs.")
    parser.add_argument("--sessions", type=int, default=100, metavar="N", help="how many visits (default: 100)")
    parser.add_argument("--rate", type=float, default=2.0, metavar="R", help="visits a second (default: 2)")
    parser.add_argument("--seed", type=int, metavar="S", help="the same number makes the same visitors (default: a new one)")
    parser.add_argument("--bad", type=float, default=0.05, metavar="SHARE", help="share of visits that go wrong, 0 to 1 (default: 0.05)")
    parser.add_argument("--company", choices=[owner.company_id for owner in TENANTS], help="only for this company (default: all)")
    options = parser.parse_args(argv)
    if not 1 <= options.sessions <= MOST_SESSIONS:
        parser.error(f"--sessions must lie between 1 and {MOST_SESSIONS:,}")
    if not 0 < options.rate <= FASTEST_RATE:
        parser.error(f"--rate must be above 0 and at most {FASTEST_RATE:,.0f}")
    if not 0 <= options.bad <= 1:
        parser.error("--bad must lie between 0 and 1")
    return Order(
        sessions=options.sessions,
        rate=options.rate,
        seed=secrets.randbelow(1_000_000) if options.seed is None else options.seed,
        bad_share=options.bad,
        owners=(tenant(options.company),) if options.company else TENANTS,
    )


def main(argv: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run the command. ``environment`` is where the stack tells its addresses."""
    order = read_order(argv)
    try:
        target = find_target(environment)
        with connect(target) as database:
            carry_out(database, target.efs_base, order)
    except NotReady as error:
        print(error, file=sys.stderr)
        return 1
    except EconsentError as error:
        print(error.reason, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The recordings cannot be written ({error}): make room or mend the folder, then run it again.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
