"""Webhook delivery on the stage of its proof."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Any

from tests.prove.harness.faults import MOST_RUNS
from tests.prove.harness.stage import Errand, OnServers
from tests.prove.harness.verdict import Verdict
from tests.prove.webhooks.case import EVENTS, KINDS, Case, Snapshot, add_secret, examine, make_case
from tests.prove.webhooks.world import PASSED, ROLE, World


@dataclass(slots=True, kw_only=True)
class WebhookStage(OnServers):
    """A ``Stage``. After the first worker the key that seals secrets may be another, and endpoints may be rotating their secrets."""

    role = ROLE
    world: World
    proxied_receivers: bool = True
    _case: Case | None = field(default=None, init=False)
    patient: tuple[str, ...] = ()
    hurry: Errand = field(default_factory=dict[str, Any])
    sharing: tuple[Errand, Errand] = ({"batch_size": 2}, {"batch_size": 2})

    def make_case(self, number: int) -> Case:
        self._case = make_case(self.world, number=number, proxied=self.proxied_receivers)
        return self._case

    def open_items(self, case: Case) -> int:
        return case.open_items(self.world)

    def snapshot(self, case: Case) -> Snapshot:
        return case.snapshot(self.world)

    def examine(self, case: Case, snapshots: Sequence[Snapshot], *, thorough: bool) -> Verdict:
        return examine(self.world, case, snapshots, thorough=thorough)

    def examine_first(self, case: Case, report: Mapping[str, Any]) -> None:
        taken = sum(1 for kind in KINDS if kind.ends == ("delivered",) for event in EVENTS if not kind.events or event in kind.events)
        assert report.get("changed") == taken, report

    def verified(self, *, since: datetime | None = None) -> Verdict:
        """What the verifier says. Events may have been moved back by as much as all runs of a case move them."""
        found = self.world.verify(since=since and since - MOST_RUNS * PASSED).findings
        return Verdict(wrong=len(found), sentences=[str(finding) for finding in found[:5]])

    def change(self, random: Random) -> Errand:
        """Change what must not change a delivery: its bytes, its id, and who signs the documented header."""
        later = self.world.direct
        if random.random() < 0.7:
            later = replace(later, key_id="key-2")
        if random.random() < 0.3:
            later = replace(later, in_flight=random.choice((8, 20)), batch_size=random.choice((1, 3, 100)))
        if random.random() < 0.3 and self._case is not None:
            endpoint = f"wh-{self._case.number}-all"
            if not self.world.rows("SELECT 1 AS n FROM econsent.webhook_secrets WHERE endpoint_id = %(e)s AND secret_no = 2", e=endpoint):
                add_secret(self.world, endpoint, number=2, secret="whsec_of_tomorrow", key_id=later.key_id, documented=False)
        return later.told()

    def work_is_due(self) -> None:
        self.world.work_is_due()

    def forget(self) -> None:
        self.world.forget()
