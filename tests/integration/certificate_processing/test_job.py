"""Certificate processing against the real PostgreSQL and the real S3 with Object Lock."""

import gzip
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import rfc8785
from psycopg.rows import dict_row

from demo.bad import BadKind, spoil
from demo.captures import good_capture
from demo.insert import insert_certificate, insert_session, insert_sessionless_certificate, insert_tenant, insert_visits
from demo.tenants import tenant
from demo.visits import make_visit
from econsent_jobs.certificate_processing import process_certificates
from econsent_jobs.certificate_processing.archive import S3Archive
from econsent_jobs.certificate_processing.model import Settings, SigningKey
from econsent_jobs.certificate_processing.store import PostgresStore
from econsent_jobs.certificate_processing.tools import Tools
from econsent_jobs.core.errors import ErrorClass, PermanentError, TransientError
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.core.text import norm_text
from econsent_jobs.io.object_store import LockedObject, LockedObjectStore
from econsent_stack.stack import Stack
from tests.integration.certificate_processing.conftest import KEY, LIMITS
from tests.integration.conftest import Lines

Run = Callable[..., JobResult]
Database = psycopg.Connection[Any]


def test_a_certificate_becomes_evidence(run: Run, database: Database, efs: Path, archive: LockedObjectStore, archive_client: Any) -> None:
    visit = insert_session(database, efs, seed=3)
    pk = insert_certificate(database, visit)

    assert run() == JobResult(examined=1, changed=1)

    row = one(database, "SELECT * FROM econsent.certificates WHERE certificate_pk = %s", pk)
    assert (row["status"], row["error_class"]) == ("finalized", None)
    documents = stored_documents(database, archive_client, pk)
    certificate = json.loads(documents["certificate"]["body"])
    attestation = json.loads(documents["attestation"]["body"])
    signature = certificate.pop("signature")
    assert signature == hmac.new(KEY.secret, rfc8785.dumps(certificate), hashlib.sha256).hexdigest()
    assert certificate["attestation_sha256"] == hashlib.sha256(documents["attestation"]["body"]).hexdigest()
    assert certificate["certificateId"] == row["certificate_id"]
    assert row["certificate_id"].startswith(f"EC-{visit.session.session_id}-")
    assert visit.recording is not None
    assert certificate["recording_hashes"] == [hashlib.sha256(visit.recording.contents).hexdigest()] == row["recording_hashes"]
    assert certificate["recordingComplete"] is True
    assert certificate["consentHash"] == hashlib.sha256(f"{certificate['payload']}:{certificate['entropy']}".encode()).hexdigest()
    assert gzip.decompress(documents["dom"]["body"]) == visit.pages[0].contents
    assert attestation["hashes"]["pageContent"] == hashlib.sha256(visit.pages[0].contents).hexdigest()
    assert attestation["interactionChain"]["length"] > 0
    for document in documents.values():
        assert document["mode"] == "COMPLIANCE"
        assert document["retain_until"] == row["retain_until"]
        assert document["versions"] == 1
    assert one(database, "SELECT count(*) AS n FROM econsent.certificate_queue")["n"] == 0
    assert one(database, "SELECT count(*) AS n FROM econsent.sealed_documents")["n"] == 0


def test_everything_that_follows_is_committed_with_it(run: Run, database: Database, efs: Path) -> None:
    pk = insert_certificate(database, insert_session(database, efs, seed=3, company_id="demo-02"))
    run()

    certificate = one(database, "SELECT * FROM econsent.certificates WHERE certificate_pk = %s", pk)
    events = rows(database, "SELECT * FROM econsent.webhook_events ORDER BY event_type")
    assert [event["event_type"] for event in events] == ["consent.granted", "session.certificate.created"]
    body = json.loads(bytes(events[1]["body"]))
    assert (body["event"], body["data"]["certificateId"]) == ("session.certificate.created", certificate["certificate_id"])
    assert body["timestamp"].endswith("Z")
    audit = one(database, "SELECT * FROM econsent.audit_log WHERE action = 'certificate.generated'")
    assert audit["details"]["certificate_id"] == certificate["certificate_id"]
    outbox = one(database, "SELECT * FROM econsent.search_outbox")
    assert (outbox["doc_key"], outbox["op"], outbox["wanted_version"]) == (str(pk), "index", certificate["row_version"])
    attestation = one(database, "SELECT * FROM econsent.attestations")
    assert hashlib.sha256(rfc8785.dumps(attestation["document"])).hexdigest() == attestation["attestation_sha256"]
    assert [set(link) for link in attestation["interaction_chain"][:1]] == [{"seq", "type", "target", "t"}]


