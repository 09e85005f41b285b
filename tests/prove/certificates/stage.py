"""Certificate processing on the stage of its proof."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any, Final

from tests.prove.certificates.case import Case, Sealing, examine, make_case, verified
from tests.prove.certificates.world import ROLE, World
from tests.prove.harness.stage import Errand, OnServers
from tests.prove.harness.verdict import Verdict

NEWER_TEMPLATES: Final = """
INSERT INTO econsent.consent_templates (company_id, template_id, version, name, body, body_sha256, status)
SELECT t.company_id, t.template_id, %(version)s, t.name, t.body, t.body_sha256, 'active'
FROM econsent.consent_templates AS t WHERE t.version = '2'
ON CONFLICT DO NOTHING
"""
HURRY: Final = {"threads": 8}
SHARING: Final = {"batch_size": 2, "threads": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateStage(OnServers):
    """A ``Stage``. After the first worker the signing key, the policy, a template or the unit of characters may be another."""

    role = ROLE
    world: World
    patient = ("s3",)
    hurry = HURRY
    sharing = (SHARING, SHARING)

    def make_case(self, number: int) -> Case:
        self.world.reset_policies()
        return make_case(self.world, number=number)

    def open_items(self, case: Case) -> int:
        return case.open_items(self.world)

    def snapshot(self, case: Case) -> Sealing:
        return case.sealing(self.world)

    def examine(self, case: Case, snapshots: Sequence[Sealing], *, thorough: bool) -> Verdict:
        return examine(self.world, case, snapshots, thorough=thorough)

    def examine_first(self, case: Case, report: Mapping[str, Any]) -> None:
        assert (report.get("changed"), report.get("quarantined")) == (len(case.good), len(case.bad)), report

    def verified(self, *, since: datetime | None = None) -> Verdict:
        return verified(self.world, since=since)

    def change(self, random: Random) -> Errand:
        """Change what must not change a sealed certificate."""
        world, later = self.world, self.world.direct
        if random.random() < 0.7:
            later = replace(later, key_id="key-2")
        if random.random() < 0.3:
            later = replace(later, unit="UTF-16 units", threads=8)
        if random.random() < 0.3:
            world.database.execute("UPDATE econsent.retention_settings SET object_lock_years = %s", [random.randrange(1, 8)])
        if random.random() < 0.3:
            world.database.execute(
                "UPDATE econsent.properties SET certificate_expiration = make_interval(months => %s)", [random.randrange(3, 60)]
            )
        if random.random() < 0.3:
            world.database.execute(NEWER_TEMPLATES, {"version": f"{random.randrange(10**9)}"})
        return later.told()

    def work_is_due(self) -> None:
        self.world.work_is_due()

    def forget(self) -> None:
        self.world.forget_queue()
