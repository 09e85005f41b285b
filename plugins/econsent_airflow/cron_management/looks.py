"""The newest look at everything, shared by all who watch: the databases are asked once a second at most, however many pages are open.

1. For every open page somebody looks again each second or two. Within a second, all get the same look.
2. Then one cheap statement tells whether anything changed. If not, what was read is kept and judged anew: time alone makes a run late.
3. If something changed, and every few seconds anyway, everything is read again.
4. What is made of a look for one reader (documents, charts) is made once for all who may see the same.
"""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from econsent_airflow.cron_management.facts import Job, Known, read_known, read_marker, utc_now

FRESH_SECONDS: Final = 0.8
WHOLE_SECONDS: Final = 12.0

Made = TypeVar("Made")


class Kept:
    """What was made for one who asked, for all others who ask for the same. Two at the same moment may both make it."""

    def __init__(self) -> None:
        self._made: dict[Hashable, Any] = {}

    def once(self, of: Hashable, make: Callable[[], Made]) -> Made:
        """Return what ``make`` makes, made at the first call for ``of``."""
        if of not in self._made:
            self._made[of] = make()
        return self._made[of]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was known ``at`` a moment. ``judged`` keeps what holds for this moment, ``read`` what holds until everything is read again."""

    known: Known
    at: datetime
    judged: Kept = field(default_factory=Kept)
    read: Kept = field(default_factory=Kept)


class Looks:
    """Keeps the newest look. Its lock makes one thread read while the others wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._look: Look | None = None
        self._looked = 0.0
        self._read = 0.0

    def newest(self) -> Look:
        """Return a look that is at most a second old."""
        with self._lock:
            now = time.monotonic()
            if self._look is None or now - self._looked >= FRESH_SECONDS:
                self._look = self._look_again(now)
                self._looked = now
            return self._look

    def forget(self) -> None:
        """After an action: the next one who asks sees what it did."""
        with self._lock:
            self._look = None

    def _look_again(self, now: float) -> Look:
        at = utc_now()
        if self._look is not None and now - self._read < WHOLE_SECONDS:
            marker, beats = read_marker()
            if marker == self._look.known.marker:
                platform = replace(self._look.known.platform, beats={**self._look.known.platform.beats, **beats})
                return Look(known=replace(self._look.known, platform=platform), at=at, read=self._look.read)
        self._read = now
        return Look(known=steady(read_known(at), self._look), at=at)


STEADY: Final = timedelta(seconds=3)


def steady(known: Known, before: Look | None) -> Known:
    """Keep the moments that ages are told from where they moved by a hair only, so that an idle page stays unchanged."""
    if before is None:
        return known
    earlier = {job.dag_id: job for job in before.known.jobs}
    return replace(known, jobs=tuple(steady_job(job, earlier.get(job.dag_id)) for job in known.jobs))


def steady_job(job: Job, before: Job | None) -> Job:
    if before is None:
        return job
    return replace(
        job,
        waiting_since=steady_moment(job.waiting_since, before.waiting_since),
        figure_since=steady_moment(job.figure_since, before.figure_since),
    )


def steady_moment(at: datetime | None, before: datetime | None) -> datetime | None:
    return before if at is not None and before is not None and abs(at - before) < STEADY else at
