"""What the sync works with, and how it is put together on the real stores."""

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from econsent_jobs.core.clock import Clock, SystemClock
from econsent_jobs.elasticsearch_sync.index import ElasticIndex, Index
from econsent_jobs.elasticsearch_sync.model import Settings
from econsent_jobs.elasticsearch_sync.store import PostgresStore, Store
from econsent_jobs.io.database import Connection
from econsent_jobs.io.search_index import SearchIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """One worker's tools. ``open_senders`` gives what sends so many bulks at a time."""

    store: Store
    index: Index
    settings: Settings
    clock: Clock
    open_senders: Callable[[int], Executor] = ThreadPoolExecutor


def real_tools(*, database: Connection, search: SearchIndex, settings: Settings) -> Tools:
    """Put the tools together on PostgreSQL (``database`` in autocommit mode) and Elasticsearch."""
    clock = SystemClock()
    return Tools(store=PostgresStore(database), index=ElasticIndex(search, settings, clock), settings=settings, clock=clock)
