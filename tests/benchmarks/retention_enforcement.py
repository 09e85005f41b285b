"""Purging against its limit: bare DeleteObjects requests of 1,000 versions on keys of the same kind.

1. Start the real servers. Objects are put without a lock: a lock that has to end first would only be waited for.
2. Find the shape in which the bare loop is fastest: 1, 2, 4, 8 or 16 threads, or 4 processes.
3. In pairs: the job purges what is marked, with its second look, its hold check, its guard, its tombstones committed and its lister; then
   the bare loop deletes as many, at its best shape. The first of a pair alternates.
4. One by one: bare requests for one version each.
5. Purge 1, 4 and 16 times the work, to see whether the time per item grows.
6. Merge a generated listing and table, for the memory of the orphan check.
"""

import argparse
import hashlib
import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg
from botocore.config import Config
from botocore.session import get_session

from econsent_jobs.core.collecting import rarely_collected
from econsent_jobs.core.limits import Limits
from econsent_jobs.retention_enforcement import enforce
from econsent_jobs.retention_enforcement.model import Settings
from econsent_jobs.retention_enforcement.rules.orphans import Listed, Recorded, find_orphans
from econsent_jobs.retention_enforcement.tools import real_tools
from econsent_stack.benchmark import arguments, measured, report, show
from econsent_stack.process import peak_kb
from econsent_stack.stack import Stack

ROLE: Final = "econsent_retention_enforcement"
CONNECTION: Final = "AIRFLOW_CONN_ECONSENT_ARCHIVE_RETENTION"
PATIENT: Final = Config(retries={"total_max_attempts": 1}, read_timeout=600, max_pool_connections=32)
SHAPES: Final = ((1, 1), (1, 2), (1, 4), (1, 8), (1, 16), (4, 1))  # processes, threads in each
FORK: Final = multiprocessing.get_context("fork")
BODY: Final = b'{"certificateId":"EC-bench"}' * 40
SHA256: Final = hashlib.sha256(BODY).hexdigest()
AT_ONCE: Final = 1_000
ONE_BY_ONE: Final = 200
NUMBERS: Final = count(1)
Version = tuple[str, str]
MARK: Final = """
INSERT INTO econsent.storage_objects (company_id, session_id, kind, backend, tier, bucket, object_key, version_id, bytes, sha256,
    lock_mode, retain_until, state, expired_at, mark_rule, marked_by, purge_after)
SELECT %(company)s, 's-1', 'recording', 's3', 2, %(bucket)s, named.key, named.version, %(bytes)s, %(sha256)s, 'COMPLIANCE',
    now() - interval '1 day', 'expired', now() - interval '8 days', 'default', 'expire_certificates', now() - interval '1 day'
FROM unnest(%(keys)s::text[], %(versions)s::text[]) AS named (key, version)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    stack: Stack
    database: psycopg.Connection[Any]
    bucket: str
    audit_bucket: str
    efs: Path


@rarely_collected()  # job and limit alike
def main(argv: list[str]) -> int:
    parser = arguments("retention_enforcement", __doc__, items=2_000, what="versions")
    parser.add_argument("--listed", type=int, default=1_000_000, help="generated lines of a listing, and rows (1,000,000)")
    parser.add_argument("--merge", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.merge is not None:
        sys.stdout.write(f"{merge(options.merge)}\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="econsent-bench-") as folder, Stack(Path(folder) / "stack") as stack:
        admin = stack.object_store_client()
        for bucket in ("econsent-bench", "econsent-bench-audit"):
            admin.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
        efs = Path(folder) / "efs"
        efs.mkdir()
        with psycopg.connect(stack.postgres_url("econsent"), autocommit=True) as database:
            bench = Bench(stack=stack, database=database, bucket="econsent-bench", audit_bucket="econsent-bench-audit", efs=efs)
            line = measure(bench, options)
    show(line, on_one_line=options.json)
    return 0


def measure(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    purge(bench, 100)
    delete_bare(bench, (1, 1), items=100)
    shape = min(SHAPES, key=lambda shape: delete_bare(bench, shape, items=options.items))
    pairs = measured(options.pairs, lambda: purge(bench, options.items), lambda: delete_bare(bench, shape, items=options.items))
    single = delete_one_by_one(bench, ONE_BY_ONE) / ONE_BY_ONE
    a_job = sorted(seconds / options.items for seconds, _ in pairs)[len(pairs) // 2]
    growth = {f"{times}x": round(purge(bench, 250 * times) / (250 * times), 6) for times in (1, 4, 16)}
    merged = subprocess.run(
        [sys.executable, __file__, "--merge", str(options.listed)], stdout=subprocess.PIPE, check=True, text=True
    ).stdout.split()
    return report(
        "retention_enforcement",
        items=options.items,
        pairs=pairs,
        parts={
            "limit_shape": {"processes": shape[0], "threads": shape[1]},
            "times_one_by_one": round(single / a_job, 1),
            "seconds_per_item": growth,
            "merge": {"lines": options.listed, "rss_mb": int(merged[0]), "seconds": float(merged[1]), "findings": int(merged[2])},
        },
        rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )


def client_of(bench: Bench) -> Any:
    """A client with the job's rights that waits for as long as a busy machine takes."""
    connection = json.loads(bench.stack.environment()[CONNECTION])
    return get_session().create_client(
        "s3",
        endpoint_url=connection["extra"]["endpoint_url"],
        region_name=connection["extra"]["region_name"],
        aws_access_key_id=connection["login"],
        aws_secret_access_key=connection["password"],
        config=PATIENT,
    )


