"""The verifier passes what the real job made, and names whatever is changed afterwards."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from econsent_jobs.core.results import JobResult
from econsent_jobs.io.object_store import LockedObjectStore
from econsent_stack.stack import Stack
from econsent_verify.certificate_processing_checks.objects import Reader, S3Reader, Stored
from econsent_verify.certificate_processing_checks.records import connect
from econsent_verify.mp4_conversion import Report, verify
from tests.integration.mp4_conversion.given import retain, small_recording, written

Database = psycopg.Connection[Any]
SMALL = written(small_recording())
CHANGES: Final = {
    "UPDATE econsent.video_conversions SET output_sha256 = repeat('0', 64)": r"output_sha256",
    "UPDATE econsent.video_conversions SET width = 322": r"sizes",
    "UPDATE econsent.video_conversions SET frames = 17": r"video.frames",
    "UPDATE econsent.video_conversions SET duration_ms = 9999": r"length within one frame",
    "UPDATE econsent.video_conversions SET source_sha256 = repeat('0', 64)": r"recording.sha256",
    "UPDATE econsent.video_conversions SET source_events = 4": r"frames in order",
    "UPDATE econsent.video_conversions SET fps = 25": r"fps",
    "UPDATE econsent.video_conversions SET tool_versions = '{}'": r"tools",
    "UPDATE econsent.video_conversions SET storage_object_id = 0": r"storage_object_id",
    "UPDATE econsent.video_conversions SET status = 'failed', error_class = 'data'": r"rrweb_to_video_status",
    "UPDATE econsent.video_conversions SET lease_token = gen_random_uuid()": r"lease",
    "UPDATE econsent.sessions SET recording_sha256 = repeat('1', 64)": r"the session's recording",
    "UPDATE econsent.storage_objects SET sha256 = repeat('0', 64) WHERE kind = 'poster'": r"poster: sha256",
    "UPDATE econsent.storage_objects SET retain_until = now() WHERE kind = 'video'": r"video: retain_until",
    "UPDATE econsent.storage_objects SET bucket = 'another' WHERE kind = 'poster'": r"poster: bucket",
    "UPDATE econsent.storage_objects SET version_id = 'x' WHERE kind = 'sidecar'": r"sidecar in the archive",
    "DELETE FROM econsent.storage_objects WHERE kind = 'poster'": r"what .*jpg belongs to",
    "DELETE FROM econsent.audit_log WHERE action = 'video.converted'": r"entries video.converted",
    "DELETE FROM econsent.video_conversions": r"lost",
}
"""What a row is changed to, and how the finding begins to say so."""
TABLES: Final = ("video_conversions", "sessions", "storage_objects", "audit_log")


class Verify:
    def __init__(self, stack: Stack, database: Database, archive: LockedObjectStore) -> None:
        self._url = stack.postgres_url(database.info.dbname, user="econsent_verify")
        self.reader = S3Reader(stack.object_store_client("econsent_archive_verify"), archive.bucket)

    def __call__(self, reader: Reader | None = None) -> Report:
        with connect(self._url) as own:
            return verify(own, reader or self.reader)


@pytest.fixture
def verified(stack: Stack, database: Database, archive: LockedObjectStore) -> Verify:
    return Verify(stack, database, archive)


def test_what_the_job_made_holds_and_every_change_is_named(
    run: Callable[..., JobResult], verified: Verify, database: Database, efs: Path
) -> None:
    """One video, changed in one way after the other: making it costs more than looking at it."""
    retain(database, efs, SMALL)
    assert run().changed == 1
    report = verified()
    assert (report.findings, report.completed) == ([], 1)

    database.execute("SET session_replication_role = replica")  # no trigger stands in the way of what nobody may do
    for table in TABLES:
        database.execute(f"CREATE TABLE public.{table} AS SELECT * FROM econsent.{table}")
    for statement, told in CHANGES.items():
        database.execute(statement)
        found = [str(finding) for finding in verified().findings]
        for table in TABLES:
            database.execute(f"DELETE FROM econsent.{table}")
            database.execute(f"INSERT INTO econsent.{table} OVERRIDING SYSTEM VALUE SELECT * FROM public.{table}")
        assert any(re.search(told, line) for line in found), f"{statement}: {found}"
    assert verified().findings == []


@pytest.mark.parametrize("status", ["processing", "failed"])
def test_what_a_conversion_stored_before_its_end_is_no_stray(
    run: Callable[..., JobResult], verified: Verify, database: Database, efs: Path, status: str
) -> None:
    """It belongs to one that goes on or that failed afterwards, under its lock; another session's file beside it is one."""
    retain(database, efs, SMALL)
    run()
    database.execute("SET session_replication_role = replica")
    database.execute("DELETE FROM econsent.storage_objects")
    database.execute(b"UPDATE econsent.video_conversions SET status = %s", [status])

    assert not [finding for finding in verified().findings if finding.trouble == "stray"]

    database.execute("UPDATE econsent.video_conversions SET session_id = 'another'")
    assert len([finding for finding in verified().findings if finding.trouble == "stray"]) == 3


def test_one_flipped_bit_in_each_file_is_named(run: Callable[..., JobResult], verified: Verify, database: Database, efs: Path) -> None:
    retain(database, efs, SMALL)
    run()

    for suffix in ("mp4", "jpg", "json"):

        class Flipping:
            bucket = verified.reader.bucket
            pages = staticmethod(verified.reader.pages)

            def read(self, key: str, version_id: str, suffix: str = suffix) -> Stored | None:
                stored = verified.reader.read(key, version_id)
                if stored is None or not key.endswith(suffix):
                    return stored
                body = bytearray(stored.body)
                body[len(body) // 2] ^= 1
                return replace(stored, body=bytes(body))

        assert any("sha256" in str(finding) for finding in verified(Flipping()).findings), suffix