@pytest.mark.parametrize(
    ("enabled", "expected"), [(True, ("retained", "auto", "pending", 1, 1)), (False, ("unretained", None, "none", 0, 0))]
)
def test_auto_retention_follows_the_policy(run: Run, database: Database, efs: Path, enabled: bool, expected: tuple[Any, ...]) -> None:
    visit = insert_session(database, efs, seed=3)
    database.execute("UPDATE econsent.retention_settings SET auto_retention_enabled = %s", [enabled])
    for submission in (1, 2):
        insert_certificate(database, visit, submission_no=submission)
    run()

    session = one(database, "SELECT * FROM econsent.sessions")
    usage = one(database, "SELECT count(*) AS n FROM econsent.retention_usage_items")["n"]
    videos = one(database, "SELECT count(*) AS n FROM econsent.video_conversions")["n"]
    assert (session["retention_status"], session["retention_source"], session["rrweb_to_video_status"], usage, videos) == expected


@pytest.mark.parametrize(
    ("registered", "expected"),
    [
        pytest.param([("ours", "1", "active")], ("ours", "1"), id="the one with its hash"),
        pytest.param([("ours", "1", "archived"), ("ours", "2", "active")], ("ours", "2"), id="an active version before an archived one"),
        pytest.param([("ours", "1", "archived")], ("ours", "1"), id="an archived one, if there is no other"),
        pytest.param([], None, id="none, when only another company or another text has one"),
    ],
)
def test_a_template_is_matched_by_its_hash(
    run: Run, database: Database, efs: Path, archive_client: Any, registered: list[tuple[str, str, str]], expected: tuple[str, str] | None
) -> None:
    pk = insert_certificate(database, insert_session(database, efs, seed=3))
    insert_tenant(database, tenant("demo-02"))
    text = one(database, "SELECT capture #>> '{disclosure,text}' AS text FROM econsent.certificates")["text"]
    database.execute("DELETE FROM econsent.consent_templates")
    others = [("demo-02", "theirs", "1", text, "active"), ("demo-01", "longer", "1", text + ".", "active")]
    for company_id, template_id, version, body, status in others + [("demo-01", *key, text, status) for *key, status in registered]:
        database.execute(
            "INSERT INTO econsent.consent_templates (company_id, template_id, version, name, body, body_sha256, status)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [company_id, template_id, version, "a name", body, hashlib.sha256(norm_text(body).encode()).hexdigest(), status],
        )
    run()

    attestation = json.loads(stored_documents(database, archive_client, pk)["attestation"]["body"])
    row = one(database, "SELECT template_id, template_version FROM econsent.attestations")
    found = attestation["template"]
    assert (found and (found["id"], found["version"])) == expected
    assert (row["template_id"], row["template_version"]) == (expected or (None, None))


def test_the_recording_stays_where_it_is(run: Run, database: Database, efs: Path, archive_client: Any) -> None:
    """It is locked when its session is retained, by another job; retaining automatically only asks for that."""
    visit = insert_session(database, efs, seed=3)
    insert_certificate(database, visit)
    run()

    prefix = f"{visit.session.company_id}/"
    bucket = one(database, "SELECT DISTINCT bucket FROM econsent.storage_objects")["bucket"]
    stored = {found["Key"] for found in archive_client.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]}
    recorded = {row["object_key"]: row["kind"] for row in rows(database, "SELECT object_key, kind FROM econsent.storage_objects")}
    assert set(recorded.values()) == {"certificate", "attestation", "dom"}
    assert {key for key in stored if f"/{visit.session.session_id}/" in key} == set(recorded)