def put(bench: Bench, items: int) -> list[Version]:
    """Put that many objects under fresh keys."""
    number = next(NUMBERS)
    client = client_of(bench)

    def one(place: int) -> Version:
        key = f"bench/{number:04d}/{place:06d}.json"
        return key, client.put_object(Bucket=bench.bucket, Key=key, Body=BODY)["VersionId"]

    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(one, range(items)))


def purge(bench: Bench, items: int) -> float:
    """Mark fresh objects and return the seconds in which the job purges them all."""
    versions = put(bench, items)
    company = f"bench-{next(NUMBERS)}"
    bench.database.execute("SELECT econsent.create_company(%s, %s, 'growth')", [company, company])
    bench.database.execute(
        "INSERT INTO econsent.properties (company_id, property_id, name, origin, uid) VALUES (%s, 'shop', 'S', 'https://example.com', %s)",
        [company, company],
    )
    bench.database.execute(
        "INSERT INTO econsent.sessions (company_id, session_id, property_id, started_at, expires_at, retention_status)"
        " VALUES (%s, 's-1', 'shop', now() - interval '8 years', now(), 'retained')",
        [company],
    )
    keys, version_ids = [key for key, _ in versions], [version_id for _, version_id in versions]
    row = {"company": company, "bucket": bench.bucket, "bytes": len(BODY), "sha256": SHA256, "keys": keys, "versions": version_ids}
    bench.database.execute(MARK, row)
    bench.database.execute("ANALYZE econsent.storage_objects")
    with psycopg.connect(bench.stack.postgres_url("econsent", user=ROLE), autocommit=True) as own:
        tools = real_tools(
            database=own,
            client=client_of(bench),
            bucket=bench.bucket,
            audit_bucket=bench.audit_bucket,
            efs_base=bench.efs,
            settings=Settings(run_id="bench"),
        )
        tools.store.now()
        started = time.perf_counter()
        result = enforce("purge_objects", tools=tools, limits=Limits(batch_size=500, run_seconds=3_600))
        seconds = time.perf_counter() - started
    assert result.changed == items, f"{result.changed} of {items} were deleted"
    return seconds


def delete_bare(bench: Bench, shape: tuple[int, int], *, items: int) -> float:
    """Put fresh objects and return the seconds in which bare requests of 1,000 delete them."""
    processes, threads = shape
    versions = put(bench, items)
    parts = [versions[place::processes] for place in range(processes)]
    if processes == 1:
        return delete_some(bench, parts[0], threads)
    ready, done = FORK.Barrier(processes + 1), FORK.SimpleQueue()
    workers = [FORK.Process(target=delete_in_process, args=(bench, part, ready, done)) for part in parts]
    for worker in workers:
        worker.start()
    ready.wait()
    started = time.perf_counter()
    for _ in workers:
        done.get()
    seconds = time.perf_counter() - started
    for worker in workers:
        worker.join()
    return seconds


def delete_in_process(bench: Bench, versions: Sequence[Version], ready: Any, done: Any) -> None:
    client = client_of(bench)
    client.list_object_versions(Bucket=bench.bucket, MaxKeys=1)
    ready.wait()
    for request in requests(versions, AT_ONCE):
        client.delete_objects(Bucket=bench.bucket, Delete=request)
    done.put(len(versions))


def delete_some(bench: Bench, versions: Sequence[Version], threads: int) -> float:
    client = client_of(bench)
    client.list_object_versions(Bucket=bench.bucket, MaxKeys=1)
    size = min(AT_ONCE, max(1, -(-len(versions) // threads)))
    with ThreadPoolExecutor(max_workers=threads) as pool:
        started = time.perf_counter()
        list(pool.map(lambda request: client.delete_objects(Bucket=bench.bucket, Delete=request), requests(versions, size)))
        return time.perf_counter() - started


def requests(versions: Sequence[Version], size: int) -> Iterator[dict[str, Any]]:
    for place in range(0, len(versions), size):
        named = [{"Key": key, "VersionId": version_id} for key, version_id in versions[place : place + size]]
        yield {"Objects": named, "Quiet": True}


def delete_one_by_one(bench: Bench, items: int) -> float:
    """A bare request for each version."""
    versions = put(bench, items)
    client = client_of(bench)
    started = time.perf_counter()
    for key, version_id in versions:
        client.delete_object(Bucket=bench.bucket, Key=key, VersionId=version_id)
    return time.perf_counter() - started


def merge(lines: int) -> str:
    """Merge so many generated lines and rows, one in ten thousand wrong, and return peak memory in MB, seconds and findings."""
    old = datetime(2026, 1, 1, tzinfo=UTC)
    listing = (
        Listed(key=f"k/{place:09d}", version_id="1", size_bytes=10 if place % 10_000 else 11, modified_at=old) for place in range(lines)
    )
    rows = (Recorded(key=f"k/{place:09d}", version_id="1", size_bytes=10, sha256="a", created_at=old) for place in range(lines))
    started = time.perf_counter()
    found = sum(1 for _ in find_orphans(listing, rows, now=old + timedelta(days=30), grace=timedelta(days=7)))
    seconds = time.perf_counter() - started
    return f"{peak_kb() // 1024} {seconds:.1f} {found}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
