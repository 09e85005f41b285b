"""What a job brings to its proof: cases on the real servers, workers that may be killed, and how an end is judged.

Everything else of a proof (which call fails how, when a worker is killed, what is counted) is the same for every job.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Any, ClassVar, Final, Protocol, TypeVar

from tests.prove.harness.verdict import Verdict
from tests.prove.wire.nursery import Nursery
from tests.prove.wire.switchboard import Switchboard

Case = TypeVar("Case")
Errand = Mapping[str, Any]
"""What one worker is told: the JSON object that the nursery hands to the job's ``work``."""
BLOCKED: Final = """
SELECT count(*) AS n FROM pg_stat_activity WHERE usename = %(role)s AND wait_event_type = 'Lock' AND datname = current_database()
"""
"""How many of a role's sessions wait for somebody's lock: what ``Stage.is_blocked`` asks."""


class Stage(Protocol[Case]):
    """The real servers with one job on them. A case is a few items of its own in them."""

    @property
    def nursery(self) -> Nursery: ...

    @property
    def switchboard(self) -> Switchboard: ...

    @property
    def patient(self) -> Sequence[str]:
        """Servers whose clients can be told to try again by themselves (errand ``attempts`` 2)."""
        ...

    @property
    def hurry(self) -> Errand:
        """What an errand also says where workers are to be quick: every thread they can have."""
        ...

    @property
    def sharing(self) -> tuple[Errand, Errand]:
        """What the errands of two workers also say, who share the work of many cases."""
        ...

    def direct(self) -> Errand:
        """An errand whose worker meets no proxy."""
        ...

    def proxied(self, *, attempts: int = 1) -> Errand:
        """An errand every call of which passes the switchboard."""
        ...

    def make_case(self, number: int) -> Case:
        """Undo what an earlier case changed, and make another one."""
        ...

    def open_items(self, case: Case) -> int:
        """Count what still has to be done."""
        ...

    def snapshot(self, case: Case) -> Any:
        """What stands fixed by now: it must be what is there in the end."""
        ...

    def examine(self, case: Case, snapshots: Sequence[Any], *, thorough: bool) -> Verdict:
        """Compare the end with that of a run without faults; ``thorough`` lets the verifier look too."""
        ...

    def examine_first(self, case: Case, report: Mapping[str, Any]) -> None:
        """Look at what one run without faults reported. Raises AssertionError when it did not do all of the case."""
        ...

    def verified(self, *, since: datetime | None = None) -> Verdict:
        """What the verifier finds, with its own code, in what came since, or in all."""
        ...

    def change(self, random: Random) -> Errand:
        """Change what must not matter any more, and return the errand of the workers to come."""
        ...

    def work_is_due(self) -> None:
        """Leases have run out and waits are over, without anybody waiting for it."""
        ...

    def is_blocked(self) -> bool:
        """Whether a worker waits for a lock."""
        ...

    def forget(self) -> None:
        """Take what a failed case left out of the next one's way."""
        ...


class OnServers:
    """What every job's stage has from its world: workers, the switchboard, errands, and who waits for a lock.

    ``role``: the job's own. ``world`` has ``nursery``, ``switchboard``, ``one``, and the errands ``direct`` and ``proxied``.
    """

    __slots__ = ()
    world: Any
    role: ClassVar[str]

    @property
    def nursery(self) -> Nursery:
        return self.world.nursery

    @property
    def switchboard(self) -> Switchboard:
        return self.world.switchboard

    def direct(self) -> Errand:
        return self.world.direct.told()

    def proxied(self, *, attempts: int = 1) -> Errand:
        """Told how often a client tries by itself, where its errands speak of that."""
        errand: Errand = self.world.proxied.told()
        return {**errand, "attempts": attempts} if "attempts" in errand else errand

    def is_blocked(self) -> bool:
        return self.world.one(BLOCKED, role=self.role)["n"] > 0
