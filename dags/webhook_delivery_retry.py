"""
# Webhook delivery retry

**What it does.** Makes one delivery of each event for each endpoint that subscribed to it, sends it signed, and sends it
again when it failed: after 1, 2, 4 … 512, then 720 minutes, 15 times. Fresh events start a run at once.

**What it never does.** It sends to no address inside a network, follows no redirect, lets no endpoint take another's
turn, and drops no delivery: what failed for good is kept, and can be replayed.

**When it fails.** A receiver that fails fails no run: after 72 hours without a success its endpoint is disabled, and its
owners get mail. The run fails when the database, a Connection or this machine's way out does; no attempt counts then.

**Runbook.** docs/runbooks/webhook_delivery_retry.md
"""

from datetime import timedelta

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, Param

from econsent_airflow.defaults import DEFAULT_ARGS, TAGS
from econsent_airflow.operators.webhook_delivery_retry import FRESH_EVENTS, DeliverWebhooksOperator, ReviewEndpointsOperator

with DAG(
    dag_id="webhook_delivery_retry",
    dag_display_name="Webhook delivery retry",
    description="Sends webhooks, and sends failed ones again with growing waits",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(
        assets=[FRESH_EVENTS], timetable=CronTriggerTimetable("*/5 * * * *", timezone="UTC", run_immediately=False)
    ),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=10),
    default_args=DEFAULT_ARGS,
    tags=[*TAGS, "grace:60s", "alert-after:3"],
    render_template_as_native_obj=True,
    params={
        "batch_size": Param(200, type="integer", minimum=1, maximum=1_000, description="Deliveries in hand at a time"),
        "linger_seconds": Param(20, type="integer", minimum=0, maximum=120, description="A lane without work stays so long"),
        "run_seconds": Param(270, type="integer", minimum=5, maximum=400, description="Nothing new begins after this"),
    },
):
    DeliverWebhooksOperator.partial(
        task_id="deliver_webhooks",
        task_display_name="Deliver webhooks",
        owner=DEFAULT_ARGS["owner"],
        batch_size="{{ params.batch_size }}",
        linger_seconds="{{ params.linger_seconds }}",
        run_seconds="{{ params.run_seconds }}",
        failed_share=1.0,  # all deliveries of a run may fail: receivers' trouble is not the platform's
        pool="webhook_delivery_retry",
        execution_timeout=timedelta(minutes=8),
    ).expand(lane=[1])
    ReviewEndpointsOperator(
        task_id="review_endpoints",
        task_display_name="Review endpoints",
        batch_size=500,
        run_seconds=60,
        execution_timeout=timedelta(minutes=3),
    )
