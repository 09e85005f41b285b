"""Certificates made by the real job, and the verifier with the read-only identities that it has in production."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from demo.insert import insert_certificate, insert_session, insert_sessionless_certificate
from econsent_jobs.certificate_processing import process_certificates
from econsent_jobs.certificate_processing.archive import S3Archive
from econsent_jobs.certificate_processing.languages import LanguageDetector
from econsent_jobs.certificate_processing.model import Settings, SigningKey
from econsent_jobs.certificate_processing.tools import real_tools
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.io.object_store import LockedObjectStore
from econsent_stack.stack import Stack
from econsent_verify.certificate_processing_checks.objects import Reader, S3Reader
from econsent_verify.certificate_processing_checks.records import Database, connect
from econsent_verify.certificate_processing_checks.walk import Report, Scope, verify
from tests.databases import copied_database

KEY_ID, KEY = "test-key", b"a key of the tests"
SOURCES: Final = ("meta", "sms", "voice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Finalised certificates, made once: the database to copy, and the bucket that nobody may write to."""

    database: str
    archive: LockedObjectStore
    certificates: list[int]


class Run:
    """Runs certificate processing once, with the rights that it has, each time as a worker of its own."""

    def __init__(self, stack: Stack, *, database: str, archive: LockedObjectStore, efs: Path, languages: LanguageDetector) -> None:
        self._url = stack.postgres_url(database, user="econsent_certificate_processing")
        self._client = stack.object_store_client("econsent_archive")
        self._archive, self._efs, self._languages = archive, efs, languages

    def __call__(self, *, key_id: str = KEY_ID, key: bytes = KEY, objects: Any = None) -> JobResult:
        """``objects`` stands before the archive."""
        with psycopg.connect(self._url, autocommit=True) as own:
            tools = real_tools(
                database=own,
                client=self._client,
                bucket=self._archive.bucket,
                efs_base=self._efs,
                settings=Settings(signing_key=SigningKey(key_id=key_id, secret=key)),
                languages=self._languages,
            )
            if objects is not None:
                tools = replace(tools, archive=S3Archive(objects, threads=4))
            return process_certificates(tools=tools, limits=Limits(batch_size=50, run_seconds=60))


class Verify:
    """Verifies with the verifier's own role and identity."""

    def __init__(self, stack: Stack, *, database: str, bucket: str) -> None:
        self._url = stack.postgres_url(database, user="econsent_verify")
        self.reader = S3Reader(stack.object_store_client("econsent_archive_verify"), bucket)

    def __call__(self, *, through: Reader | None = None, keys: dict[str, bytes] | None = None, **scope: Any) -> Report:
        """``through`` is a reader that stands before the archive."""
        with connect(self._url) as own:
            return verify(Database(own), through or self.reader, keys={KEY_ID: KEY} if keys is None else keys, scope=Scope(**scope))


@pytest.fixture
def run(stack: Stack, database: psycopg.Connection[Any], archive: LockedObjectStore, efs: Path, languages: LanguageDetector) -> Run:
    """The job on the test's own empty database and bucket."""
    return Run(stack, database=database.info.dbname, archive=archive, efs=efs, languages=languages)


@pytest.fixture
def verified(stack: Stack, database: psycopg.Connection[Any], archive: LockedObjectStore) -> Verify:
    """The verifier on the test's own database and bucket."""
    return Verify(stack, database=database.info.dbname, bucket=archive.bucket)


@pytest.fixture(scope="session")
def finished(
    stack: Stack,
    server: psycopg.Connection[Any],
    template_database: str,
    languages: LanguageDetector,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Finished]:
    """Certificates of every kind: two of one session, one of each source without a session, one of a company that retains."""
    efs, bucket = tmp_path_factory.mktemp("efs"), "econsent-finished"
    stack.object_store_client().create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    archive = LockedObjectStore(stack.object_store_client("econsent_archive"), bucket)
    with copied_database(server, template_database, prefix="finished") as name:
        with psycopg.connect(stack.postgres_url(name), autocommit=True) as database:
            visit = insert_session(database, efs, seed=3)
            made = [insert_certificate(database, visit, submission_no=number) for number in (1, 2)]
            made += [insert_sessionless_certificate(database, source, seed=number) for number, source in enumerate(SOURCES, start=5)]
            made.append(insert_certificate(database, insert_session(database, efs, seed=4, company_id="demo-02")))
            database.execute("UPDATE econsent.retention_settings SET auto_retention_enabled = true WHERE company_id = 'demo-02'")
        run = Run(stack, database=name, archive=archive, efs=efs, languages=languages)
        assert run() == JobResult(examined=len(made), changed=len(made))
        yield Finished(database=name, archive=archive, certificates=made)


@pytest.fixture
def rows(stack: Stack, server: psycopg.Connection[Any], finished: Finished) -> Iterator[psycopg.Connection[Any]]:
    """A copy of the finished database that may be spoiled: no trigger and no foreign key checks what this connection writes."""
    with (
        copied_database(server, finished.database, prefix="test") as name,
        psycopg.connect(stack.postgres_url(name), autocommit=True) as database,
    ):
        database.execute("SET session_replication_role = replica")
        yield database


@pytest.fixture
def proved(stack: Stack, rows: psycopg.Connection[Any], finished: Finished) -> Verify:
    """The verifier on that copy and the finished bucket."""
    return Verify(stack, database=rows.info.dbname, bucket=finished.archive.bucket)
