"""Review endpoints: what only time brings about.

1. Deliveries of endpoints that are deleted are cancelled; of those disabled for 30 days they become dead letters.
2. A rotation whose window is over ends: the new secret signs the documented header from then on, as it has done since the minute it ended.
3. Bodies go 30 days after nothing is left to be done with them, because they hold personal data.

Each step is bounded and may be repeated at any time.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from econsent_jobs.core.clock import Clock
from econsent_jobs.core.errors import ErrorClass
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult

log = logging.getLogger(__name__)

GIVEN_UP_AFTER: Final = timedelta(days=30)
BODY_KEPT_FOR: Final = timedelta(days=30)


class ReviewStore(Protocol):
    def cancel_deliveries(self, *, limit: int) -> int:
        """Cancel deliveries of deleted endpoints."""
        ...

    def give_up_deliveries(self, *, limit: int, given_up_after: timedelta) -> int:
        """Make dead letters of deliveries whose endpoint has been disabled for so long."""
        ...

    def end_rotations(self, *, limit: int) -> int:
        """Let the new secret sign the documented header where the old one has ended."""
        ...

    def drop_bodies(self, *, limit: int, kept_for: timedelta) -> int:
        """Drop the bodies of events that were done with so long ago."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """``run`` changes at most so many rows, and says how many it changed. ``what`` it does to them, for the log."""

    what: str
    run: Callable[[ReviewStore, int], int]
    quarantines: bool = False

    def result(self, changed: int) -> JobResult:
        if self.quarantines:
            return JobResult(examined=changed, quarantined=changed, causes={ErrorClass.HTTP_DELIVERY: changed})
        return JobResult(examined=changed, changed=changed)


STEPS: Final = (
    Step(what="deliveries of deleted endpoints were cancelled", run=lambda store, limit: store.cancel_deliveries(limit=limit)),
    Step(
        what="deliveries became dead letters, their endpoints having been disabled for 30 days",
        run=lambda store, limit: store.give_up_deliveries(limit=limit, given_up_after=GIVEN_UP_AFTER),
        quarantines=True,
    ),
    Step(what="rotations of secrets ended", run=lambda store, limit: store.end_rotations(limit=limit)),
    Step(what="bodies were dropped", run=lambda store, limit: store.drop_bodies(limit=limit, kept_for=BODY_KEPT_FOR)),
)


def review_endpoints(*, store: ReviewStore, clock: Clock, limits: Limits) -> JobResult:
    """Run the review once. Raises TransientError or PermanentError when it cannot go on."""
    deadline = clock.monotonic() + limits.run_seconds
    result = JobResult()
    for step in STEPS:
        changed = limits.batch_size
        while changed == limits.batch_size and clock.monotonic() < deadline:
            changed = step.run(store, limits.batch_size)
            if changed:
                log.info("%d %s", changed, step.what)
                result += step.result(changed)
    return result
