"""The stores behind a running stack, opened with all rights: for tests that prepare them and look at what a job left there."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from elasticsearch import Elasticsearch

from econsent_stack.servers import elasticsearch
from econsent_stack.stack import Stack

ARCHIVE_BUCKET: Final = "AIRFLOW_VAR_ECONSENT_ARCHIVE_BUCKET"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """``database``: eConsent's, autocommit. ``archive``: an S3 client. ``search``: Elasticsearch's. ``efs_base``: recordings and pages.

    ``environment`` is what the stack's Airflow sees.
    """

    database: psycopg.Connection[tuple[Any, ...]]
    archive: Any
    archive_bucket: str
    search: Elasticsearch
    efs_base: Path
    environment: Mapping[str, str]


@contextmanager
def open_stores(stack: Stack) -> Generator[Stores]:
    """Open the stores that the stack's own Airflow works on."""
    endpoint = elasticsearch.SERVER.endpoint(stack.place(elasticsearch.SERVER))
    with psycopg.connect(stack.postgres_url("econsent"), autocommit=True) as database, Elasticsearch(endpoint) as search:
        yield Stores(
            database=database,
            archive=stack.object_store_client(),
            archive_bucket=stack.environment()[ARCHIVE_BUCKET],
            search=search,
            efs_base=stack.home.efs,
            environment=stack.environment(),
        )
