"""Composition root of MP4 conversion."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from econsent_airflow.connections import open_database, open_object_store
from econsent_airflow.job_operator import JobOperator
from econsent_airflow.queue_trigger import watched_queue
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.mp4_conversion import convert_recordings
from econsent_jobs.mp4_conversion.model import Bounds, Settings
from econsent_jobs.mp4_conversion.programs import find_programs
from econsent_jobs.mp4_conversion.tools import real_tools

STEM: Final = "mp4_conversion"
QUEUED_RECORDINGS: Final = watched_queue(STEM, channel="video_conversions")


class ConvertRecordingsOperator(JobOperator):
    """Make videos until the queue is empty and no other lane works, or begin nothing new after ``run_seconds``.

    ``lane`` only tells the mapped tasks apart: lanes share the queue. ``programs`` says where browser, replayer and ffmpeg are, ``folder``
    where what a conversion needs meanwhile lies; ``conversion_seconds`` is the longest that one may take. All but ``lane`` are templated.
    """

    template_fields = (
        *JobOperator.template_fields,
        "efs_base",
        "archive_bucket",
        "programs",
        "folder",
        "conversion_seconds",
        "most_conversions",
    )

    def __init__(
        self,
        *,
        lane: int,
        efs_base: str,
        archive_bucket: str,
        programs: str,
        folder: str,
        conversion_seconds: float | str,
        most_conversions: int | str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.lane = lane
        self.efs_base = efs_base
        self.archive_bucket = archive_bucket
        self.programs: str | Mapping[str, str] = programs
        self.folder = folder
        self.conversion_seconds = conversion_seconds
        self.most_conversions = most_conversions

    def run_job(self) -> JobResult:
        named: Mapping[str, str] = json.loads(self.programs) if isinstance(self.programs, str) else self.programs
        settings = Settings(
            programs=find_programs(named), work_folder=Path(self.folder), bounds=Bounds(seconds=float(self.conversion_seconds))
        )
        with open_database(STEM) as database, open_object_store() as client:
            tools = real_tools(
                database=database, client=client, bucket=self.archive_bucket, efs_base=Path(self.efs_base), settings=settings
            )
            limits = Limits(batch_size=int(self.most_conversions), run_seconds=float(self.run_seconds))
            return convert_recordings(tools=tools, limits=limits)
