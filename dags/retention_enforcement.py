"""
# Retention enforcement

**What it does.** Once a night: retains, archives, marks what expired, deletes it a week later, version by version,
erases people who asked, closes accounts. Every deletion leaves a tombstone in a log whose root lies under lock.

**What it never does.** It deletes nothing that a hold, the law, a lock or a retention keeps, also when that came late;
and in a day no more than 1,000 objects or 5 % of a company that a second person did not approve.

**When it fails.** Each step is tried again and goes on where it ended; the others run all the same, and the run is red.

**Runbook.** docs/runbooks/retention_enforcement.md
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Param, chain

from econsent_airflow.defaults import DEFAULT_ARGS, TAGS
from econsent_airflow.operators.retention_enforcement import NAMES, Approve, Conclude, Step

with DAG(
    dag_id="retention_enforcement",
    dag_display_name="Retention enforcement",
    description="Retains, archives, expires and deletes what policies, people and the law say, and proves it",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("15 3 * * *", timezone="UTC", run_immediately=False),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=20),
    default_args=DEFAULT_ARGS | NAMES | {"trigger_rule": "all_done", "execution_timeout": timedelta(minutes=65)},
    tags=[*TAGS, "grace:300s", "alert-after:1"],
    render_template_as_native_obj=True,
    params={
        "batch_size": Param(500, type="integer", minimum=1, maximum=1_000, description="Rows looked at a time"),
        "run_seconds": Param(3_600, type="integer", minimum=5, maximum=3_600, description="A step begins nothing new after this"),
        "grace_days": Param(7, type="integer", minimum=1, maximum=30, description="How long what is marked can still be kept"),
        "repair_orphans": Param(False, type="boolean", description="Delete what no row knows, each with its tombstone"),
    },
):
    steps = [
        Step(task_id="auto_retain", task_display_name="1 Auto-retain"),
        Step(task_id="archive", task_display_name="2 Archive"),
        Step(task_id="drop_hot_copy", task_display_name="3 Drop hot copies"),
        Step(task_id="cold_tier", task_display_name="4 Cold tier"),
        Step(task_id="expire_sessions", task_display_name="5 Expire sessions"),
        Step(task_id="expire_certificates", task_display_name="6 Expire certificates"),
        Step(task_id="purge_objects", task_display_name="7 Purge objects"),
        Step(task_id="deletion_requests", task_display_name="8 Deletion requests"),
        Step(task_id="claim_tokens", task_display_name="9 Claim tokens"),
        Step(task_id="close_accounts", task_display_name="10 Close accounts"),
        Step(task_id="housekeeping", task_display_name="11 Housekeeping"),
        Step(task_id="seal_log", task_display_name="Seal the log"),
        Step(task_id="find_orphans", task_display_name="Find orphans"),
        Approve(task_id="approve", task_display_name="Approve mass deletions"),
        Step(task_id="purge_approved", task_display_name="Purge what was approved", step="purge_objects"),
        Step(task_id="seal_approved", task_display_name="Seal the log again", step="seal_log"),
    ]
    chain(*steps)
    steps >> Conclude(task_id="conclude", task_display_name="Conclude", trigger_rule="all_success", run_seconds=5)
