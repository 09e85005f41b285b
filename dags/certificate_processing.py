"""
# Certificate processing

**What it does.** Finalises the certificates of new consents: computes the attestation, signs, and stores certificate,
attestation and page snapshot in S3 under an Object Lock that nobody can shorten. Two lanes take batches from the
queue until it is empty.

**What it never does.** It changes or deletes nothing that was stored, archives no recording before its session is
retained, and signs nothing twice: a second try sends the bytes that the first one sealed.

**When it fails.** The next run continues. A certificate that met a busy database or S3 is tried again after one
minute, then after ever longer waits of at most an hour, eight times in all. One whose data can never become a
certificate is set aside with its reason, and the run succeeds. The run fails when more than half of what it tried,
and at least five, met such trouble.

**Runbook.** docs/runbooks/certificate_processing.md
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Param

from econsent_airflow.defaults import DEFAULT_ARGS, TAGS
from econsent_airflow.operators.certificate_processing import ProcessCertificatesOperator

with DAG(
    dag_id="certificate_processing",
    dag_display_name="Certificate processing",
    description="Finalises pending certificates and stores them in S3, locked against change",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("*/3 * * * *", timezone="UTC", run_immediately=False),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=10),
    default_args=DEFAULT_ARGS,
    tags=[*TAGS, "grace:60s", "alert-after:3"],
    render_template_as_native_obj=True,
    params={
        "batch_size": Param(50, type="integer", minimum=1, maximum=1_000, description="Certificates leased at a time"),
        "run_seconds": Param(480, type="integer", minimum=5, maximum=480, description="No new batch begins after this"),
    },
):
    ProcessCertificatesOperator.partial(
        task_id="process_certificates",
        task_display_name="Process certificates",
        owner=DEFAULT_ARGS["owner"],
        batch_size="{{ params.batch_size }}",
        run_seconds="{{ params.run_seconds }}",
        efs_base="{{ var.value.econsent_efs_base }}",
        archive_bucket="{{ var.value.econsent_archive_bucket }}",
        failed_share=0.5,
        pool="certificate_processing",
        execution_timeout=timedelta(minutes=9),
        map_index_template="lane {{ task.lane }}",
    ).expand(lane=[1, 2])
