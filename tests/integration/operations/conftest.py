"""One archive, one index and one file system that stay as they are, and database servers that are lost and come back."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from econsent_jobs.certificate_processing.languages import LanguageDetector
from econsent_jobs.io.object_store import LockedObjectStore
from econsent_stack.servers import elasticsearch
from econsent_stack.stack import Stack
from tests.integration.operations.servers import database_server
from tests.integration.operations.world import World


@pytest.fixture
def world(stack: Stack, archive: LockedObjectStore, archive_client: Any, efs: Path, languages: LanguageDetector) -> Iterator[World]:
    """Everything but the database."""
    audit_bucket = f"econsent-test-{secrets.token_hex(6)}"
    archive_client.create_bucket(Bucket=audit_bucket, ObjectLockEnabledForBucket=True)
    alias = f"test-{secrets.token_hex(5)}"
    with Elasticsearch(elasticsearch.SERVER.endpoint(stack.place(elasticsearch.SERVER)), request_timeout=30) as client:
        yield World(stack=stack, archive=archive, audit_bucket=audit_bucket, efs=efs, languages=languages, search=client, alias=alias)
        client.indices.delete(index=",".join(client.indices.get(index=f"{alias}*").keys()) or "none", ignore_unavailable=True)


@pytest.fixture
def lost(tmp_path: Path) -> Iterator[Stack]:
    """The database server that is lost, with eConsent's schema."""
    with database_server(tmp_path / "lost") as server:
        server.migrate()
        yield server


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Stack]:
    """A server on which nobody has done anything yet."""
    with database_server(tmp_path / "fresh") as server:
        yield server


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A folder that whoever runs PostgreSQL's programs may write to."""
    folder = tmp_path / "backup"
    folder.mkdir()
    folder.chmod(0o777)
    return folder
