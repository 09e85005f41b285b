"""How one lane shares its room between endpoints, so that none can keep another waiting.

An attempt that is not answered within a second is *stalled*: it goes on, but gives its place back, because waiting costs next to nothing.
Endpoints come in three kinds. *Proven* ones answered well lately and may take every place. *New* ones may take half of them, *failing*
ones a fifth, and both only one each until they have answered. So places are free for proven endpoints whatever the others do.
"""

from dataclasses import dataclass
from typing import Final

STALLED_AFTER_SECONDS: Final = 1.0
NEW_SHARE: Final = 0.5
FAILING_SHARE: Final = 0.2
AHEAD_SECONDS: Final = 0.5  # of work that an endpoint that answers quickly has ready, so that no answer waits for the database
MOST_AHEAD: Final = 32  # deliveries
SMOOTHING: Final = 0.2  # weight of the newest answer in the mean


@dataclass(slots=True, kw_only=True)
class Pace:
    """One endpoint in one lane. ``window``: how many attempts may be under way; it doubles with each success up to ``max_in_flight``."""

    max_in_flight: int
    proven: bool
    failing: bool
    window: int = 1
    in_flight: int = 0
    stalled: int = 0
    waiting: int = 0
    unsettled_failures: int = 0
    mean_seconds: float | None = None

    def answered(self, *, delivered: bool, seconds: float) -> None:
        """Take note of an attempt's end: a success opens the window and proves the endpoint, a failure closes it to one."""
        if not delivered:
            self.window, self.proven, self.failing = 1, False, True
            return
        before = seconds if self.mean_seconds is None else self.mean_seconds
        self.mean_seconds = before + SMOOTHING * (seconds - before)
        self.window = min(self.max_in_flight, self.window * 2)
        self.proven, self.failing = True, False

    def may_start(self) -> bool:
        """Whether one more attempt may begin now. While one is stalled, or a failure is not written down yet, no further one joins it."""
        return self.in_flight < self.window and not self.stalled and not self.unsettled_failures

    def room(self) -> int:
        """Return how many further deliveries are worth claiming: the window, and some ahead where answers come quickly."""
        if self.stalled or self.unsettled_failures:
            return 0
        return max(0, self.window + self.ahead() - self.in_flight - self.waiting)

    def ahead(self) -> int:
        if not self.proven or self.mean_seconds is None:
            return 0
        return min(MOST_AHEAD, int(self.window * AHEAD_SECONDS / max(self.mean_seconds, 0.001)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """How many endpoints of each kind may begin an attempt now."""

    proven: int
    new: int
    failing: int


def rooms(*, places: int, taken: int, taken_by_new: int, taken_by_failing: int, stalled_places: int, stalled: int) -> Rooms:
    """Divide the free places. ``taken_by_…`` are among ``taken``, and none of them is stalled.

    When the stalled places are all taken, only proven endpoints may begin.
    """
    free = max(0, places - taken)
    if stalled >= stalled_places:
        return Rooms(proven=free, new=0, failing=0)
    return Rooms(
        proven=free,
        new=min(free, max(0, int(places * NEW_SHARE) - taken_by_new)),
        failing=min(free, max(0, int(places * FAILING_SHARE) - taken_by_failing), stalled_places - stalled),
    )
