"""MP4 conversion against the real PostgreSQL, the real S3 with Object Lock, a real browser and a real ffmpeg."""

import gzip
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from demo.insert import insert_certificate, insert_session
from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.errors import ErrorClass, TransientError
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.core.statements import statement
from econsent_jobs.io.object_store import LockedObject, LockedObjectStore
from econsent_jobs.mp4_conversion import convert_recordings
from econsent_jobs.mp4_conversion.archive import Archive
from econsent_jobs.mp4_conversion.model import Bounds, SealedFile, Settings
from econsent_jobs.mp4_conversion.tools import Tools
from econsent_stack.stack import Stack
from tests.integration.mp4_conversion.given import meta, retain, retain_session, small_recording, written
from tests.integration.mp4_conversion.processes import working_in

Run = Callable[..., JobResult]
Database = psycopg.Connection[Any]
MakeTools = Callable[..., Tools]
SMALL = written(small_recording())


def test_a_recording_becomes_a_video(run: Run, database: Database, efs: Path, archive_client: Any, settings: Settings) -> None:
    visit = retain(database, efs, SMALL)

    assert run() == JobResult(examined=1, changed=1)

    row = conversion(database)
    assert (row["status"], row["attempts"], row["lost_leases"], row["lease_token"]) == ("completed", 0, 0, None)
    assert (row["width"], row["fps"], row["duration_ms"], row["frames"], row["source_events"]) == (320, 10, 1_600, 16, 6)
    files = stored_files(database, archive_client)
    assert files.keys() == {"video", "poster", "sidecar"}
    for file in files.values():
        assert (file["mode"], file["retain_until"], file["versions"]) == ("COMPLIANCE", file["row"]["retain_until"], 1)
        assert sha256_hex(file["body"]) == file["row"]["sha256"]
        assert file["row"]["object_key"].rpartition("/")[2].partition(".")[0] == visit.session.recording_sha256
        assert f"/{visit.session.session_id}/replays/" in file["row"]["object_key"]
    assert row["output_sha256"] == files["video"]["row"]["sha256"]
    document = json.loads(files["sidecar"]["body"])
    assert document["video"]["sha256"] == files["video"]["row"]["sha256"]
    assert document["poster"]["sha256"] == files["poster"]["row"]["sha256"]
    assert document["recording"]["sha256"] == visit.session.recording_sha256
    assert document["frames"][0] == [0, 0, 0]
    assert document["frames"][-1] == [15, 5, 5]
    assert files["poster"]["body"].startswith(b"\xff\xd8\xff")
    session = one(database, "SELECT * FROM econsent.sessions")
    assert session["rrweb_to_video_status"] == "completed"
    assert (
        one(database, "SELECT * FROM econsent.audit_log WHERE action = 'video.converted'")["details"]["session_id"]
        == visit.session.session_id
    )
    assert one(database, "SELECT count(*) AS n FROM econsent.sealed_files")["n"] == 0
    assert left_over(efs, settings) == []


def test_the_video_costs_nothing_and_is_found_by_the_search(run: Run, database: Database, efs: Path) -> None:
    visit = insert_session(database, efs, recording=SMALL, recording_sha256=sha256_hex(SMALL))
    pk = finalised_certificate(database, visit, retain_until=datetime(2031, 1, 1, tzinfo=UTC))
    retain_session(database, visit)
    database.execute("DELETE FROM econsent.search_outbox")

    assert run().changed == 1

    assert one(database, "SELECT count(*) AS n FROM econsent.wallet_ledger")["n"] == 0
    assert one(database, "SELECT count(*) AS n FROM econsent.usage_events")["n"] == 0
    assert one(database, "SELECT doc_key, op FROM econsent.search_outbox") == {"doc_key": str(pk), "op": "index"}
    objects = database.execute("SELECT DISTINCT retain_until FROM econsent.storage_objects").fetchall()
    assert objects == [(datetime(2031, 1, 1, tzinfo=UTC),)], "the video is locked until the certificate's date"


