"""Composition root of wallet reconciliation."""

from datetime import datetime
from typing import Any

from econsent_airflow.connections import open_database, payment_provider
from econsent_airflow.job_operator import JobOperator
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.wallet_reconciliation import reconcile_wallets
from econsent_jobs.wallet_reconciliation.model import Settings
from econsent_jobs.wallet_reconciliation.tools import real_tools


class ReconcileWalletsOperator(JobOperator):
    """Give every wallet its turn, or begin no new slice after ``run_seconds``.

    ``lane`` only tells the mapped tasks apart: lanes share the wallets through their leases. A wallet that had its turn since
    ``due_before``, the run's own moment, is left out, so a second try goes on where the first one ended. All but ``lane`` are templated.
    """

    sends_mail = True
    template_fields = (*JobOperator.template_fields, "batch_size", "due_before", "run_id")

    def __init__(self, *, lane: int, batch_size: int | str, due_before: datetime | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lane = lane
        self.batch_size = batch_size
        self.due_before = due_before
        self.run_id = "{{ run_id }}"

    def run_job(self) -> JobResult:
        moment = datetime.fromisoformat(str(self.due_before))
        settings = Settings(run_id=str(self.run_id), due_before=moment)
        with open_database("wallet_reconciliation") as database:
            tools = real_tools(database=database, provider=payment_provider(), settings=settings)
            limits = Limits(batch_size=int(self.batch_size), run_seconds=float(self.run_seconds))
            return reconcile_wallets(tools=tools, limits=limits)
