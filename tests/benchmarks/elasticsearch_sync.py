"""The search index's sync against its limit: ``_bulk`` of the same documents, already in memory, to the same server.

1. Start the real servers, durable, and insert finalised certificates of ordinary size.
2. Find the shape in which the bare loop is fastest: 1, 2, 4, 8 or 16 threads, or 4 processes. Every shape is run twice before it counts,
   because Elasticsearch compiles what it runs often: its first bulks take three to five times the work of later ones.
3. In pairs: the job empties an outbox of changed certificates (claim, read, project, send, close); then the loop sends as many documents
   of the same bytes under higher versions. The first of a pair alternates.
4. The same for filling a new index from the rows, against the loop into a further index.
5. Empty outboxes of 1, 4 and 16 times a quarter of the work, each in a process of its own: time per document and memory may not grow.
6. The same writes in PostgreSQL with and without the triggers that fill the outbox.
7. In pairs again, the job and PGSync, its peer, bring as many changes, and all rows, each into an index of its own.
"""

import json
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from elasticsearch import Elasticsearch

from econsent_jobs.core.collecting import rarely_collected
from econsent_jobs.core.limits import Limits
from econsent_jobs.elasticsearch_sync.job import drain, ensure_live_index
from econsent_jobs.elasticsearch_sync.model import Document, Key, Settings
from econsent_jobs.elasticsearch_sync.reindex import begin, fill
from econsent_jobs.elasticsearch_sync.rules.projection import project
from econsent_jobs.elasticsearch_sync.tools import Tools, real_tools
from econsent_jobs.io.search_index import SearchIndex
from econsent_stack.benchmark import Pair, arguments, measured, median_ratio, report, show
from econsent_stack.servers import elasticsearch
from econsent_stack.stack import Stack
from tests.benchmarks.peers import pgsync

COMPANY: Final = "bench"
SHAPES: Final = ((1, 1), (1, 2), (1, 4), (1, 8), (1, 16), (4, 1))  # processes, threads in each
WARMING: Final = 2
LIMIT_BULK: Final = 1_000
FORK: Final = multiprocessing.get_context("fork")
SETTINGS: Final = Settings(alias="certificates", replicas=0)
TEXT: Final = "By clicking Submit I agree to receive calls and texts, also automated ones, at the number that I provided. " * 4
Lines = list[bytes]


