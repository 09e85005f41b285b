"""Retention enforcement on the stage of its proof."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any, Final

from tests.prove.harness.stage import Errand, OnServers
from tests.prove.harness.verdict import Verdict
from tests.prove.retention.case import HOME, Case, Snapshot, differences, examine, make_case, snapshot, verified
from tests.prove.retention.world import ROLE, World

HURRY: Final[Errand] = {}
SHARING: Final[Errand] = {"batch_size": 1}
POLICY: Final = (
    "UPDATE econsent.retention_settings SET object_lock_years = %s, monthly_quota = %s, changed_at = now() WHERE company_id = %s"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionStage(OnServers):
    """A ``Stage``. After the first worker the run's name, the size of its pages and the company's policy may be others."""

    role = ROLE
    world: World
    patient = ("s3",)
    hurry = HURRY
    sharing = (SHARING, SHARING)

    def make_case(self, number: int) -> Case:
        return make_case(self.world, number=number)

    def open_items(self, case: Case) -> int:
        """What differs from the end: a night has no queue that could be counted."""
        return len(differences(self.world, case).sentences)

    def snapshot(self, case: Case) -> Snapshot:
        return snapshot(self.world, case)

    def examine(self, case: Case, snapshots: Sequence[Snapshot], *, thorough: bool) -> Verdict:
        return examine(self.world, case, snapshots, thorough=thorough)

    def examine_first(self, case: Case, report: Mapping[str, Any]) -> None:
        assert (report.get("failed"), report.get("quarantined")) == (0, 1), report

    def verified(self, *, since: datetime | None = None) -> Verdict:
        return verified(self.world, since=since)

    def change(self, random: Random) -> Errand:
        """Change what must not change the end: the run's name, how much is looked at together, the quota, and a lock longer than needed."""
        if random.random() < 0.3:
            self.world.database.execute(POLICY, [random.randrange(5, 8), random.randrange(10), HOME])
        return replace(self.world.direct, run_id=f"night {random.randrange(10**6)}", batch_size=random.choice((1, 3, 100))).told()

    def work_is_due(self) -> None:
        """A night has no leases: what a dead worker had in hand is free when its session ends."""

    def forget(self) -> None:
        self.world.wipe()
