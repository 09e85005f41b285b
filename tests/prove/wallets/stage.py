"""Wallet reconciliation on the stage of its proof."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from tests.prove.harness.stage import Errand, OnServers
from tests.prove.harness.verdict import Verdict
from tests.prove.wallets.case import Case, entries_of, examine, make_case, open_items, verified
from tests.prove.wallets.world import ROLE, World

PAST_EVERY_LEASE: Final = timedelta(minutes=10)
HURRY: Final[Errand] = {}
SHARING: Final[Errand] = {"batch_size": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletStage(OnServers):
    """A ``Stage``. After the first worker the run's name, the size of its slices and future prices may be others."""

    role = ROLE
    world: World
    patient = ()
    hurry = HURRY
    sharing = (SHARING, SHARING)

    def make_case(self, number: int) -> Case:
        return make_case(self.world, number=number)

    def open_items(self, case: Case) -> int:
        return open_items(self.world, case)

    def snapshot(self, case: Case) -> Mapping[int, str]:
        return {row["ledger_id"]: row["entry_hash"] for row in entries_of(self.world, case)}

    def examine(self, case: Case, snapshots: Sequence[Mapping[int, str]], *, thorough: bool) -> Verdict:
        return examine(self.world, case, snapshots, thorough=thorough)

    def examine_first(self, case: Case, report: Mapping[str, Any]) -> None:
        assert (report.get("changed"), report.get("quarantined"), report.get("failed")) == (2, 1, 0), report

    def verified(self, *, since: datetime | None = None) -> Verdict:
        return verified(self.world)

    def change(self, random: Random) -> Errand:
        """Change what must not change an entry: a price that begins later, the run's name, how much is posted at once."""
        if random.random() < 0.3:
            self.world.database.execute(
                "UPDATE econsent.price_book SET effective_to = %(at)s WHERE sku = 'email_validation' AND effective_to IS NULL",
                {"at": self.world.moment.at + timedelta(days=1)},
            )
            self.world.database.execute(
                "INSERT INTO econsent.price_book (sku, unit_price, effective_from)"
                " SELECT 'email_validation', 9.9999, max(effective_to) FROM econsent.price_book WHERE sku = 'email_validation'"
                " ON CONFLICT DO NOTHING"
            )
        later = replace(self.world.direct, run_id=f"run {random.randrange(10**6)}", batch_size=random.choice((1, 2, 100)))
        return later.told()

    def work_is_due(self) -> None:
        self.world.moment.forward(PAST_EVERY_LEASE)

    def forget(self) -> None:
        self.world.rest(all_of_them=True)
        self.world.database.execute("UPDATE econsent.payments SET status = 'failed' WHERE status = 'pending'")