@rarely_collected()  # job and limit alike
def main(argv: list[str]) -> int:
    words = arguments("elasticsearch_sync", __doc__, items=10_000, what="certificates")
    words.add_argument("--without-peer", action="store_true", help="leave PGSync out, whose environment is made from PyPI")
    options = words.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="econsent-bench-") as folder, Stack(Path(folder)) as stack:
        insert(stack, options.items)
        sync(where(stack))
        documents = read_documents(stack)
        for shape in SHAPES * WARMING:
            bare_loop(stack, documents, shape)
        shape = min(SHAPES, key=lambda shape: bare_loop(stack, documents, shape))
        changed(stack, options.items)
        pairs = measured(options.pairs, lambda: changed(stack, options.items), lambda: bare_loop(stack, documents, shape))
        fills = measured(options.pairs, lambda: filled(stack), lambda: bare_loop(stack, documents, shape, fresh=True))
        triggers = [with_triggers(stack, options.items) / without_triggers(stack, options.items) for _ in range(options.pairs)]
        peer = None if options.without_peer else beside_peer(stack, Path(folder) / "peer", options.items, options.pairs)
        growth = {times: in_own_process(stack, options.items * times // 4) for times in (1, 4, 16)}
    line = report(
        "elasticsearch_sync",
        items=options.items,
        pairs=pairs,
        peer=(pgsync.NAME, median_ratio(peer.incremental)) if peer else None,
        parts={
            "limit_shape": {"processes": shape[0], "threads": shape[1]},
            "document_bytes": round(statistics.mean(len(document.body) for document in documents)),
            "reindex_ratio_to_limit": median_ratio(fills),
            "reindex_seconds": round(statistics.median(job for job, _ in fills), 3),
            "writes_with_triggers_to_without": round(statistics.median(triggers), 2),
            **(peer.parts() if peer else {}),
            "seconds_per_item": {f"{times}x": round(found["seconds"], 6) for times, found in growth.items()},
            "rss_mb": {f"{times}x": found["rss_mb"] for times, found in growth.items()},
        },
        rss_mb=max(found["rss_mb"] for found in growth.values()),
    )
    show(line, on_one_line=options.json)
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BesidePeer:
    """What PGSync took beside the job: pairs of seconds, the job's first."""

    incremental: list[Pair]
    bootstrap: list[Pair]
    writes: list[Pair]
    """The platform's writes without anybody's triggers, and with the peer's."""

    def parts(self) -> dict[str, Any]:
        return {
            "peer_seconds": round(statistics.median(peer for _, peer in self.incremental), 3),
            "peer_bootstrap_seconds": round(statistics.median(peer for _, peer in self.bootstrap), 3),
            "peer_bootstrap_ratio": median_ratio(self.bootstrap),
            "peer_writes_with_triggers_to_without": median_ratio(self.writes),
        }


def beside_peer(stack: Stack, folder: Path, items: int, pairs: int) -> BesidePeer:
    with pgsync.opened(stack, folder) as peer:
        bootstrap = measured(pairs, lambda: filled(stack), peer.bootstrapped)
        incremental: list[Pair] = []
        writes: list[Pair] = []
        for _ in range(pairs):
            bare = without_triggers(stack, items)
            job = changed(stack, items)
            with peer.following():  # it polls all the time, so it runs only while it is measured
                written, synced = peer.changed(items)
            incremental.append((job, synced))
            writes.append((bare, written))
    return BesidePeer(incremental=incremental, bootstrap=bootstrap, writes=writes)


def insert(stack: Stack, items: int) -> None:
    with psycopg.connect(stack.postgres_url("econsent"), autocommit=True) as database:
        if database.execute("SELECT FROM econsent.companies WHERE company_id = %s", [COMPANY]).rowcount == 0:
            database.execute("SELECT econsent.create_company(%s, 'Bench', 'growth')", [COMPANY])
            database.execute(
                "INSERT INTO econsent.properties (company_id, property_id, name, origin, uid) VALUES (%s, 'shop', 'S', 'https://x', 'b')",
                [COMPANY],
            )
        records = [{"id": "1", "type": kind, "value": TEXT, "category": "main-explicit", "explicit": True} for kind in ("call", "text")]
        database.execute(
            """
            INSERT INTO econsent.certificates (company_id, property_id, source, source_ref, certificate_id, signature, consent_at, capture,
            status, consumer_phone, consumer_email, consumer_name, consent_records, ip, geo, origin, domain, expires_at, finalized_at)
            SELECT %(company)s, 'shop', 'meta', gen_random_uuid(), gen_random_uuid(), 's', now(), '{}', 'finalized', '+12025550123',
            'person' || n || '@example.com', 'Ann Example ' || n, %(records)s, '192.0.2.1', '{"country": "US", "city": "Austin"}',
            'https://shop.example.com', 'shop.example.com', now() + interval '5 years', now()
            FROM generate_series(1, %(items)s) AS n
            """,
            {"company": COMPANY, "records": json.dumps(records), "items": items},
        )
        database.execute("ANALYZE")


def where(stack: Stack) -> tuple[str, str]:
    """The addresses of the database, as the job's role, and of the index."""
    url = stack.postgres_url("econsent", user="econsent_elasticsearch_sync")
    return url, elasticsearch.SERVER.endpoint(stack.place(elasticsearch.SERVER))


def with_tools(places: tuple[str, str], use: Callable[[Tools], Any]) -> Any:
    url, endpoint = places
    with psycopg.connect(url, autocommit=True) as database, Elasticsearch(endpoint) as client:
        return use(real_tools(database=database, search=SearchIndex(client), settings=SETTINGS))


def sync(places: tuple[str, str]) -> int:
    """Empty the outbox as a run does, without the share of proof that follows."""

    def use(tools: Tools) -> int:
        ensure_live_index(tools)
        return drain(tools, Limits(batch_size=1_000, run_seconds=400), deadline=float("inf")).changed

    return with_tools(places, use)


def change(stack: Stack, items: int) -> None:
    with psycopg.connect(stack.postgres_url("econsent"), autocommit=True) as database:
        database.execute(
            """
            UPDATE econsent.certificates SET consumer_name = consumer_name || '!' WHERE company_id = %(company)s AND certificate_pk IN
            (SELECT certificate_pk FROM econsent.certificates WHERE company_id = %(company)s ORDER BY certificate_pk LIMIT %(items)s)
            """,
            {"company": COMPANY, "items": items},
        )


def changed(stack: Stack, items: int) -> float:
    """Seconds in which the job brings ``items`` changes into the index."""
    change(stack, items)
    started = time.perf_counter()
    done = sync(where(stack))
    seconds = time.perf_counter() - started
    assert done == items, f"{done} of {items} were written"
    return seconds


def filled(stack: Stack) -> float:
    """Seconds in which a new index is filled."""

    def use(tools: Tools) -> float:
        target = begin(tools)
        started = time.perf_counter()
        fill(target, tools, page=2_000, deadline=float("inf"))
        seconds = time.perf_counter() - started
        tools.index.delete(target.index_name)
        with psycopg.connect(stack.postgres_url("econsent"), autocommit=True) as database:
            database.execute("DELETE FROM econsent.search_targets WHERE index_name = %s", [target.index_name])
        return seconds

    return with_tools(where(stack), use)


def read_documents(stack: Stack) -> list[Document]:
    def use(tools: Tools) -> list[Document]:
        pks = tools.store.page(COMPANY, after=0, most=1_000_000)
        rows = tools.store.load(COMPANY, pks)
        return [project(Key(COMPANY, row.certificate_pk), row, row_version=1, indexed_at_ms=0) for row in rows]

    return with_tools(where(stack), use)


def bare_loop(stack: Stack, documents: Sequence[Document], shape: tuple[int, int], *, fresh: bool = False) -> float:
    """Seconds in which the documents are sent, connections warmed, every line made beforehand."""
    processes, threads = shape
    endpoint = elasticsearch.SERVER.endpoint(stack.place(elasticsearch.SERVER))
    name = "limit-fresh" if fresh else "limit"
    with Elasticsearch(endpoint) as client:
        if fresh:
            client.indices.delete(index=name, ignore_unavailable=True)
        with_tools(where(stack), lambda tools: tools.index.create(name))
    version = time.time_ns() // 1_000
    bulks = [lines_of(name, documents[first : first + LIMIT_BULK], version) for first in range(0, len(documents), LIMIT_BULK)]
    if processes == 1:
        return send_all(endpoint, bulks, threads)
    with FORK.Pool(processes) as pool:
        started = time.perf_counter()
        pool.starmap(send_all, [(endpoint, bulks[number::processes], threads) for number in range(processes)])
        return time.perf_counter() - started


def lines_of(index: str, documents: Sequence[Document], version: int) -> Lines:
    lines: Lines = []
    for document in documents:
        about = {"_index": index, "_id": document.key.document_id, "routing": COMPANY, "version": version, "version_type": "external"}
        lines += [json.dumps({"index": about}).encode(), document.body]
    return lines


def send_all(endpoint: str, bulks: Sequence[Lines], threads: int) -> float:
    with Elasticsearch(endpoint, request_timeout=60) as client, ThreadPoolExecutor(threads) as pool:
        client.info()
        started = time.perf_counter()
        for answer in pool.map(lambda lines: client.bulk(operations=lines), bulks):
            assert not answer["errors"]
        return time.perf_counter() - started


def in_own_process(stack: Stack, items: int) -> dict[str, float]:
    """Seconds per document and the peak memory of a process that empties an outbox of ``items``."""
    with psycopg.connect(stack.postgres_url("econsent")) as database:
        counted = database.execute("SELECT count(*) FROM econsent.certificates WHERE company_id = %s", [COMPANY]).fetchone()
        assert counted is not None
    if counted[0] < items:
        insert(stack, items - counted[0])
        sync(where(stack))
    change(stack, items)
    with FORK.Pool(1) as pool:
        return pool.apply(measure_one, (where(stack), items))


def measure_one(places: tuple[str, str], items: int) -> dict[str, float]:
    started = time.perf_counter()
    done = sync(places)
    seconds = time.perf_counter() - started
    assert done == items, f"{done} of {items} were written"
    return {"seconds": seconds / items, "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


def with_triggers(stack: Stack, items: int) -> float:
    """Seconds of the platform's writes with everything that follows from them."""
    started = time.perf_counter()
    change(stack, items)
    seconds = time.perf_counter() - started
    sync(where(stack))
    return seconds


def without_triggers(stack: Stack, items: int) -> float:
    """Seconds of the same writes where nothing fills the outbox; afterwards the rows and the index are as they were."""
    with psycopg.connect(stack.postgres_url("econsent"), autocommit=True) as database:
        database.execute("ALTER TABLE econsent.certificates DISABLE TRIGGER certificates_outbox")
    started = time.perf_counter()
    change(stack, items)
    seconds = time.perf_counter() - started
    with psycopg.connect(stack.postgres_url("econsent"), autocommit=True) as database:
        database.execute("ALTER TABLE econsent.certificates ENABLE TRIGGER certificates_outbox")
    return seconds
