"""``./econsent certificates`` on the real stores, with the job's own role."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from demo.insert import insert_certificate, insert_session, insert_sessionless_certificate
from econsent_jobs.certificate_processing.archive import S3Archive
from econsent_jobs.certificate_processing.commands import CONNECTION, certificates
from econsent_jobs.core.errors import ErrorClass, TransientError
from econsent_jobs.core.results import JobResult
from econsent_jobs.io.object_store import LockedObject, LockedObjectStore
from econsent_stack.stack import Stack

Run = Callable[..., JobResult]
Database = psycopg.Connection[Any]


class Ask:
    """Types ``./econsent certificates …`` and keeps what is printed."""

    def __init__(self, environment: Mapping[str, str], printed: pytest.CaptureFixture[str]) -> None:
        self._environment, self._printed = environment, printed

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Return exit code, output and errors."""
        self._printed.readouterr()
        code = certificates(list(words), self._environment)
        printed = self._printed.readouterr()
        return code, printed.out, printed.err


@pytest.fixture
def ask(stack: Stack, database: Database, capsys: pytest.CaptureFixture[str]) -> Ask:
    known = json.loads(stack.environment()[CONNECTION])
    return Ask({CONNECTION: json.dumps({**known, "schema": database.info.dbname})}, capsys)


class Down:
    """The real archive, which takes the first ``puts`` objects and then nothing more."""

    def __init__(self, archive: LockedObjectStore, *, puts: int = 0) -> None:
        self._archive, self._left, self.bucket = archive, puts, archive.bucket

    def put_once(self, stored: LockedObject) -> str:
        self._left -= 1
        if self._left < 0:
            raise TransientError(ErrorClass.S3_WRITE, "S3 is down")
        return self._archive.put_once(stored)


@pytest.fixture
def fail(run: Run, database: Database, archive: LockedObjectStore) -> Callable[..., None]:
    """Let every pending certificate fail for good by S3, which took the first ``puts`` objects."""

    def fail(*, puts: int = 0) -> None:
        for attempt in range(8):
            database.execute("UPDATE econsent.certificate_queue SET next_attempt_at = now()")
            run(archive=S3Archive(Down(archive, puts=puts if attempt == 0 else 0), threads=1))

    return fail


def test_a_finalised_certificate_is_explained_by_each_of_its_names(run: Run, database: Database, efs: Path, ask: Ask) -> None:
    visit = insert_session(database, efs, seed=3)
    pk = insert_certificate(database, visit)
    run()
    certificate_id = one(database, "SELECT certificate_id FROM econsent.certificates")["certificate_id"]

    code, said, _ = ask("explain", certificate_id)

    steps = [line.split("UTC  ")[1].split(":")[0] for line in said.splitlines()[1:]]
    assert code == 0
    assert set(steps[:2]) == {"captured", "session closed"}
    assert steps[2:] == [
        "sealed",
        "stored",
        "stored",
        "stored",
        "finalised; the certificate expires at " + said.split("expires at ")[1][:13],
        "finalised",
    ]
    assert f"sealed: {certificate_id}, signed by key test-key, lock until" in said
    for stored in rows(database, "SELECT object_key, version_id FROM econsent.storage_objects"):
        assert f"{stored['object_key']}, version {stored['version_id']}, stored" in said
    for name in (f"demo-01/{pk}", visit.session.session_id):
        again = ask("explain", name)
        assert (again[0], again[1].splitlines()[:-1]) == (0, said.splitlines()[:-1])


def test_explaining_shows_nothing_of_the_person(run: Run, database: Database, efs: Path, ask: Ask) -> None:
    pk = insert_certificate(database, insert_session(database, efs, seed=3))
    run()
    person = one(database, "SELECT consumer_phone, consumer_email, consumer_name, host(ip) AS ip FROM econsent.certificates")

    said = ask("explain", f"demo-01/{pk}")[1]

    for value in person.values():
        assert value is None or value not in said


def test_what_is_not_ripe_says_when_and_why(run: Run, database: Database, efs: Path, ask: Ask) -> None:
    last_chunk_at = datetime.now(UTC) - timedelta(seconds=30)
    visit = insert_session(
        database, efs, seed=3, ended_at=datetime.now(UTC), closed_at=None, last_chunk_at=last_chunk_at, recording_sha256=None
    )
    insert_certificate(database, visit)
    run()

    code, said, _ = ask("explain", visit.session.session_id)

    ripe = (last_chunk_at + timedelta(seconds=120)).strftime("%Y-%m-%d %H:%M:%S UTC")
    assert code == 0
    assert f"waits: ripe at {ripe}: the session's last chunk came at {last_chunk_at.strftime('%Y-%m-%d %H:%M:%S UTC')}" in said