def test_two_runs_give_the_same_bytes(run: Run, database: Database, efs: Path) -> None:
    retain(database, efs, SMALL, seed=1)
    retain(database, efs, SMALL, seed=2, company_id="demo-02")

    assert run().changed == 2

    hashes = database.execute("SELECT DISTINCT output_sha256 FROM econsent.video_conversions").fetchall()
    assert len(hashes) == 1


def test_another_hash_is_never_converted(run: Run, database: Database, efs: Path, settings: Settings) -> None:
    retain(database, efs, SMALL, recording_sha256="0" * 64)

    assert run() == JobResult(examined=1, quarantined=1, causes={ErrorClass.INTEGRITY: 1})

    row = conversion(database)
    assert (row["status"], row["error_class"]) == ("failed", "integrity")
    assert sha256_hex(SMALL) in row["last_error"]
    assert one(database, "SELECT rrweb_to_video_status FROM econsent.sessions")["rrweb_to_video_status"] == "failed"
    audit = one(database, "SELECT * FROM econsent.audit_log WHERE action = 'video.integrity_failed'")
    assert audit["details"]["error_class"] == "integrity"
    assert one(database, "SELECT count(*) AS n FROM econsent.storage_objects")["n"] == 0
    assert left_over(efs, settings) == []
    assert run() == JobResult(), "it is not tried again"


def test_a_recording_that_was_dropped_from_the_share_is_read_from_the_archive(
    run: Run, database: Database, efs: Path, archive: LockedObjectStore
) -> None:
    visit = retain(database, efs, SMALL)
    assert visit.recording is not None
    visit.recording.path.unlink()
    packed = gzip.compress(SMALL, mtime=0)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    stored = LockedObject(
        key="recordings/one.json.gz", body=packed, sha256=sha256_hex(packed), content_type="application/gzip", retain_until=until
    )
    database.execute(
        "INSERT INTO econsent.storage_objects (company_id, session_id, kind, backend, tier, bucket, object_key, version_id, bytes, sha256,"
        " lock_mode, retain_until) VALUES (%s, %s, 'recording', 's3', 2, %s, %s, %s, 1, %s, 'COMPLIANCE', %s)",
        [visit.session.company_id, visit.session.session_id, archive.bucket, stored.key, archive.put_once(stored), stored.sha256, until],
    )

    assert run() == JobResult(examined=1, changed=1)


def test_a_session_that_still_goes_on_is_waited_for(run: Run, database: Database, efs: Path) -> None:
    # Asked here, not when pytest collects: a whole suite runs for longer than a session may be silent.
    last_chunk_at = datetime.now(UTC)
    retain(database, efs, SMALL, closed_at=None, recording_sha256=None, last_chunk_at=last_chunk_at)

    result = run()

    row = conversion(database)
    session = one(database, "SELECT closed_at FROM econsent.sessions")
    assert (result.skipped, row["status"], row["attempts"], row["lost_leases"], session["closed_at"]) == (1, "pending", 0, 0, None)
    assert row["next_attempt_at"] >= last_chunk_at + timedelta(minutes=25)


def test_half_an_hour_without_a_chunk_ends_a_session(run: Run, database: Database, efs: Path) -> None:
    retain(database, efs, SMALL, closed_at=None, recording_sha256=None)

    result = run()

    row = conversion(database)
    session = one(database, "SELECT closed_at, recording_sha256 FROM econsent.sessions")
    assert (result.changed, row["status"], session["recording_sha256"]) == (1, "completed", sha256_hex(SMALL))
    assert session["closed_at"] is not None


