"""The search sync on the stage of its proof."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any, Final

from tests.prove.harness.stage import Errand, OnServers
from tests.prove.harness.verdict import Verdict
from tests.prove.search.case import AWAY, Case, Snapshot, examine, make_case, verified
from tests.prove.search.world import ROLE, World

HURRY: Final[Errand] = {}
SHARING: Final[Errand] = {"batch_size": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchStage(OnServers):
    """A ``Stage``. After the first worker rows may have changed again, and batches may be smaller."""

    role = ROLE
    world: World
    patient = ()
    hurry = HURRY
    sharing = (SHARING, SHARING)

    def make_case(self, number: int) -> Case:
        return make_case(self.world, number=number)

    def open_items(self, case: Case) -> int:
        return case.open_items(self.world)

    def snapshot(self, case: Case) -> Snapshot:
        return case.snapshot(self.world)

    def examine(self, case: Case, snapshots: Sequence[Snapshot], *, thorough: bool) -> Verdict:
        return examine(self.world, case, snapshots)

    def examine_first(self, case: Case, report: Mapping[str, Any]) -> None:
        assert (report.get("changed"), report.get("failed")) == (case.changed, 0), report

    def verified(self, *, since: datetime | None = None) -> Verdict:
        return verified(self.world)

    def change(self, random: Random) -> Errand:
        """Change what must not hinder: how much is claimed at once, and rows whose documents are on their way."""
        later = replace(self.world.direct, batch_size=random.choice((1, 3, 100)))
        if random.random() < 0.5:
            self.world.database.execute(
                "UPDATE econsent.certificates SET consumer_name = 'Changed meanwhile' WHERE company_id = %s AND certificate_pk ="
                " (SELECT max(certificate_pk) FROM econsent.certificates WHERE company_id = %s)",
                [AWAY, AWAY],
            )
        return later.told()

    def work_is_due(self) -> None:
        self.world.work_is_due()

    def forget(self) -> None:
        self.world.begin(f"{self.world.direct.alias}x")
