"""
# Elasticsearch sync

**What it does.** Brings every change of a certificate into the search index, revocations first, and proves a part of
the index in each run, so that the whole of it is proven every day. What it finds wrong it writes over.

**What it never does.** It changes nothing of a certificate's content, lets no older version overwrite a newer one, and
lets no deleted certificate come back. It takes no company's documents for another's.

**When it fails.** The next run continues; nothing that has to reach the index is lost. A document that Elasticsearch
refuses is tried five times and then set aside with its reason, and the run succeeds. The run fails when Elasticsearch
or PostgreSQL cannot be reached, or when more than half of what it tried, and at least five, was not taken.

**Runbook.** docs/runbooks/elasticsearch_sync.md
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Param

from econsent_airflow.defaults import DEFAULT_ARGS, TAGS
from econsent_airflow.operators.elasticsearch_sync import SyncSearchOperator

with DAG(
    dag_id="elasticsearch_sync",
    dag_display_name="Elasticsearch sync",
    description="Keeps the search index equal to PostgreSQL, and proves it",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("*/2 * * * *", timezone="UTC", run_immediately=False),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=10),
    default_args=DEFAULT_ARGS,
    tags=[*TAGS, "grace:60s", "alert-after:3"],
    render_template_as_native_obj=True,
    params={
        "batch_size": Param(1_000, type="integer", minimum=1, maximum=2_000, description="Documents leased at a time"),
        "run_seconds": Param(480, type="integer", minimum=5, maximum=480, description="No new batch begins after this"),
    },
):
    SyncSearchOperator(
        task_id="sync_search",
        task_display_name="Sync the search index",
        owner=DEFAULT_ARGS["owner"],
        batch_size="{{ params.batch_size }}",
        run_seconds="{{ params.run_seconds }}",
        alias="{{ var.value.econsent_search_alias }}",
        shards="{{ var.value.econsent_search_shards }}",
        replicas="{{ var.value.econsent_search_replicas }}",
        failed_share=0.5,
        pool="elasticsearch_sync",
        execution_timeout=timedelta(minutes=9),
    )