def test_a_certificate_that_is_not_finalised_yet_is_waited_for(run: Run, database: Database, efs: Path) -> None:
    visit = insert_session(database, efs, recording=SMALL, recording_sha256=sha256_hex(SMALL))
    insert_certificate(database, visit)
    retain_session(database, visit)

    assert run().skipped == 1
    assert (conversion(database)["status"], conversion(database)["attempts"]) == ("pending", 0)


def test_a_lock_that_ended_already_is_told(run: Run, database: Database, efs: Path) -> None:
    visit = insert_session(database, efs, recording=SMALL, recording_sha256=sha256_hex(SMALL))
    finalised_certificate(database, visit, retain_until=datetime.now(UTC) - timedelta(seconds=5))
    retain_session(database, visit)

    assert run().causes == {ErrorClass.DATA: 1}
    assert "lock ended" in conversion(database)["last_error"]


def test_two_lanes_share_the_queue_and_nothing_is_made_twice(
    make_tools: MakeTools, run: Run, database: Database, efs: Path, archive_client: Any
) -> None:
    for seed in range(1, 5):
        retain(database, efs, SMALL, seed=seed, company_id=f"demo-0{1 + seed % 2}")
    claimed = threading.Barrier(2)  # each lane has one in hand before either goes on
    results: list[JobResult] = []

    class Meeting:
        """The archive, which both lanes reach once before either may store."""

        def __init__(self, inner: Archive) -> None:
            self._inner, self._met = inner, False
            self.bucket = inner.bucket

        def store(self, files: Sequence[SealedFile]) -> list[str]:
            if not self._met:
                claimed.wait(100)
            self._met = True
            return self._inner.store(files)

    def work() -> None:
        results.append(run(archive=Meeting(make_tools().archive)))

    lanes = [threading.Thread(target=work) for _ in range(2)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join(120)

    assert sum(result.changed for result in results) == 4
    assert all(result.changed for result in results), "both lanes made videos"
    rows = database.execute("SELECT status, lease_token FROM econsent.video_conversions").fetchall()
    assert rows == [("completed", None)] * 4
    assert one(database, "SELECT count(*) AS n, count(DISTINCT object_key) AS keys FROM econsent.storage_objects") == {"n": 12, "keys": 12}
    assert one(database, "SELECT count(*) AS n FROM econsent.audit_log WHERE action = 'video.converted'")["n"] == 4


def test_companies_take_turns(make_tools: MakeTools, database: Database, efs: Path) -> None:
    for seed in range(1, 7):
        retain(database, efs, SMALL, seed=seed, company_id="demo-01")
    retain(database, efs, SMALL, seed=1, company_id="demo-02")
    retain(database, efs, SMALL, seed=1, company_id="demo-03")
    store = make_tools().store

    claimed = [store.claim(most_in_flight=5, lease_seconds=60) for _ in range(8)]

    companies = [claim.key.company_id for claim in claimed if claim is not None]
    assert companies[:3] == ["demo-01", "demo-02", "demo-03"], "one with many waiting does not go first twice"
    assert companies[3:] == ["demo-01"] * 4, "at most five of a company are in flight"
    assert claimed[-1] is None


def test_an_idle_lane_takes_up_what_arrives_while_another_one_works(make_tools: MakeTools, database: Database, efs: Path) -> None:
    """Nothing starts a run while one goes on, so its idle lanes wait on the queue: a long video keeps nobody else's waiting."""
    retain(database, efs, SMALL, seed=1)
    busy = make_tools().store.claim(most_in_flight=5, lease_seconds=600)
    assert busy is not None
    looked, never = threading.Event(), threading.Event()

    def wait(_seconds: float) -> None:
        looked.set()
        never.wait(0.05)

    tools = make_tools(wait=wait)
    with ThreadPoolExecutor(1) as lane:
        running = lane.submit(convert_recordings, tools=tools, limits=Limits(batch_size=100, run_seconds=120))
        assert looked.wait(30), "it looked at the queue, found nothing and stayed"
        later = retain(database, efs, SMALL, seed=2)
        wait_for(lambda: video_status(database, later.session.session_id) == "completed", None)
        assert not running.done(), "another lane works still, so it stays"
        make_tools().store.give_back(busy)
        assert running.result(60).changed == 2, "and takes that up too when it is given back"


def video_status(database: Database, session_id: str) -> str:
    row = database.execute("SELECT status FROM econsent.video_conversions WHERE session_id = %s", [session_id]).fetchone()
    assert row is not None
    return row[0]


@dataclass
class Falling:
    """An archive that fails once, before or after it has stored."""

    inner: Archive
    after: bool
    fallen: bool = False

    @property
    def bucket(self) -> str:
        return self.inner.bucket

    def store(self, files: Sequence[SealedFile]) -> list[str]:
        if self.after and not self.fallen:
            self.inner.store(files)
        if not self.fallen:
            self.fallen = True
            raise TransientError(ErrorClass.S3_WRITE, "S3 did not answer")
        return self.inner.store(files)


@pytest.mark.parametrize("after", [False, True], ids=["before it stored", "after it stored"])
def test_a_store_that_fails_is_tried_again_with_the_same_bytes(
    run: Run, make_tools: MakeTools, database: Database, efs: Path, archive_client: Any, settings: Settings, after: bool
) -> None:
    retain(database, efs, SMALL)
    archive = Falling(make_tools().archive, after)

    assert run(archive=archive) == JobResult(examined=1, failed=1, causes={ErrorClass.S3_WRITE: 1})
    row = conversion(database)
    assert (row["status"], row["attempts"], row["error_class"]) == ("pending", 1, "s3_write")
    assert row["next_attempt_at"] > datetime.now(UTC) + timedelta(minutes=1)
    sealed = database.execute("SELECT kind, sha256 FROM econsent.sealed_files ORDER BY kind").fetchall()
    assert [kind for kind, _ in sealed] == ["poster", "sidecar", "video"]

    database.execute("UPDATE econsent.video_conversions SET next_attempt_at = now()")
    browserless = replace(settings, programs=replace(settings.programs, chromium=Path("/bin/false")))
    assert run(archive=archive, settings=browserless).changed == 1, "what was sealed is sent and not rendered again"
    files = stored_files(database, archive_client)
    assert {(kind, file["row"]["sha256"]) for kind, file in files.items()} == set(sealed)
    assert {file["versions"] for file in files.values()} == {1}
    assert left_over(efs, settings) == []


def test_what_was_staged_and_is_gone_is_made_again(
    run: Run, make_tools: MakeTools, database: Database, efs: Path, archive_client: Any
) -> None:
    retain(database, efs, SMALL)
    run(archive=Falling(make_tools().archive, after=True))
    for file in (efs / "+videos").rglob("*.mp4"):
        file.unlink()
    database.execute("UPDATE econsent.video_conversions SET next_attempt_at = now()")

    assert run().changed == 1
    assert {file["versions"] for file in stored_files(database, archive_client).values()} == {1}


def test_the_last_attempt_is_the_end(run: Run, make_tools: MakeTools, database: Database, efs: Path) -> None:
    retain(database, efs, SMALL)
    database.execute("UPDATE econsent.video_conversions SET attempts = 4")

    result = run(archive=Falling(make_tools().archive, after=False))

    assert (result.quarantined, result.failed) == (1, 0)
    row = conversion(database)
    assert (row["status"], row["attempts"], row["error_class"]) == ("failed", 5, "s3_write")
    assert row["last_error"].endswith("5 attempts failed")


def test_a_failed_video_that_was_made_is_sent_as_it_was_when_a_person_tries_it_again(
    run: Run, make_tools: MakeTools, database: Database, efs: Path, archive_client: Any, settings: Settings
) -> None:
    """Its first try had stored it, under a lock that nobody can take away, before the policy grew and the tools changed."""
    visit = retain(database, efs, SMALL)
    database.execute("UPDATE econsent.video_conversions SET attempts = 4")
    run(archive=Falling(make_tools().archive, after=True))
    assert conversion(database)["status"] == "failed"
    sealed = database.execute("SELECT kind, sha256 FROM econsent.sealed_files ORDER BY kind").fetchall()
    assert [kind for kind, _ in sealed] == ["poster", "sidecar", "video"]

    database.execute("UPDATE econsent.properties SET session_expiration = session_expiration + interval '1 year'")
    key = {"company_id": visit.session.company_id, "session_ids": [visit.session.session_id], "user": "ada"}
    database.execute(statement("econsent_jobs.mp4_conversion", "requeue_conversions"), key)
    browserless = replace(settings, programs=replace(settings.programs, chromium=Path("/bin/false")))

    assert run(settings=browserless).changed == 1
    files = stored_files(database, archive_client)
    assert {(kind, file["row"]["sha256"]) for kind, file in files.items()} == set(sealed)
    assert {file["versions"] for file in files.values()} == {1}
    assert left_over(efs, settings) == []


def test_what_three_workers_were_lost_with_is_quarantined(run: Run, database: Database, efs: Path) -> None:
    retain(database, efs, SMALL)
    database.execute("UPDATE econsent.video_conversions SET status = 'processing', lost_leases = 3, leased_until = now() - interval '1 s'")

    assert run().causes == {ErrorClass.TIMEOUT: 1}
    row = conversion(database)
    assert (row["status"], row["error_class"]) == ("failed", "timeout")
    assert "3 workers ended" in row["last_error"]


def test_a_frozen_worker_finds_the_fence_closed(
    make_tools: MakeTools, run: Run, database: Database, efs: Path, archive_client: Any
) -> None:
    """It stored, and before it can complete, its lease has run out and another worker has done all of it."""
    retain(database, efs, SMALL)

    class Slow(Falling):
        def store(self, files: Sequence[SealedFile]) -> list[str]:
            versions = self.inner.store(files)
            database.execute("UPDATE econsent.video_conversions SET leased_until = now() - interval '1 s'")
            assert run().changed == 1
            return versions

    assert run(archive=Slow(make_tools().archive, after=False)) == JobResult(examined=1, skipped=1)
    assert conversion(database)["status"] == "completed"
    assert {file["versions"] for file in stored_files(database, archive_client).values()} == {1}
    assert one(database, "SELECT count(*) AS n FROM econsent.audit_log WHERE action = 'video.converted'")["n"] == 1


def test_a_conversion_that_takes_too_long_ends(run: Run, database: Database, efs: Path, settings: Settings) -> None:
    retain(database, efs, SMALL)

    result = run(settings=replace(settings, bounds=Bounds(seconds=0.2)))

    assert result.causes == {ErrorClass.TIMEOUT: 1}
    assert "was not done after 0.2 s" in conversion(database)["last_error"]
    assert left_over(efs, settings) == []


def test_a_browser_that_takes_too_much_memory_is_ended(run: Run, database: Database, efs: Path, settings: Settings) -> None:
    retain(database, efs, SMALL)

    result = run(settings=replace(settings, bounds=Bounds(memory_bytes=1024**2)))

    assert result.causes == {ErrorClass.RENDER: 1}
    assert "MB for this recording" in conversion(database)["last_error"]
    assert left_over(efs, settings) == []


KILLED = """
import sys
from pathlib import Path
import psycopg
from econsent_jobs.core.limits import Limits
from econsent_jobs.mp4_conversion import convert_recordings
from econsent_jobs.mp4_conversion.model import Settings
from econsent_jobs.mp4_conversion.programs import find_programs
from econsent_jobs.mp4_conversion.tools import real_tools
from econsent_stack.chromium import video_programs
url, efs, work = sys.argv[1:]
with psycopg.connect(url, autocommit=True) as database:
    settings = Settings(programs=find_programs(video_programs({})), work_folder=Path(work))
    tools = real_tools(database=database, client=None, bucket="none", efs_base=Path(efs), settings=settings)
    convert_recordings(tools=tools, limits=Limits(batch_size=1, run_seconds=60))
"""


def test_a_worker_that_is_killed_leaves_no_process_and_no_file(
    stack: Stack, run: Run, database: Database, efs: Path, settings: Settings
) -> None:
    much_later = [{**meta(86_000_000 + more), "type": 5, "data": {}} for more in range(4)]
    long = [*small_recording(), *much_later]  # a day of ticks: it is killed long before its end
    retain(database, efs, written(long))
    url = stack.postgres_url(database.info.dbname, user="econsent_mp4_conversion")
    worker = subprocess.Popen([sys.executable, "-c", KILLED, url, str(efs), str(settings.work_folder)])
    try:
        wait_for(lambda: {"chromium", "ffmpeg"} <= {started.kind for started in working_in(settings.work_folder)}, worker)
        assert left_over(efs, settings) != []
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    wait_for(lambda: working_in(settings.work_folder) == [] and left_over(efs, settings) == [], None)
    row = conversion(database)
    assert (row["status"], row["lost_leases"]) == ("processing", 1)
    database.execute("UPDATE econsent.video_conversions SET leased_until = now() - interval '1 s'")
    bounded = replace(settings, bounds=Bounds(duration_ms=3_600_000))
    assert run(settings=bounded).causes == {ErrorClass.DATA: 1}, "the next worker takes it up"
    assert conversion(database)["lost_leases"] == 1


def wait_for(condition: Callable[[], bool], worker: "subprocess.Popen[bytes] | None", *, seconds: float = 60) -> None:
    waited = threading.Event()
    for _ in range(int(seconds / 0.1)):
        if condition():
            return
        assert worker is None or worker.poll() is None, "the worker ended before it could be killed"
        waited.wait(0.1)
    raise AssertionError("it did not come to that in time")


def left_over(efs: Path, settings: Settings) -> list[Path]:
    """Return what a conversion should not leave behind: its workplace, and what it staged."""
    places = [settings.work_folder, efs / "+videos"]
    return [path for place in places if place.is_dir() for path in place.iterdir()]


def finalised_certificate(database: Database, visit: Any, *, retain_until: datetime) -> int:
    pk = insert_certificate(database, visit)
    database.execute(
        "UPDATE econsent.certificates SET status = 'finalized', certificate_id = %s, signature = %s, retain_until = %s"
        " WHERE company_id = %s AND certificate_pk = %s",
        [f"EC-{visit.session.session_id}-x", "0" * 64, retain_until, visit.session.company_id, pk],
    )
    database.execute("DELETE FROM econsent.certificate_queue")
    return pk


def conversion(database: Database) -> dict[str, Any]:
    return one(database, "SELECT * FROM econsent.video_conversions")


def one(database: Database, query: str) -> dict[str, Any]:
    with database.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query.encode()).fetchall()
    assert len(rows) == 1, f"{len(rows)} rows: {query}"
    return rows[0]


def stored_files(database: Database, archive_client: Any) -> dict[str, dict[str, Any]]:
    with database.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute("SELECT * FROM econsent.storage_objects").fetchall()
    files: dict[str, dict[str, Any]] = {}
    for row in rows:
        stored = archive_client.get_object(Bucket=row["bucket"], Key=row["object_key"], VersionId=row["version_id"])
        versions = archive_client.list_object_versions(Bucket=row["bucket"], Prefix=row["object_key"])
        files[row["kind"]] = {
            "row": row,
            "body": stored["Body"].read(),
            "mode": stored["ObjectLockMode"],
            "retain_until": stored["ObjectLockRetainUntilDate"],
            "versions": len(versions["Versions"]) + len(versions.get("DeleteMarkers", [])),
        }
    return files
