"""Composition root of certificate processing."""

from pathlib import Path
from typing import Any

from econsent_airflow.connections import open_database, open_object_store, signing_keys
from econsent_airflow.job_operator import JobOperator
from econsent_jobs.certificate_processing import process_certificates
from econsent_jobs.certificate_processing.model import Settings, SigningKey
from econsent_jobs.certificate_processing.tools import real_tools
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult


class ProcessCertificatesOperator(JobOperator):
    """Finalise pending certificates until the queue is empty or ``run_seconds`` are over.

    ``lane`` only tells the mapped tasks apart: lanes share the queue through its leases. ``efs_base`` is the folder of the
    recordings, ``archive_bucket`` a bucket with Object Lock. All but ``lane`` are templated.
    """

    template_fields = (*JobOperator.template_fields, "batch_size", "efs_base", "archive_bucket")

    def __init__(self, *, lane: int, batch_size: int | str, efs_base: str, archive_bucket: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lane = lane
        self.batch_size = batch_size
        self.efs_base = efs_base
        self.archive_bucket = archive_bucket

    def run_job(self) -> JobResult:
        keys = signing_keys()
        settings = Settings(signing_key=SigningKey(key_id=keys.key_id, secret=keys.key))
        with open_database("certificate_processing") as database, open_object_store() as client:
            tools = real_tools(
                database=database, client=client, bucket=self.archive_bucket, efs_base=Path(self.efs_base), settings=settings
            )
            limits = Limits(batch_size=int(self.batch_size), run_seconds=float(self.run_seconds))
            return process_certificates(tools=tools, limits=limits)