class OneTickEachLook:
    """A clock on which a second passes each time somebody looks."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def monotonic(self) -> float:
        self._seconds += 1
        return self._seconds


def test_batches_follow_until_the_queue_is_empty(run: Run, database: Database, efs: Path) -> None:
    given(database, efs, certificates=7)

    assert run(limits=Limits(batch_size=3, run_seconds=60)) == JobResult(examined=7, changed=7)


def test_once_the_time_is_up_no_batch_begins_and_what_is_left_is_counted(run: Run, database: Database, efs: Path) -> None:
    given(database, efs, certificates=7)
    database.execute("UPDATE econsent.certificate_queue SET next_attempt_at = now() - interval '1 hour'")

    result = run(limits=Limits(batch_size=3, run_seconds=2), clock=OneTickEachLook())

    assert (result.examined, result.changed, result.backlog) == (3, 3, 4)
    assert result.oldest_seconds >= 3_600
    assert run() == JobResult(examined=4, changed=4)


def test_a_second_run_finds_nothing(run: Run, database: Database, efs: Path) -> None:
    insert_certificate(database, insert_session(database, efs, seed=3))
    run()
    before = snapshot(database)

    assert run() == JobResult()
    assert snapshot(database) == before


@pytest.mark.parametrize(
    ("source", "created"),
    [("meta", ["consent.granted", "meta.certificate.created"]), ("sms", ["consent.granted"]), ("voice", ["consent.granted"])],
)
def test_sources_without_a_page(run: Run, database: Database, archive_client: Any, source: Any, created: list[str]) -> None:
    pk = insert_sessionless_certificate(database, source, seed=5)

    assert run() == JobResult(examined=1, changed=1)

    row = one(database, "SELECT * FROM econsent.certificates WHERE certificate_pk = %s", pk)
    documents = stored_documents(database, archive_client, pk)
    attestation = json.loads(documents["attestation"]["body"])
    assert row["certificate_id"].startswith(f"EC-{source}-{row['source_ref']}-")
    assert set(documents) == {"certificate", "attestation"}
    assert (attestation["visibility"], attestation["interactionChain"], attestation["hashes"]["pageContent"]) == (None, None, None)
    assert [event["event_type"] for event in rows(database, "SELECT event_type FROM econsent.webhook_events ORDER BY 1")] == created


BAD = {
    BadKind.RECORDING_MISSING: (ErrorClass.DATA, "is missing"),
    BadKind.RECORDING_TRUNCATED: (ErrorClass.DATA, "not valid JSON"),
    BadKind.RECORDING_ALTERED: (ErrorClass.INTEGRITY, "are not those of the closed session"),
    BadKind.RECORDING_SYMLINK: (ErrorClass.INTEGRITY, "is a link"),
    BadKind.EVENT_TOO_LARGE: (ErrorClass.DATA, "more than 10485760 bytes"),
    BadKind.SESSION_ID_TRAVERSAL: (ErrorClass.DATA, "leads out of the company's folder"),
    BadKind.SESSION_ID_ABSOLUTE: (ErrorClass.DATA, "leads out of the company's folder"),
    BadKind.PAGE_MISSING: (ErrorClass.DATA, "the captured page"),
    BadKind.WRONG_TYPES: (ErrorClass.DATA, "capture.consents is 'TEXT', a list is needed"),
    BadKind.IMPOSSIBLE_COLOURS: (ErrorClass.DATA, "a colour such as"),
    BadKind.UNKNOWN_CONSENT_TYPE: (ErrorClass.DATA, "is 'FAX', one of"),
    BadKind.HUGE_NUMBER: (ErrorClass.DATA, "cannot be read"),
    BadKind.CONSENT_IN_FUTURE: (ErrorClass.DATA, "lies in the future"),
}


def test_every_bad_certificate_is_named_and_harms_no_other(run: Run, database: Database, efs: Path, archive_client: Any) -> None:
    owner = tenant("demo-01")
    insert_tenant(database, owner)
    ended_at = datetime.now(UTC) - timedelta(hours=1)
    visits = {
        kind: spoil(make_visit(owner, efs_base=efs, seed=9, number=number, ended_at=ended_at, submissions=1, source="form10"), kind)
        for number, kind in enumerate(BadKind, start=1)
    }
    insert_visits(database, list(visits.values()), durable=False)
    good = insert_certificate(database, insert_session(database, efs, seed=99))

    result = run()

    assert one(database, "SELECT status FROM econsent.certificates WHERE certificate_pk = %s", good)["status"] == "finalized"
    assert set(BadKind) - set(BAD) == {BadKind.STRANGE_TEXT}, "strange text is text, and is kept as it is"
    for kind, visit in visits.items():
        query = "SELECT status, error_class, last_error FROM econsent.certificates WHERE session_id = %s"
        row = one(database, query, visit.session.session_id)
        if kind is BadKind.STRANGE_TEXT:
            assert row["status"] == "finalized"
            continue
        error_class, sentence = BAD[kind]
        assert (row["status"], row["error_class"]) == ("failed", error_class), kind
        assert sentence in row["last_error"], kind
    assert (result.examined, result.quarantined, result.failed, result.backlog) == (len(BadKind) + 1, len(BAD), 0, 0)
    assert sum(result.causes.values()) == len(BAD)
    assert one(database, "SELECT count(*) AS n FROM econsent.audit_log WHERE action = 'certificate.failed'")["n"] == len(BAD)
    assert one(database, "SELECT count(*) AS n FROM econsent.certificate_queue")["n"] == 0


def test_the_oldest_come_first(run: Run, database: Database, efs: Path, archive: LockedObjectStore) -> None:
    """Each batch fails as a whole, so that the run ends after the first."""
    given(database, efs, certificates=9)
    newest_first = sorted(pks(database), reverse=True)
    for age, pk in enumerate(reversed(newest_first)):
        query = "UPDATE econsent.certificate_queue SET next_attempt_at = now() - make_interval(mins => %s) WHERE certificate_pk = %s"
        database.execute(query, [age, pk])

    run(archive=S3Archive(Down(archive), threads=1), limits=Limits(batch_size=4, run_seconds=60))

    tried = rows(database, "SELECT certificate_pk FROM econsent.certificate_queue WHERE attempts = 1 ORDER BY certificate_pk DESC")
    assert [row["certificate_pk"] for row in tried] == newest_first[:4]


def test_the_log_names_what_waits_and_what_failed(
    run: Run, database: Database, efs: Path, archive: LockedObjectStore, caplog: pytest.LogCaptureFixture, lines: Lines
) -> None:
    caplog.set_level("INFO", logger="econsent_jobs")
    capture = good_capture(1)
    capture["form"]["phone"] = 12025550123
    visit = insert_session(database, efs, seed=1)
    bad = insert_certificate(database, visit, capture=capture)
    waiting = insert_certificate(database, insert_session(database, efs, seed=2))

    run(archive=S3Archive(Down(archive), threads=1))

    told = [record.getMessage() for record in caplog.records]
    assert f"Certificate demo-01/{bad} failed: data: capture.form.phone is a int, text is needed" in told
    assert f"Certificate demo-01/{waiting} waits: s3_write: S3 cannot be reached" in told
    assert "Batch of 2: 0 finalised, 0 not ripe yet or another worker's, 1 failed for good, 1 wait for another try" in told
    assert "2025550123" not in "".join(told)
    assert {company_id for company_id, text in lines.told if text.startswith("Certificate")} == {"demo-01"}
    assert {company_id for company_id, text in lines.told if text.startswith("Batch")} == {None}, "of no company alone"


def test_what_is_not_ripe_waits_without_an_attempt(run: Run, database: Database, efs: Path) -> None:
    now = datetime.now(UTC)
    last_chunk_at = now - timedelta(seconds=30)
    visit = insert_session(database, efs, seed=3, ended_at=now, closed_at=None, last_chunk_at=last_chunk_at, recording_sha256=None)
    insert_certificate(database, visit)

    assert run() == JobResult(examined=1, skipped=1)

    queued = one(database, "SELECT * FROM econsent.certificate_queue")
    assert (queued["attempts"], queued["lease_token"]) == (0, None)
    assert abs(queued["next_attempt_at"] - (now + timedelta(seconds=90))) < timedelta(seconds=1)


def test_whoever_finds_a_session_over_closes_it(run: Run, database: Database, efs: Path) -> None:
    quiet_since = datetime.now(UTC) - timedelta(minutes=31)
    visit = insert_session(database, efs, seed=3, closed_at=None, last_chunk_at=quiet_since, recording_sha256=None)
    insert_certificate(database, visit)
    run()

    session = one(database, "SELECT * FROM econsent.sessions")
    assert visit.recording is not None
    assert session["closed_at"] is not None
    assert session["recording_sha256"] == hashlib.sha256(visit.recording.contents).hexdigest()
    assert one(database, "SELECT document FROM econsent.attestations")["document"]["interactionChain"]["length"] > 0


def test_an_open_session_is_certified_as_it_is_and_not_retained(run: Run, database: Database, efs: Path, archive_client: Any) -> None:
    three_minutes_ago = datetime.now(UTC) - timedelta(minutes=3)
    visit = insert_session(database, efs, seed=3, closed_at=None, last_chunk_at=three_minutes_ago, recording_sha256=None)
    database.execute("UPDATE econsent.retention_settings SET auto_retention_enabled = true")
    pk = insert_certificate(database, visit)
    run()

    assert json.loads(stored_documents(database, archive_client, pk)["certificate"]["body"])["recordingComplete"] is False
    session = one(database, "SELECT * FROM econsent.sessions")
    assert (session["closed_at"], session["retention_status"]) == (None, "unretained")


def test_a_lock_date_that_has_passed_is_finalised_without_archive(run: Run, database: Database, efs: Path) -> None:
    eight_years_ago = datetime.now(UTC) - timedelta(days=8 * 365)
    pk = insert_certificate(database, insert_session(database, efs, seed=3), consent_at=eight_years_ago)

    assert run() == JobResult(examined=1, changed=1)
    assert one(database, "SELECT count(*) AS n FROM econsent.storage_objects")["n"] == 0
    audit = one(database, "SELECT details FROM econsent.audit_log WHERE action = 'certificate.generated'")["details"]
    assert (audit["archived"], audit["reason"]) == (False, "already_expired")
    assert one(database, "SELECT status FROM econsent.certificates WHERE certificate_pk = %s", pk)["status"] == "finalized"


def test_two_workers_share_the_queue(make_tools: Callable[..., Tools], database: Database, efs: Path) -> None:
    given(database, efs, certificates=60)
    results: list[JobResult] = []

    def work(tools: Tools) -> None:
        results.append(process_certificates(tools=tools, limits=Limits(batch_size=5, run_seconds=60)))

    workers = [threading.Thread(target=work, args=[make_tools()]) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sum(result.changed for result in results) == 60
    assert all(result.changed for result in results), "one lock for all would have kept one worker idle"
    check_exactly_once(database, certificates=60)


class Flaky:
    """The real archive, which fails at a chosen object before or after the effect."""

    def __init__(self, archive: LockedObjectStore, *, fail: int, after_effect: bool, error: Exception) -> None:
        self._archive, self._fail, self._after, self._error = archive, fail, after_effect, error
        self.bucket = archive.bucket
        self.puts = 0

    def put_once(self, stored: LockedObject) -> str:
        self.puts += 1
        if self.puts != self._fail:
            return self._archive.put_once(stored)
        if self._after:
            self._archive.put_once(stored)
        raise self._error


@pytest.mark.parametrize("fail", [1, 2, 3])
@pytest.mark.parametrize("after_effect", [pytest.param(False, id="before the effect"), pytest.param(True, id="after the effect")])
def test_a_failed_put_is_tried_again_with_the_same_bytes(
    run: Run, database: Database, efs: Path, archive: LockedObjectStore, archive_client: Any, fail: int, after_effect: bool
) -> None:
    pk = insert_certificate(database, insert_session(database, efs, seed=3))
    error = TransientError(ErrorClass.S3_WRITE, "the answer was lost")

    first = run(archive=S3Archive(Flaky(archive, fail=fail, after_effect=after_effect, error=error), threads=1))
    assert first == JobResult(examined=1, failed=1, causes={ErrorClass.S3_WRITE: 1})
    sealed = one(database, "SELECT * FROM econsent.certificates WHERE certificate_pk = %s", pk)
    assert (sealed["status"], sealed["error_class"], sealed["last_error"]) == ("processing", "s3_write", "the answer was lost")
    queued = one(database, "SELECT * FROM econsent.certificate_queue")
    assert (queued["attempts"], queued["lease_token"]) == (1, None)
    assert run() == JobResult(), "it backs off"

    # what changes between two tries changes nothing: key, policy, template, recording
    due_now(database)
    database.execute("UPDATE econsent.retention_settings SET object_lock_years = 1")
    database.execute("UPDATE econsent.properties SET certificate_expiration = '30 days'")
    (efs / str(sealed["recording_path"])).unlink()
    assert run(settings=Settings(signing_key=SigningKey(key_id="another", secret=b"another"))) == JobResult(examined=1, changed=1)

    done = one(database, "SELECT * FROM econsent.certificates WHERE certificate_pk = %s", pk)
    for column in ("certificate_id", "entropy", "signature", "signature_key_id", "retain_until", "issued_at"):
        assert done[column] == sealed[column], column
    check_exactly_once(database, certificates=1)
    assert {document["versions"] for document in stored_documents(database, archive_client, pk).values()} == {1}


def test_a_lock_date_that_passes_between_two_tries_leaves_nothing_to_archive(
    run: Run, database: Database, efs: Path, archive: LockedObjectStore
) -> None:
    pk = insert_certificate(database, insert_session(database, efs, seed=3))
    run(archive=S3Archive(Down(archive), threads=1))
    database.execute("UPDATE econsent.certificates SET retain_until = date_trunc('second', now() - interval '1 second')")
    due_now(database)

    assert run() == JobResult(examined=1, changed=1)

    audit = one(database, "SELECT details FROM econsent.audit_log WHERE action = 'certificate.generated'")["details"]
    assert (audit["archived"], audit["reason"]) == (False, "already_expired")
    assert one(database, "SELECT status FROM econsent.certificates WHERE certificate_pk = %s", pk)["status"] == "finalized"
    assert one(database, "SELECT count(*) AS n FROM econsent.storage_objects")["n"] == 0


def test_other_bytes_under_the_key_are_never_taken_for_ours(run: Run, database: Database, efs: Path, archive: LockedObjectStore) -> None:
    insert_certificate(database, insert_session(database, efs, seed=3))
    error = TransientError(ErrorClass.S3_WRITE, "no answer")
    run(archive=S3Archive(Flaky(archive, fail=1, after_effect=False, error=error), threads=1))
    key = one(database, "SELECT object_key FROM econsent.sealed_documents WHERE kind = 'certificate'")["object_key"]
    archive.put_once(locked(key, b"forged"))
    due_now(database)

    result = run()

    assert (result.quarantined, result.causes) == (1, {ErrorClass.INTEGRITY: 1})
    row = one(database, "SELECT * FROM econsent.certificates")
    assert row["status"] == "failed"
    assert "already holds other bytes" in row["last_error"]


def test_the_eighth_transient_failure_is_the_last(run: Run, database: Database, efs: Path, archive: LockedObjectStore) -> None:
    insert_certificate(database, insert_session(database, efs, seed=3))
    down = TransientError(ErrorClass.S3_WRITE, "S3 is down")
    for attempt in range(1, 9):
        due_now(database)
        result = run(archive=S3Archive(Flaky(archive, fail=1, after_effect=False, error=down), threads=1))
        assert (result.failed, result.quarantined) == ((1, 0) if attempt < 8 else (0, 1))

    row = one(database, "SELECT * FROM econsent.certificates")
    assert (row["status"], row["error_class"], row["last_error"]) == ("failed", "s3_write", "S3 is down; 8 attempts failed")


class Down:
    """An archive that nothing reaches."""

    def __init__(self, archive: LockedObjectStore) -> None:
        self.bucket = archive.bucket

    def put_once(self, stored: LockedObject) -> str:
        raise TransientError(ErrorClass.S3_WRITE, "S3 cannot be reached")


def test_when_all_fail_the_rest_keeps_its_attempts(run: Run, database: Database, efs: Path, archive: LockedObjectStore) -> None:
    given(database, efs, certificates=30)

    result = run(archive=S3Archive(Down(archive), threads=4), limits=Limits(batch_size=10, run_seconds=60))

    assert (result.examined, result.failed, result.backlog) == (10, 10, 20)
    assert result.past_share(0.5, at_least=5)


class Wrong:
    """An archive whose credentials are wrong."""

    def __init__(self, archive: LockedObjectStore) -> None:
        self.bucket = archive.bucket

    def put_once(self, stored: LockedObject) -> str:
        raise PermanentError(ErrorClass.CONFIG, "S3 refused a request (AccessDenied)")


def test_a_wrong_configuration_ends_the_run_and_loses_nothing(run: Run, database: Database, efs: Path, archive: LockedObjectStore) -> None:
    given(database, efs, certificates=3)
    with pytest.raises(PermanentError, match="AccessDenied"):
        run(archive=S3Archive(Wrong(archive), threads=1))
    leases_run_out(database)

    assert run() == JobResult(examined=3, changed=3)
    check_exactly_once(database, certificates=3)


class Dies(Exception):
    """Stands for SIGKILL: nothing of the worker runs after it."""


class DiesAt:
    """Passes everything on to a real tool and dies before, or after, the n-th call of one method."""

    def __init__(self, real: Any, *, method: str, nth: int = 1, after: bool = False, die: Callable[[], None] | None = None) -> None:
        self._real, self._method, self._left, self._after, self._die = real, method, nth, after, die or self._raise

    def _raise(self) -> None:
        raise Dies

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name != self._method:
            return real

        def call(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                self._die()
            answer = real(*arguments, **named)
            if self._left == 0 and self._after:
                self._die()
            return answer

        return call


POINTS = [
    "load",
    "find_templates",
    "take_in_hand",
    "lock",
    "hold",
    "seal",
    "renew",
    "finalise",
    "record_objects",
    "publish",
    "audit",
    "retain_sessions",
    "leave_queue",
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("point", POINTS)
def test_a_worker_may_die_anywhere(
    run: Run, make_tools: Callable[..., Tools], database: Database, efs: Path, archive_client: Any, point: str, after: bool
) -> None:
    given(database, efs, certificates=3)
    tools = make_tools()
    with suppress(Dies):
        process_certificates(tools=replace(tools, store=DiesAt(tools.store, method=point, after=after)), limits=LIMITS)
    leases_run_out(database)

    run()

    check_exactly_once(database, certificates=3)
    for pk in pks(database):
        assert {document["versions"] for document in stored_documents(database, archive_client, pk).values()} == {1}


@pytest.mark.parametrize("point", ["seal", "finalise"])
def test_a_worker_frozen_past_its_lease_finds_the_fence_closed(
    run: Run, make_tools: Callable[..., Tools], database: Database, efs: Path, archive_client: Any, point: str
) -> None:
    """Another worker does everything while this one stands still just before it locks for its transaction."""
    given(database, efs, certificates=3)
    others: list[JobResult] = []

    def meanwhile() -> None:
        leases_run_out(database)
        others.append(run())

    tools = make_tools()
    late = FrozenBefore(tools.store, transaction={"seal": 1, "finalise": 2}[point], meanwhile=meanwhile)
    mine = process_certificates(tools=replace(tools, store=late), limits=LIMITS)

    assert [other.changed for other in others] == [3]
    assert (mine.changed, mine.skipped) == (0, 3)
    check_exactly_once(database, certificates=3)
    for pk in pks(database):
        assert {document["versions"] for document in stored_documents(database, archive_client, pk).values()} == {1}


class FrozenBefore:
    """The real store, which stands still before its n-th transaction while ``meanwhile`` happens."""

    def __init__(self, real: Any, *, transaction: int, meanwhile: Callable[[], None]) -> None:
        self._real, self._left, self._meanwhile = real, transaction, meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def transaction(self) -> Any:
        self._left -= 1
        if self._left == 0:
            self._meanwhile()
        return self._real.transaction()


def test_what_kills_three_workers_is_quarantined_alone(run: Run, make_tools: Callable[..., Tools], database: Database, efs: Path) -> None:
    given(database, efs, certificates=4)
    poison = sorted(pks(database))[2]

    class Explodes:
        def __init__(self, real: Any) -> None:
            self._real = real

        def check(self) -> None:
            self._real.check()

        def read(self, pending: Any, session: Any, *, until_ms: int | None) -> Any:
            if pending.key.certificate_pk == poison:
                raise Dies
            return self._real.read(pending, session, until_ms=until_ms)

        def read_page(self, pending: Any) -> bytes | None:
            return self._real.read_page(pending)

    for _ in range(3):
        tools = make_tools()
        with pytest.raises(Dies):
            process_certificates(tools=replace(tools, recordings=Explodes(tools.recordings)), limits=LIMITS)
        leases_run_out(database)

    result = run()

    assert (result.changed, result.quarantined, result.causes) == (3, 1, {ErrorClass.TIMEOUT: 1})
    row = one(database, "SELECT * FROM econsent.certificates WHERE certificate_pk = %s", poison)
    assert (row["status"], row["error_class"]) == ("failed", "timeout")
    assert "3 workers ended" in row["last_error"]


def test_taking_in_hand_waits_for_no_disk_and_everything_else_does(stack: Stack, database: Database, efs: Path) -> None:
    """One statement is one transaction: the setting lives as long as it, and no longer."""
    given(database, efs, certificates=1)
    with psycopg.connect(stack.postgres_url(database.info.dbname, user="econsent_certificate_processing"), autocommit=True) as own:
        own.execute("SET synchronous_commit = on")
        store = PostgresStore(own)
        lease = store.claim(limit=1, lease_seconds=60)
        with own.transaction():
            store.take_in_hand(lease, key=lease.claims[0].key, before=None)
            inside = own.execute("SHOW synchronous_commit").fetchone()
        assert (inside, own.execute("SHOW synchronous_commit").fetchone()) == (("off",), ("on",))
    assert one(database, "SELECT lost_leases FROM econsent.certificate_queue") == {"lost_leases": 1}


def test_a_value_that_the_database_refuses_stops_no_other(run: Run, database: Database, efs: Path) -> None:
    """No capture is known to get so far, so a constraint that one certificate breaks stands for what nobody thought of."""
    given(database, efs, certificates=4)
    bad = min(pks(database))
    database.execute(f"ALTER TABLE econsent.attestations ADD CONSTRAINT unforeseen CHECK (certificate_pk <> {bad})")

    result = run()

    assert (result.changed, result.quarantined, result.causes) == (3, 1, {ErrorClass.DATA: 1})
    row = one(database, "SELECT * FROM econsent.certificates WHERE certificate_pk = %s", bad)
    assert (row["status"], row["last_error"]) == ("failed", "PostgreSQL refused a value (CheckViolation, unforeseen)")


def given(database: Database, efs: Path, *, certificates: int) -> None:
    for seed in range(1, certificates + 1):
        insert_certificate(database, insert_session(database, efs, seed=seed, company_id=f"demo-0{seed % 3 + 1}"))


def due_now(database: Database) -> None:
    database.execute("UPDATE econsent.certificate_queue SET next_attempt_at = now()")


def leases_run_out(database: Database) -> None:
    database.execute("UPDATE econsent.certificate_queue SET leased_until = now() - interval '1 second' WHERE lease_token IS NOT NULL")


def locked(key: str, body: bytes) -> LockedObject:
    until = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    return LockedObject(key=key, body=body, sha256=hashlib.sha256(body).hexdigest(), content_type="text/plain", retain_until=until)


def rows(database: Database, query: str, *parameters: Any) -> list[dict[str, Any]]:
    with database.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), parameters).fetchall()


def one(database: Database, query: str, *parameters: Any) -> dict[str, Any]:
    (row,) = rows(database, query, *parameters)
    return row


def pks(database: Database) -> list[int]:
    return [row["certificate_pk"] for row in rows(database, "SELECT certificate_pk FROM econsent.certificates")]


def stored_documents(database: Database, client: Any, pk: int) -> Mapping[str, dict[str, Any]]:
    """Read a certificate's documents back from S3 with their locks, and count the versions under each key."""
    found = {}
    for row in rows(database, "SELECT * FROM econsent.storage_objects WHERE certificate_pk = %s", pk):
        answer = client.get_object(Bucket=row["bucket"], Key=row["object_key"], VersionId=row["version_id"])
        versions = client.list_object_versions(Bucket=row["bucket"], Prefix=row["object_key"])
        assert "DeleteMarkers" not in versions
        body = answer["Body"].read()
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (row["sha256"], row["bytes"])
        found[row["kind"]] = {
            "body": body,
            "mode": answer["ObjectLockMode"],
            "retain_until": answer["ObjectLockRetainUntilDate"],
            "versions": len(versions["Versions"]),
        }
    return found


