"""
# Reindex

**What it does.** Builds the next search index beside the live one, while changes flow to both, proves that it equals
PostgreSQL, and lets all readers change over in one moment. For a changed mapping, or other numbers of shards.

**What it never does.** It lets nobody search a half-built index, and stops no change from reaching the live one. The
old index stays current until the next reindex, so that going back would un-revoke nothing.

**When it fails.** Readers keep the old index. Run it again: it goes on where it was stopped, page by page. Its log says
how far it is.

**Runbook.** docs/runbooks/elasticsearch_sync.md
"""

from datetime import timedelta

from airflow.sdk import DAG, Param

from econsent_airflow.defaults import DEFAULT_ARGS, ON_DEMAND_TAGS
from econsent_airflow.operators.elasticsearch_sync import ReindexOperator

with DAG(
    dag_id="elasticsearch_sync__reindex",
    dag_display_name="Reindex",
    description="On demand: builds the next search index without an interruption, and proves it before anybody searches it",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=26),
    default_args=DEFAULT_ARGS,
    tags=[*ON_DEMAND_TAGS, "grace:60s", "alert-after:1"],
    render_template_as_native_obj=True,
    params={
        "page_size": Param(2_000, type="integer", minimum=1, maximum=5_000, description="Certificates read at a time"),
        "run_seconds": Param(21_600, type="integer", minimum=60, maximum=28_000, description="A try ends here; the next goes on"),
    },
):
    ReindexOperator(
        task_id="reindex",
        task_display_name="Build, prove and change over",
        owner=DEFAULT_ARGS["owner"],
        batch_size="{{ params.page_size }}",
        run_seconds="{{ params.run_seconds }}",
        alias="{{ var.value.econsent_search_alias }}",
        shards="{{ var.value.econsent_search_shards }}",
        replicas="{{ var.value.econsent_search_replicas }}",
        pool="elasticsearch_sync_reindex",
        execution_timeout=timedelta(hours=8),
    )
