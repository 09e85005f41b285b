"""MP4 conversion on the stage of its proof."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any, Final

from tests.prove.harness.stage import Errand, OnServers
from tests.prove.harness.verdict import Verdict
from tests.prove.videos.case import Case, Sealing, examine, make_case, verified
from tests.prove.videos.world import ROLE, World

HURRY: Final[Errand] = {}
SHARING: Final[Errand] = {"batch_size": 12}
POLICY: Final = "UPDATE econsent.properties SET session_expiration = make_interval(days => %s) WHERE company_id = ANY(%s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoStage(OnServers):
    """A ``Stage``. After the first worker the companies' policies may be others, and how many videos a lane makes."""

    role = ROLE
    world: World
    patient = ("s3",)
    hurry = HURRY
    sharing = (SHARING, SHARING)

    def make_case(self, number: int) -> Case:
        return make_case(self.world, number=number)

    def open_items(self, case: Case) -> int:
        return case.open_items(self.world)

    def snapshot(self, case: Case) -> Sealing:
        return case.sealing(self.world)

    def examine(self, case: Case, snapshots: Sequence[Sealing], *, thorough: bool) -> Verdict:
        return examine(self.world, case, snapshots, thorough=thorough)

    def examine_first(self, case: Case, report: Mapping[str, Any]) -> None:
        assert (report.get("changed"), report.get("quarantined"), report.get("failed")) == (2, 1, 0), report

    def verified(self, *, since: datetime | None = None) -> Verdict:
        return verified(self.world, since=since)

    def change(self, random: Random) -> Errand:
        """Change what must not matter to what was sealed: how long recordings are kept, and what a lane may take."""
        if random.random() < 0.5:
            self.world.database.execute(POLICY, [random.randrange(30, 366), list(self.world.pairs[-1])])
        return replace(self.world.direct, batch_size=random.choice((2, 100)), most_in_flight=random.choice((1, 5))).told()

    def work_is_due(self) -> None:
        self.world.work_is_due()

    def forget(self) -> None:
        self.world.forget()
