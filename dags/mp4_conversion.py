"""
# MP4 video conversion

**What it does.** Turns the recording of each retained session into a video that plays at true speed and full length, with
the clock, the page's address and the certificate's id, and locks it in the archive beside the certificate.

**What it never does.** It fetches nothing from any network, runs no script of a recording, converts no recording whose hash
is not the session's, charges nothing, and lets no company take all turns.

**When it fails.** A recording that cannot be converted fails with its reason and harms no other; what a mended cause
made fail is put back by a person. The run fails when a store, the browser or ffmpeg does, and the next one continues.

**Runbook.** docs/runbooks/mp4_conversion.md
"""

from datetime import timedelta

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, Param

from econsent_airflow.defaults import DEFAULT_ARGS, TAGS
from econsent_airflow.operators.mp4_conversion import QUEUED_RECORDINGS, ConvertRecordingsOperator

with DAG(
    dag_id="mp4_conversion",
    dag_display_name="MP4 video conversion",
    description="Turns retained recordings into videos, as they arrive",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(
        assets=[QUEUED_RECORDINGS], timetable=CronTriggerTimetable("*/5 * * * *", timezone="UTC", run_immediately=False)
    ),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=60),
    default_args=DEFAULT_ARGS,
    tags=[*TAGS, "grace:60s", "alert-after:3"],
    render_template_as_native_obj=True,
    params={
        "conversion_seconds": Param(900, type="integer", minimum=30, maximum=1_500, description="The longest that one video takes"),
        "most_conversions": Param(1_000, type="integer", minimum=1, maximum=10_000, description="A lane ends after so many"),
        "run_seconds": Param(1_800, type="integer", minimum=5, maximum=1_800, description="Nothing new begins after this"),
    },
):
    ConvertRecordingsOperator.partial(
        task_id="convert_recordings",
        task_display_name="Convert recordings",
        owner=DEFAULT_ARGS["owner"],
        efs_base="{{ var.value.econsent_efs_base }}",
        archive_bucket="{{ var.value.econsent_archive_bucket }}",
        programs="{{ var.value.econsent_video_programs }}",
        folder="{{ var.value.econsent_video_folder }}",
        conversion_seconds="{{ params.conversion_seconds }}",
        most_conversions="{{ params.most_conversions }}",
        run_seconds="{{ params.run_seconds }}",
        pool="mp4_conversion",
        queue="render",
        execution_timeout=timedelta(minutes=57),
        map_index_template="lane {{ task.lane }}",
    ).expand(lane=[1, 2])
