"""What a certificate takes up, and how many an hour one lane makes: the figures of the capacity table in docs/operations.md.

    .venv/bin/python -m tests.integration.operations.capacity --certificates 2000

On servers of its own, with the demo's mix of certificates. Rates are those of this machine at this moment; sizes are
the same everywhere. Nothing of it is compared with a limit: that is what ./econsent bench is for.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
from elasticsearch import Elasticsearch

from demo.tenants import TENANTS
from demo.traffic import generate
from econsent_jobs.certificate_processing import process_certificates
from econsent_jobs.certificate_processing.languages import LanguageDetector
from econsent_jobs.certificate_processing.model import Settings, SigningKey
from econsent_jobs.certificate_processing.tools import real_tools
from econsent_jobs.core.limits import Limits
from econsent_jobs.elasticsearch_sync import sync_search
from econsent_jobs.elasticsearch_sync.model import Settings as SearchSettings
from econsent_jobs.elasticsearch_sync.tools import real_tools as search_tools
from econsent_jobs.io.search_index import SearchIndex
from econsent_stack.servers import elasticsearch
from econsent_stack.stack import Stack

ALIAS: Final = "capacity"
BUCKET: Final = "econsent-archive"
LIMITS: Final = Limits(batch_size=50, run_seconds=3_000)
SYNC_LIMITS: Final = Limits(batch_size=1_000, run_seconds=3_000)
SIZES: Final = """
SELECT regexp_replace(relation.relname, '_[0-9a-f]{32}$', '') AS family, sum(pg_relation_size(relation.oid)) AS heap,
  sum(pg_indexes_size(relation.oid)) AS indexes, sum(pg_total_relation_size(relation.oid)) AS whole
FROM pg_class AS relation
WHERE relation.relnamespace = 'econsent'::regnamespace AND relation.relkind = 'r' GROUP BY 1 ORDER BY whole DESC
"""


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.integration.operations.capacity", description=__doc__)
    words.add_argument("--certificates", type=int, default=2_000, metavar="N")
    items: int = words.parse_args().certificates
    with tempfile.TemporaryDirectory(prefix="econsent-capacity-") as folder, Stack(Path(folder)) as stack:
        sys.stdout.write(f"{json.dumps(measure(stack, items), indent=2)}\n")
    return 0


def measure(stack: Stack, items: int) -> dict[str, Any]:
    with psycopg.connect(stack.postgres_url("econsent"), autocommit=True) as database:
        generate(database, stack.home.efs, sessions=len(TENANTS), seed=1, now=an_hour_ago())
        finalise(stack)
        synchronise(stack)
        empty = sizes(database)
        rows = count(database)
        generate(database, stack.home.efs, sessions=items, seed=2, now=an_hour_ago())
        finalised, finalising = timed(lambda: finalise(stack))
        sent, sending = timed(lambda: synchronise(stack))
        assert (finalised, sent) == (items, items), (finalised, sent)
        database.execute("VACUUM (FULL, ANALYZE)")
        full, made = sizes(database), count(database)
        with Elasticsearch(elasticsearch.SERVER.endpoint(stack.place(elasticsearch.SERVER))) as client:
            index_bytes = size_of_index(client)
        per_table = {name: round((size - empty.get(name, 0)) / items) for name, size in full.items()}
        return {
            "certificates": items,
            "finalised_per_second_one_lane": round(items / finalising, 1),
            "synchronised_per_second": round(items / sending, 1),
            "rows_per_certificate": {name: round((number - rows[name]) / items, 2) for name, number in made.items()},
            "database_bytes_per_certificate": {name: size for name, size in per_table.items() if size > 0},
            "database_bytes_per_certificate_whole": sum(per_table.values()),
            "index_bytes_per_certificate": round(index_bytes / (items + len(TENANTS))),
            "archive": archive_of(database),
            "share_bytes_per_session": share_of(database),
        }


def an_hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def timed(work: Callable[[], int]) -> tuple[int, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def finalise(stack: Stack) -> int:
    """One lane of certificate processing, until nothing waits."""
    with psycopg.connect(stack.postgres_url("econsent", user="econsent_certificate_processing"), autocommit=True) as own:
        tools = real_tools(
            database=own,
            client=stack.object_store_client("econsent_archive"),
            bucket=BUCKET,
            efs_base=stack.home.efs,
            settings=Settings(signing_key=SigningKey(key_id="key-1", secret=b"a key of 32 bytes for capacities")),
            languages=LanguageDetector(),
        )
        return process_certificates(tools=tools, limits=LIMITS).changed


def synchronise(stack: Stack) -> int:
    endpoint = elasticsearch.SERVER.endpoint(stack.place(elasticsearch.SERVER))
    with (
        psycopg.connect(stack.postgres_url("econsent", user="econsent_elasticsearch_sync"), autocommit=True) as own,
        Elasticsearch(endpoint) as client,
    ):
        settings = SearchSettings(alias=ALIAS, replicas=0)
        tools = search_tools(database=own, search=SearchIndex(client, request_seconds=60), settings=settings)
        return sync_search(tools=tools, limits=SYNC_LIMITS).changed


def sizes(database: psycopg.Connection[Any]) -> dict[str, int]:
    """Bytes of each table with its indexes and its long values; partitions of all companies together."""
    return {name: int(whole) for name, _, _, whole in database.execute(SIZES.encode()).fetchall()}


def count(database: psycopg.Connection[Any]) -> dict[str, int]:
    tables = ("sessions", "certificates", "attestations", "storage_objects", "webhook_events", "audit_log", "usage_events", "search_outbox")
    return {name: (database.execute(f"SELECT count(*) FROM econsent.{name}").fetchone() or (0,))[0] for name in tables}


def size_of_index(client: Elasticsearch) -> int:
    client.indices.refresh(index=f"{ALIAS}*")
    client.indices.forcemerge(index=f"{ALIAS}*", max_num_segments=1)
    client.indices.flush(index=f"{ALIAS}*")
    return client.indices.stats(index=f"{ALIAS}*")["_all"]["primaries"]["store"]["size_in_bytes"]


def archive_of(database: psycopg.Connection[Any]) -> dict[str, dict[str, float]]:
    """By kind: objects and bytes of a certificate."""
    rows = database.execute(
        "SELECT kind, count(*), sum(bytes), (SELECT count(*) FROM econsent.certificates) FROM econsent.storage_objects GROUP BY kind"
    ).fetchall()
    return {kind: {"objects": round(number / whole, 2), "bytes": round(total / whole)} for kind, number, total, whole in rows}


def share_of(database: psycopg.Connection[Any]) -> int:
    (found,) = database.execute("SELECT avg(recording_bytes)::integer FROM econsent.sessions").fetchone() or (0,)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
