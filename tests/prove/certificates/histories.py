"""Random histories: the platform writes, two workers go on call by call in any order, calls fail, workers die, and the clock moves.

One driver for two sides: the model, and the real PostgreSQL and S3. In the end everything is left to finish, and judged.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final, Protocol

from econsent_jobs.certificate_processing import process_certificates
from econsent_jobs.certificate_processing.job import Tools
from econsent_jobs.certificate_processing.model import Key, Settings, SigningKey
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from tests.prove.certificates.case import EVENTS, KINDS
from tests.prove.certificates.keys import KEYS
from tests.prove.certificates.steps import Log
from tests.prove.harness.histories import Told
from tests.prove.harness.steps import Crew, Fate, Worker

LEASE_SECONDS: Final = 120
MOST_ROUNDS: Final = 40
MOST_ATTEMPTS, MOST_LOST_LEASES = 8, 3  # documented for an administrator: docs/runbooks/certificate_processing.md
MOVES: Final = (1, 20, 90, 130, 700, 1_900, 3_700)
SOURCES: Final = ("session", "session", "session", "again", "again", "meta", "sms", "voice", "bad")
WEAK_SPOTS: Final = ("put", "take_in_hand", "transaction")
FATES: Final = (Fate.FAIL, Fate.LOST, Fate.DIE, Fate.DIE_AFTER, Fate.MIDST, Fate.LATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateEnd:
    """How one certificate ended. ``bad``: nothing can be made of it. ``expired``: its lock date had passed too early to archive it."""

    key: Key
    source: str
    bad: bool
    expired: bool
    status: str
    error_class: str | None
    events: Sequence[str]
    audit: Sequence[str]
    kinds: Sequence[str]
    left_over: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnd:
    session_id: str
    closed: bool
    retained: bool
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """``recorded``: hash by key in storage rows. ``versions``: the versions' hashes by key, as the archive has them."""

    certificates: Sequence[CertificateEnd]
    sessions: Sequence[SessionEnd]
    recorded: Mapping[str, str]
    versions: Mapping[str, Sequence[str]]


class Side(Protocol):
    """Where a history takes place."""

    def submit(self, source: str, random: Random) -> None:
        """The platform inserts a pending certificate; ``again`` is a further submission of a session, ``bad`` a broken report."""
        ...

    def chunk(self, random: Random) -> None:
        """More of an open session's recording arrives."""
        ...

    def close(self, random: Random) -> None:
        """The platform closes a session."""
        ...

    def change(self, random: Random) -> None:
        """Somebody changes a policy or registers a template."""
        ...

    def advance(self, seconds: float) -> None:
        """The clock moves."""
        ...

    def seconds(self) -> float:
        """The clock, in seconds from any moment."""
        ...

    def tools(self, settings: Settings, *, worker: Worker | None, log: Log) -> Tools:
        """Make a worker's tools; without ``worker`` no call is stepped and none fails."""
        ...

    def waiting(self) -> int:
        """Count what is in the queue."""
        ...

    def end(self) -> End:
        """Read what came of it all."""
        ...