def test_a_lease_says_who_holds_it_until_when(database: Database, efs: Path, ask: Ask) -> None:
    pk = insert_certificate(database, insert_session(database, efs, seed=3))
    token = "0f8fad5b-d9cb-469f-a165-70867728950e"
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=2)
    database.execute("UPDATE econsent.certificate_queue SET lease_token = %s, leased_until = %s", [token, until])

    assert (
        f"claimed: the worker of lease 0f8fad5b holds it until {until.strftime('%Y-%m-%d %H:%M:%S UTC')}"
        in ask("explain", f"demo-01/{pk}")[1]
    )

    database.execute("UPDATE econsent.certificate_queue SET leased_until = now() - interval '1 second'")
    assert "the next run takes it up" in ask("explain", f"demo-01/{pk}")[1]


def test_a_transient_trouble_says_which_try_and_when_next(
    run: Run, database: Database, efs: Path, archive: LockedObjectStore, ask: Ask
) -> None:
    pk = insert_certificate(database, insert_session(database, efs, seed=3))
    run(archive=S3Archive(Down(archive), threads=1))

    said = ask("explain", f"demo-01/{pk}")[1]

    assert "sealed: EC-" in said
    assert "waits: try 1 of 8 failed (s3_write: S3 is down); its sealed bytes are sent again at " in said


def test_a_failed_one_says_why_and_what_to_do(run: Run, database: Database, efs: Path, ask: Ask) -> None:
    visit = insert_session(database, efs, seed=3)
    pk = insert_certificate(database, visit)
    assert visit.recording is not None
    Path(visit.recording.path).unlink()
    run()

    said = ask("explain", f"demo-01/{pk}")[1]

    assert "failed: data: " in said
    assert f"./econsent certificates retry demo-01/{pk}" in said


@pytest.mark.parametrize(
    "name", ["EC-nobody-x", "demo-01/999", "nobody/1", "'; DROP TABLE econsent.certificates; --", "", "demo-01/" + "9" * 40]
)
def test_an_unknown_name_is_told_in_a_sentence(database: Database, efs: Path, ask: Ask, name: str) -> None:
    insert_session(database, efs, seed=3)

    code, said, errors = ask("explain", name)

    assert (code, said) == (1, "")
    assert errors.startswith("No certificate is named")


def test_listing_shows_the_failed_ones_of_all_companies_newest_first(run: Run, database: Database, ask: Ask) -> None:
    for seed, company_id in ((5, "demo-01"), (6, "demo-02"), (7, "demo-01")):
        insert_sessionless_certificate(database, "meta", seed=seed, company_id=company_id, capture={"consents": "TEXT"})
        run()
    insert_sessionless_certificate(database, "sms", seed=8)
    run()

    lines = ask("list")[1].splitlines()

    assert [line.split("  ")[1].split("/")[0] for line in lines[:-1]] == ["demo-01", "demo-02", "demo-01"]
    assert all("failed  data: " in line for line in lines[:-1])
    assert lines[-1] == "3 failed."
    assert ask("list", "--company", "demo-02")[1].splitlines()[-1] == "1 failed."
    assert ask("list", "--status", "finalized")[1].splitlines()[-1] == "1 finalized."
    assert ask("list", "--limit", "2")[1].splitlines()[-1] == "2 failed, which is as many as --limit lets through."
    assert ask("list", "--company", "nobody")[0] == 1


def test_a_mended_one_is_put_back_and_finalised(run: Run, database: Database, efs: Path, ask: Ask) -> None:
    visit = insert_session(database, efs, seed=3)
    pk = insert_certificate(database, visit)
    assert visit.recording is not None
    path, contents = Path(visit.recording.path), visit.recording.contents
    path.unlink()
    run()
    path.write_bytes(contents)

    assert ask("retry", f"demo-01/{pk}", "--by", "ops@example.com")[0] == 0

    audit = one(database, "SELECT * FROM econsent.audit_log WHERE action = 'certificate.requeued'")
    assert (audit["user"], audit["category"]) == ("ops@example.com", "certificates")
    assert audit["details"] == {"certificate_pk": pk, "error_class": "data", "abandoned": None}
    assert run() == JobResult(examined=1, changed=1)
    assert "put back into the queue by ops@example.com" in ask("explain", f"demo-01/{pk}")[1]


