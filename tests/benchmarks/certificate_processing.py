"""Certificate processing against its limit: a loop that puts the same objects with the same locks through the same S3 server.

1. Start the real servers, durable, and warm them.
2. Find the shape in which the bare loop is fastest: 1, 2, 4, 8 or 16 threads, or 4 processes.
3. In pairs: two lanes of the job, each a process as under Airflow, empty a queue of the demo's mix; then the loop, at its best shape,
   puts as many objects of the same sizes under new keys. The first of a pair alternates.
4. Drain 1, 4 and 16 times the work, to see whether the time per item grows.
5. On one core, without servers: strings, id, hash and signature; a whole attestation at 20 and at 500 events.
"""

import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg

from demo.captures import good_capture
from demo.traffic import generate
from econsent_jobs.certificate_processing import process_certificates
from econsent_jobs.certificate_processing.languages import LanguageDetector
from econsent_jobs.certificate_processing.model import (
    Interaction,
    Key,
    Language,
    Pending,
    Recording,
    Session,
    Settings,
    SigningKey,
    Source,
)
from econsent_jobs.certificate_processing.rules import consents
from econsent_jobs.certificate_processing.rules.capture import read_capture
from econsent_jobs.certificate_processing.rules.documents import Evidence, build
from econsent_jobs.certificate_processing.tools import real_tools
from econsent_jobs.core.collecting import rarely_collected
from econsent_jobs.core.limits import Limits
from econsent_jobs.io.object_store import LockedObject, LockedObjectStore
from econsent_stack.benchmark import arguments, measured, report, show
from econsent_stack.stack import Stack

BUCKET: Final = "econsent-archive"
LANES: Final = 2
SHAPES: Final = ((1, 1), (1, 2), (1, 4), (1, 8), (1, 16), (4, 2))  # processes, threads in each
KEY: Final = SigningKey(key_id="bench", secret=b"a key for benchmarks of 32 bytes")
FORK: Final = multiprocessing.get_context("fork")
SEEDS: Final = count(1)
KEYS: Final = count(1)


@rarely_collected()  # job and limit alike
def main(argv: list[str]) -> int:
    options = arguments("certificate_processing", __doc__, items=400, what="certificates").parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="econsent-bench-") as folder, Stack(Path(folder)) as stack:
        objects = warm_up(stack, sessions=60)
        shape = best_shape(stack, objects)
        pairs = measured(options.pairs, lambda: drain(stack, options.items), lambda: put_all(stack, objects, shape, items=options.items))
        growth = {f"{times}x": drain(stack, options.items * times // 4) / (options.items * times // 4) for times in (1, 4, 16)}
    line = report(
        "certificate_processing",
        items=options.items,
        pairs=pairs,
        parts={
            "limit_shape": {"processes": shape[0], "threads": shape[1]},
            "seconds_per_item": {times: round(seconds, 5) for times, seconds in growth.items()},
            "signatures_per_second": round(per_second(sign_one)),
            "attestations_per_second": {str(events): round(per_second(attestation_of(events))) for events in (20, 500)},
        },
        rss_mb=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    )
    show(line, on_one_line=options.json)
    return 0


def warm_up(stack: Stack, *, sessions: int) -> list[LockedObject]:
    """Finalise some certificates; return their objects, as the mix that the limit puts."""
    drain(stack, sessions)
    with psycopg.connect(stack.postgres_url("econsent")) as database:
        rows = database.execute("SELECT object_key, sha256, content_type, retain_until FROM econsent.storage_objects").fetchall()
    client = stack.object_store_client("econsent_archive_verify")
    return [
        LockedObject(
            key=key,
            body=client.get_object(Bucket=BUCKET, Key=key)["Body"].read(),
            sha256=sha256,
            content_type=content_type,
            retain_until=retain_until,
            metadata=(("schema", "1"), ("company-id", "bench")),
        )
        for key, sha256, content_type, retain_until in rows
    ]


def drain(stack: Stack, items: int) -> float:
    """Fill the queue with ``items`` certificates and return the seconds in which two lanes empty it."""
    with psycopg.connect(stack.postgres_url("econsent", user="econsent_platform"), autocommit=True) as database:
        made = generate(database, stack.home.efs, sessions=items, seed=next(SEEDS), now=datetime.now(UTC) - timedelta(hours=1))
    assert made == items, f"{made} of {items} certificates were made"
    ready = FORK.Barrier(LANES + 1)
    counted = FORK.SimpleQueue()
    lanes = [FORK.Process(target=lane, args=(stack, ready, counted)) for _ in range(LANES)]
    for process in lanes:
        process.start()
    ready.wait()
    started = time.perf_counter()
    finalised = sum(counted.get() for _ in lanes)
    seconds = time.perf_counter() - started
    for process in lanes:
        process.join()
    assert finalised == items, f"{finalised} of {items} certificates were finalised"
    return seconds


def lane(stack: Stack, ready: Any, counted: Any) -> None:
    """One lane, with its connections warmed before the clock starts."""
    languages = LanguageDetector()
    languages.detect("By clicking you agree.")
    client = stack.object_store_client("econsent_archive")
    client.list_objects_v2(Bucket=BUCKET, MaxKeys=1)
    url = stack.postgres_url("econsent", user="econsent_certificate_processing")
    with psycopg.connect(url, autocommit=True) as database, closing(client):
        tools = real_tools(
            database=database,
            client=client,
            bucket=BUCKET,
            efs_base=stack.home.efs,
            settings=Settings(signing_key=KEY),
            languages=languages,
        )
        ready.wait()
        counted.put(process_certificates(tools=tools, limits=Limits(batch_size=50, run_seconds=600)).changed)


def best_shape(stack: Stack, objects: Sequence[LockedObject]) -> tuple[int, int]:
    """Return the processes and threads with which the bare loop is fastest."""
    seconds = {shape: put_all(stack, objects, shape, items=120) for shape in SHAPES}
    return min(seconds, key=lambda shape: seconds[shape])


def put_all(stack: Stack, objects: Sequence[LockedObject], shape: tuple[int, int], *, items: int) -> float:
    """Put what ``items`` certificates put, three objects each, and return the seconds. Nothing but the client and the server."""
    batch = next(KEYS)
    fresh = [replace(objects[n % len(objects)], key=f"bench/{batch}/{n}") for n in range(items * 3)]
    processes, threads = shape
    ready = FORK.Barrier(processes + 1)
    done = FORK.SimpleQueue()
    workers = [FORK.Process(target=put_some, args=(stack, fresh[start::processes], threads, ready, done)) for start in range(processes)]
    for process in workers:
        process.start()
    ready.wait()
    started = time.perf_counter()
    for _ in workers:
        done.get()
    seconds = time.perf_counter() - started
    for process in workers:
        process.join()
    return seconds


def put_some(stack: Stack, objects: Sequence[LockedObject], threads: int, ready: Any, done: Any) -> None:
    client = stack.object_store_client("econsent_archive")
    store = LockedObjectStore(client, BUCKET)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: client.list_objects_v2(Bucket=BUCKET, MaxKeys=1), range(threads)))
        ready.wait()
        list(pool.map(store.put_once, objects))
        done.put(len(objects))


