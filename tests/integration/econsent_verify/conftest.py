"""Certificates made by the real job, and the verifier with the read-only identities that it has in production."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from demo.insert import insert_certificate, insert_session, insert_sessionless_certificate
from econsent_jobs.certificate_processing import process_certificates
from econsent_jobs.certificate_processing.archive import S3Archive
from econsent_jobs.certificate_processing.job import Tools
from econsent_jobs.certificate_processing.languages import LanguageDetector
from econsent_jobs.certificate_processing.model import Settings, SigningKey
from econsent_jobs.certificate_processing.recordings import EfsRecordings
from econsent_jobs.certificate_processing.store import PostgresStore
from econsent_jobs.core.clock import SystemClock
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.io.efs import SharedFiles
from econsent_jobs.io.object_store import LockedObjectStore
from econsent_stack.stack import Stack
from econsent_verify.certificate_processing_checks.objects import Reader, S3Reader
from econsent_verify.certificate_processing_checks.records import Database, connect
from econsent_verify.certificate_processing_checks.walk import Report, Scope, verify

KEY_ID, KEY = "test-key", b"a key of the tests"
COMPANY = "demo-01"

Verify = Callable[..., Report]


@pytest.fixture
def efs(tmp_path: Path) -> Path:
    folder = tmp_path / "efs"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def languages() -> LanguageDetector:
    return LanguageDetector()


@pytest.fixture
def run(
    stack: Stack, database: psycopg.Connection[Any], archive: LockedObjectStore, efs: Path, languages: LanguageDetector
) -> Callable[..., JobResult]:
    """Run certificate processing once, with the rights that it has; ``objects`` stands before the archive."""

    def run(*, key_id: str = KEY_ID, key: bytes = KEY, objects: Any = archive) -> JobResult:
        with psycopg.connect(stack.postgres_url(database.info.dbname, user="econsent_certificate_processing"), autocommit=True) as own:
            tools = Tools(
                store=PostgresStore(own),
                archive=S3Archive(objects, threads=4),
                recordings=EfsRecordings(SharedFiles(efs)),
                languages=languages,
                settings=Settings(signing_key=SigningKey(key_id=key_id, secret=key)),
                clock=SystemClock(),
            )
            return process_certificates(tools=tools, limits=Limits(batch_size=50, run_seconds=60))

    return run


@pytest.fixture
def reader(stack: Stack, archive: LockedObjectStore) -> S3Reader:
    """The archive, opened with the verifier's own identity."""
    return S3Reader(stack.object_store_client("econsent_archive_verify"), archive.bucket)


@pytest.fixture
def verified(stack: Stack, database: psycopg.Connection[Any], reader: S3Reader) -> Iterator[Verify]:
    """Verify, with the verifier's own role; ``through`` is a reader that stands before the archive."""
    with ExitStack() as opened:
        own = opened.enter_context(connect(stack.postgres_url(database.info.dbname, user="econsent_verify")))

        def run(*, through: Reader = reader, keys: dict[str, bytes] | None = None, **scope: Any) -> Report:
            return verify(Database(own), through, keys={KEY_ID: KEY} if keys is None else keys, scope=Scope(**scope))

        yield run


@pytest.fixture
def certificates(database: psycopg.Connection[Any], efs: Path, run: Callable[..., JobResult]) -> list[int]:
    """Finalised certificates of every kind: two of one session, one of each source without a session, one of a company that retains."""
    visit = insert_session(database, efs, seed=3)
    made = [insert_certificate(database, visit, submission_no=number) for number in (1, 2)]
    made += [
        insert_sessionless_certificate(database, source, seed=number) for number, source in enumerate(("meta", "sms", "voice"), start=5)
    ]
    made.append(insert_certificate(database, insert_session(database, efs, seed=4, company_id="demo-02")))
    database.execute("UPDATE econsent.retention_settings SET auto_retention_enabled = true WHERE company_id = 'demo-02'")
    assert run() == JobResult(examined=len(made), changed=len(made))
    return made