@pytest.mark.parametrize("puts", [0, 1, 2])
def test_what_failed_after_sealing_is_built_anew(
    run: Run, database: Database, efs: Path, archive_client: Any, archive: LockedObjectStore, fail: Callable[..., None], ask: Ask, puts: int
) -> None:
    """S3 took some of its objects before it was down for eight tries: they stay, and a second certificate with its own keys is made."""
    pk = insert_certificate(database, insert_session(database, efs, seed=3))
    fail(puts=puts)
    first = one(database, "SELECT * FROM econsent.certificates")
    attestation = one(database, "SELECT * FROM econsent.attestations")
    assert (first["status"], first["error_class"]) == ("failed", "s3_write")

    code, said, _ = ask("retry", "--class", "s3_write")

    assert (code, f"what {first['certificate_id']} had stored already stays" in said) == (0, True)
    again = one(database, "SELECT * FROM econsent.certificates")
    assert [again[name] for name in ("status", "certificate_id", "entropy", "signature", "retain_until", "error_class")] == ["pending"] + [
        None
    ] * 5
    abandoned = one(database, "SELECT details FROM econsent.audit_log WHERE action = 'certificate.requeued'")["details"]["abandoned"]
    assert abandoned == {
        "certificate_id": first["certificate_id"],
        "consent_hash": first["consent_hash"],
        "signature": first["signature"],
        "attestation_sha256": attestation["attestation_sha256"],
        "dom_sha256": attestation["dom_snapshot_sha256"],
    }
    assert run() == JobResult(examined=1, changed=1)
    done = one(database, "SELECT * FROM econsent.certificates WHERE certificate_pk = %s", pk)
    assert done["certificate_id"] != first["certificate_id"]
    versions = archive_client.list_object_versions(Bucket=archive.bucket)["Versions"]
    assert len(versions) == len({version["Key"] for version in versions}) == puts + 3
    assert len(rows(database, "SELECT FROM econsent.webhook_events")) == 2


def test_a_dry_run_changes_nothing(database: Database, efs: Path, fail: Callable[..., None], ask: Ask) -> None:
    pk = insert_certificate(database, insert_session(database, efs, seed=3))
    fail()

    code, said, _ = ask("retry", "--class", "s3_write", "--dry-run")

    assert (code, said.startswith(f"would put back demo-01/{pk} (s3_write: ")) == (0, True)
    assert one(database, "SELECT status FROM econsent.certificates")["status"] == "failed"
    assert rows(database, "SELECT FROM econsent.certificate_queue") == []
    assert rows(database, "SELECT FROM econsent.audit_log WHERE action = 'certificate.requeued'") == []


def test_only_what_failed_is_put_back(run: Run, database: Database, efs: Path, ask: Ask) -> None:
    done = insert_certificate(database, insert_session(database, efs, seed=3))
    run()
    waiting = insert_certificate(database, insert_session(database, efs, seed=4))
    before = rows(database, "SELECT * FROM econsent.certificates ORDER BY certificate_pk")

    code, said, errors = ask("retry", f"demo-01/{done}")
    assert (code, said) == (1, "")
    assert f"demo-01/{done} is finalized" in errors
    assert ask("retry", f"demo-01/{waiting}")[0] == 1
    assert ask("retry", "--class", "timeout")[0] == 1
    assert rows(database, "SELECT * FROM econsent.certificates ORDER BY certificate_pk") == before


def test_two_who_put_back_the_same_one_do_it_once(
    database: Database, another_connection: Database, efs: Path, fail: Callable[..., None], ask: Ask
) -> None:
    pk = insert_certificate(database, insert_session(database, efs, seed=3))
    fail()
    assert ask("retry", f"demo-01/{pk}")[0] == 0
    assert ask("retry", f"demo-01/{pk}")[0] == 1

    assert len(rows(database, "SELECT FROM econsent.certificate_queue")) == 1
    assert len(rows(another_connection, "SELECT FROM econsent.audit_log WHERE action = 'certificate.requeued'")) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["retry"],
        ["retry", "x", "--class", "s3_write"],
        ["retry", "--class", "data"],
        ["list", "--limit", "0"],
        ["list", "--limit", "1001"],
        [],
    ],
)
def test_a_wrong_command_line_ends_with_2(ask: Ask, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        ask(*words)

    assert ended.value.code == 2


@pytest.mark.parametrize("action", ["explain", "list", "retry"])
def test_help_explains(ask: Ask, capsys: pytest.CaptureFixture[str], action: str) -> None:
    with pytest.raises(SystemExit) as ended:
        ask(action, "--help")

    assert ended.value.code == 0
    assert f"./econsent certificates {action}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "is not set"),
        ({CONNECTION: "postgresql://x"}, "is no Connection in JSON"),
        ({CONNECTION: '{"host": "127.0.0.1", "port": 1, "login": "a", "password": "b", "schema": "c"}'}, "cannot be reached"),
    ],
    ids=["nothing set", "no JSON", "nobody there"],
)
def test_what_cannot_be_asked_is_told_in_a_sentence(
    capsys: pytest.CaptureFixture[str], environment: Mapping[str, str], sentence: str
) -> None:
    assert certificates(["list"], environment) == 1
    assert sentence in capsys.readouterr().err


def rows(database: Database, query: str, *parameters: Any) -> list[dict[str, Any]]:
    with database.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), parameters).fetchall()


def one(database: Database, query: str, *parameters: Any) -> dict[str, Any]:
    (row,) = rows(database, query, *parameters)
    return row