def per_second(one: Callable[[], object]) -> float:
    """Return how often ``one`` runs in a second on one core: the best of five, because others share the machine."""
    rates: list[float] = []
    for _ in range(5):
        started, runs = time.process_time(), 0
        while time.process_time() - started < 0.5:
            one()
            runs += 1
        rates.append(runs / (time.process_time() - started))
    return max(rates)


def sign_one() -> str:
    """Strings, id, hash and signature of one certificate, from its consent elements."""
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    records = [consents.normalise(found) for found in consents.most_complete(consents.extract(CAPTURE.consents))]
    printed = consents.fingerprint(records)
    text = consents.payload(
        reference="sess-1", company_id="demo-01", property_id="p", consent_at=at, fingerprint=printed, domain="lead.example.com"
    )
    hashed = consents.consent_hash(text, entropy="0" * 32)
    return consents.sign({"certificateId": consents.certificate_id("sess-1", consent_hash=hashed), "payload": text}, key=KEY)


def attestation_of(events: int) -> Callable[[], object]:
    """Return the building of one whole certificate whose chain has ``events`` links."""
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    session = Session(session_id="s", started_at=at, last_chunk_at=at, closed_at=at, recording_path=None, recording_sha256=None)
    pending = Pending(
        key=Key("demo-01", 1),
        status="pending",
        source=Source.SESSION,
        source_ref=None,
        property_id="p",
        session=session,
        submitted_at=at,
        consent_at=at,
        capture="{}",
        dom_staging_path=None,
        ip="192.0.2.1",
        user_agent="Example/1.0",
        browser_language="en",
        geo=None,
        origin="https://lead.example.com",
        domain=None,
        expires_at=at + timedelta(days=1826),
        retain_until=at + timedelta(days=1826),
        lock_ceiling_at=at + timedelta(days=2557),
        read_at=at,
    )
    chain = [Interaction(seq=n, type="input", target=47, t=1_772_366_400_000 + n) for n in range(1, events + 1)]
    evidence = Evidence(
        pending=pending,
        capture=CAPTURE,
        recording=Recording(sha256="0" * 64, size_bytes=1, events=events, chain=chain),
        dom=b"<html>" + b"x" * 20_000,
        language=Language(code="en", confidence=1.0),
        template=None,
    )
    return lambda: build(evidence, key=KEY, entropy="0" * 32, issued_at=at, unit="code points")


CAPTURE: Final = read_capture(json.dumps(good_capture(1)), source=Source.SESSION)
