"""A fresh database and a fresh bucket for every test, from the real servers."""

import logging
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from structlog.contextvars import get_contextvars

from econsent_jobs.certificate_processing.languages import LanguageDetector
from econsent_jobs.io.object_store import LockedObjectStore
from econsent_jobs.migrations import upgrade
from econsent_stack.stack import Stack
from tests.databases import copied_database

TEMPLATE = "econsent_template"
OF_A_COMPANY = re.compile(r"(Company|Certificate|Session|Conversion|Document|Delivery|Endpoint|Payment|Overage)\b")
"""How a line begins that tells of one company's work."""


class Lines(logging.Handler):
    """Keeps what the jobs log, each line with the company of its field."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.told: list[tuple[str | None, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append((get_contextvars().get("company_id"), record.getMessage()))


@pytest.fixture(scope="module", autouse=True)
def machine(elsewhere: None) -> None:
    """Jobs do the same wherever the machine stands."""


@pytest.fixture(autouse=True)
def lines(request: pytest.FixtureRequest) -> Iterator[Lines]:
    """Whatever a test makes a job log: a line about one company names it in a field too, and that field ends with its work.

    Proofs step through the insides of a job, below the place where it begins to work for a company.
    """
    handler, logger = Lines(), logging.getLogger("econsent_jobs")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.setLevel(level)
    logger.removeHandler(handler)
    nameless = [text for company_id, text in handler.told if company_id is None and OF_A_COMPANY.match(text)]
    assert nameless == [] or request.path.name == "test_proof.py"
    assert "company_id" not in get_contextvars()


@pytest.fixture(scope="session")
def server(stack: Stack) -> Iterator[psycopg.Connection[Any]]:
    """The superuser's connection to PostgreSQL's own database, from which databases are made and dropped."""
    with psycopg.connect(stack.postgres_url("postgres"), autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def template_database(stack: Stack, server: psycopg.Connection[Any]) -> str:
    """The name of a migrated, empty database that tests copy."""
    server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    upgrade(stack.postgres_url(TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database_url(stack: Stack, server: psycopg.Connection[Any], template_database: str) -> Iterator[str]:
    """The superuser's address of a fresh, migrated database."""
    with copied_database(server, template_database, prefix="test") as name:
        yield stack.postgres_url(name)


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a fresh, migrated database, autocommit, with all rights."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def another_connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A second connection to the same database, for what happens at the same time."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def archive_client(stack: Stack) -> Any:
    """An S3 client with all rights, to look at what a job stored."""
    return stack.object_store_client()


@pytest.fixture
def archive(stack: Stack, archive_client: Any) -> LockedObjectStore:
    """A fresh bucket with versions and Object Lock, with the rights that jobs have: they read, put and lock, and delete nothing."""
    bucket = f"econsent-test-{secrets.token_hex(6)}"
    archive_client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    return LockedObjectStore(stack.object_store_client("econsent_archive"), bucket)


@pytest.fixture
def efs(tmp_path: Path) -> Path:
    """An empty shared file system."""
    folder = tmp_path / "efs"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def languages() -> LanguageDetector:
    """Its models load once for all tests."""
    return LanguageDetector()
