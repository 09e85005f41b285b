"""Composition root of the search index's sync."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from econsent_airflow.connections import open_database, open_search
from econsent_airflow.job_operator import JobOperator
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.elasticsearch_sync import sync_search
from econsent_jobs.elasticsearch_sync.model import Settings
from econsent_jobs.elasticsearch_sync.reindex import reindex
from econsent_jobs.elasticsearch_sync.tools import Tools, real_tools
from econsent_jobs.io.search_index import SearchIndex

STEM = "elasticsearch_sync"


class SearchOperator(JobOperator):
    """Opens what both jobs of the search index need.

    ``alias``: what readers search. ``shards`` and ``replicas``: of an index that has to be created. All are templated.
    """

    template_fields = (*JobOperator.template_fields, "batch_size", "alias", "shards", "replicas")

    def __init__(self, *, batch_size: int | str, alias: str, shards: int | str, replicas: int | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch_size = batch_size
        self.alias = alias
        self.shards = shards
        self.replicas = replicas

    @contextmanager
    def tools(self) -> Iterator[Tools]:
        settings = Settings(alias=self.alias, shards=int(self.shards), replicas=int(self.replicas))
        with open_database(STEM) as database, open_search() as client:
            yield real_tools(database=database, search=SearchIndex(client), settings=settings)

    def limits(self) -> Limits:
        return Limits(batch_size=int(self.batch_size), run_seconds=float(self.run_seconds))


class SyncSearchOperator(SearchOperator):
    """Bring what changed into the index until nothing is due or ``run_seconds`` are over; then prove a part of it."""

    def run_job(self) -> JobResult:
        with self.tools() as tools:
            return sync_search(tools=tools, limits=self.limits())


class ReindexOperator(SearchOperator):
    """Build the next index, prove it, and let readers change over; a further try goes on where the last one ended."""

    def run_job(self) -> JobResult:
        with self.tools() as tools:
            return reindex(tools=tools, limits=self.limits())