class History:
    """Drives one history. Everything is drawn from ``random``, so that its seed, or what shrinks it, says it all."""

    def __init__(self, side: Side, random: Random) -> None:
        self._side, self._random, self._log = side, random, Log()
        self._crew = Crew(random, weak_spots=WEAK_SPOTS, fates=FATES)
        self.told = Told()

    def run(self) -> Told:
        for _ in range(self._random.randrange(1, 4)):
            self._side.submit(self._random.choice(SOURCES), self._random)
        for _ in range(self._random.randrange(10, 120)):
            self._move()
        while self._crew.at_work:
            self._step()
        for arrive in self._log.late:
            arrive()
        self._drain()
        self.told.steps = self._crew.steps
        judge(self._side.end(), self._log, self.told)
        return self.told

    def _move(self) -> None:
        draw, random = self._random.random(), self._random
        if self._crew.at_work and draw < 0.7:
            self._step()
        elif draw < 0.80:
            self._side.advance(random.choice(MOVES))
        elif draw < 0.84:
            self._side.submit(random.choice(SOURCES), random)
        elif draw < 0.86:
            self._side.chunk(random)
        elif draw < 0.88:
            self._side.close(random)
        elif draw < 0.90:
            self._side.change(random)
        elif draw < 0.91 and self._log.late:
            self._log.late.pop(random.randrange(len(self._log.late)))()
        elif self._crew.has_room:
            self._crew.begin(self._job)

    def _job(self, worker: Worker) -> Callable[[], JobResult]:
        tools = self._side.tools(self._settings(), worker=worker, log=self._log)
        limits = Limits(batch_size=self._random.choice((1, 2, 10)), run_seconds=480)
        return lambda: process_certificates(tools=tools, limits=limits)

    def _settings(self) -> Settings:
        unit = self._random.choice(("code points", "UTF-16 units"))
        key_id = self._random.choice(sorted(KEYS))
        key = SigningKey(key_id=key_id, secret=KEYS[key_id].encode())
        return Settings(signing_key=key, lease_seconds=LEASE_SECONDS, character_unit=unit)

    def _step(self) -> None:
        worker = self._crew.step()
        if worker.is_over and worker.result is not None:
            self.told.finished[worker.lane] += worker.result.changed

    def _drain(self) -> None:
        """Leave the rest to a worker whom nothing befalls, an hour at a time."""
        tools = self._side.tools(self._settings(), worker=None, log=self._log)
        for _ in range(MOST_ROUNDS):
            if not self._side.waiting():
                return
            self._side.advance(3_700)
            process_certificates(tools=tools, limits=Limits(batch_size=10, run_seconds=480))
        self.told.wrong.append(f"{self._side.waiting()} certificates are still in the queue")


def lock_date_passed(
    *, retain_until: datetime | None, issued_at: datetime | None, finalised_at: datetime | None, kinds: Sequence[str]
) -> bool:
    """Say whether nothing could be archived: the date had passed when the certificate was sealed, or it passed between two tries.

    What was already stored when it passed is recorded all the same, so then both ends are right.
    """
    if retain_until is None or issued_at is None:
        return False
    return retain_until <= issued_at or (finalised_at is not None and retain_until <= finalised_at and not kinds)


def judge(end: End, log: Log, told: Told) -> None:
    """What must be true of every history's end."""
    for certificate in end.certificates:
        told.wrong += certificate_faults(certificate, log)
    for session in end.sessions:
        if session.units != session.retained or (session.retained and not session.closed):
            told.wrong.append(f"{session} is retained or paid for otherwise than once, or before it was closed")
    told.wrong += [f"{key} was sealed {count} times" for key, count in log.sealings.items() if count != 1]
    for key, sha256 in end.recorded.items():
        if end.versions.get(key) != [sha256] or log.sealed.get(key, sha256) != sha256:
            told.wrong.append(f"{key} is recorded as {sha256}, sealed as {log.sealed.get(key)} and stored as {end.versions.get(key)}")
    failed = {certificate.key for certificate in end.certificates if certificate.status == "failed"}
    if not failed:
        told.wrong += [f"{key} is in the archive and recorded nowhere" for key in end.versions if key not in end.recorded]


def certificate_faults(end: CertificateEnd, log: Log) -> list[str]:
    if end.left_over:
        return [f"{end} left something over"]
    if end.status == "failed":
        legitimate = {
            "data": end.bad,
            "timeout": log.dropped[end.key] >= MOST_LOST_LEASES,
            "s3_write": len(log.troubles.get(end.key, ())) >= MOST_ATTEMPTS,
        }
        followed = list(end.audit) == ["certificate.failed"] and not end.events and not end.kinds
        return [] if legitimate.get(end.error_class or "", False) and followed else [f"{end} failed without reason"]
    expected = CertificateEnd(
        key=end.key,
        source=end.source,
        bad=False,
        expired=end.expired,
        status="finalized",
        error_class=None,
        events=list(EVENTS[end.source]),
        audit=["certificate.generated"],
        kinds=[] if end.expired else list(KINDS[end.source]),
        left_over=0,
    )
    return [] if end == expected else [f"{end} instead of {expected}"]
