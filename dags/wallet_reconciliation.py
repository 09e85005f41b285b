"""
# Wallet reconciliation

**What it does.** Posts what companies used, paid and got back to their ledgers, at the price of its time, bills
retentions above the quota, compares every balance with its entries, repairs and explains what differs, tells of low
balances, and asks the payment provider for automatic recharges. Two lanes share the companies.

**What it never does.** It changes or deletes no entry of a ledger, charges nothing twice, starts no second recharge
while one is open and no more than three a day, and never calls the payment provider while a wallet is locked.

**When it fails.** Every company is tried, and the run fails when one of them failed: its log names the company and the
cause. The next run takes it up again. Usage without a price is set aside with its reason, and the run succeeds. A
balance that was off by more than a dollar is repaired, and waits for a person's review.

**Runbook.** docs/runbooks/wallet_reconciliation.md
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Param

from econsent_airflow.defaults import DEFAULT_ARGS, TAGS
from econsent_airflow.operators.wallet_reconciliation import ReconcileWalletsOperator

with DAG(
    dag_id="wallet_reconciliation",
    dag_display_name="Wallet reconciliation",
    description="Posts usage and payments to the ledgers, and keeps every balance equal to its entries",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("7 * * * *", timezone="UTC", run_immediately=False),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=45),
    default_args=DEFAULT_ARGS,
    tags=[*TAGS, "grace:300s", "alert-after:2"],
    render_template_as_native_obj=True,
    params={
        "batch_size": Param(5_000, type="integer", minimum=100, maximum=20_000, description="Most entries posted at once"),
        "run_seconds": Param(2_400, type="integer", minimum=5, maximum=2_400, description="No new slice begins after this"),
    },
):
    ReconcileWalletsOperator.partial(
        task_id="reconcile_wallets",
        task_display_name="Reconcile wallets",
        owner=DEFAULT_ARGS["owner"],
        batch_size="{{ params.batch_size }}",
        run_seconds="{{ params.run_seconds }}",
        due_before="{{ dag_run.run_after }}",
        failed_share=0.0,
        failed_at_least=1,
        pool="wallet_reconciliation",
        execution_timeout=timedelta(minutes=42),
        map_index_template="lane {{ task.lane }}",
    ).expand(lane=[1, 2])