def check_exactly_once(database: Database, *, certificates: int) -> None:
    counted = one(
        database,
        """
        SELECT
          (SELECT count(*) FROM econsent.certificates WHERE status = 'finalized') AS finalised,
          (SELECT count(DISTINCT certificate_id) FROM econsent.certificates) AS ids,
          (SELECT count(*) FROM econsent.attestations) AS attestations,
          (SELECT count(*) FROM econsent.audit_log WHERE action = 'certificate.generated') AS audited,
          (SELECT count(*) FROM econsent.webhook_events WHERE event_type = 'session.certificate.created') AS created,
          (SELECT count(*) FROM econsent.webhook_events WHERE event_type = 'consent.granted') AS granted,
          (SELECT count(*) FROM econsent.search_outbox) AS searchable,
          (SELECT count(*) FROM econsent.storage_objects) AS objects,
          (SELECT count(*) FROM econsent.retention_usage_items) AS units,
          (SELECT count(*) FROM econsent.sessions WHERE retention_status = 'retained') AS retained,
          (SELECT count(*) FROM econsent.certificate_queue) + (SELECT count(*) FROM econsent.sealed_documents) AS left_over
        """,
    )
    once = ("finalised", "ids", "attestations", "audited", "created", "granted", "searchable")
    assert {name: counted[name] for name in once} == dict.fromkeys(once, certificates)
    assert counted["objects"] == 3 * certificates
    assert counted["units"] == counted["retained"]
    assert counted["left_over"] == 0


def snapshot(database: Database) -> Mapping[str, Sequence[Any]]:
    tables = ["certificates", "sessions", "storage_objects", "webhook_events", "audit_log", "search_outbox", "retention_usage_items"]
    return {table: sorted(map(str, rows(database, f"SELECT * FROM econsent.{table}"))) for table in tables}
