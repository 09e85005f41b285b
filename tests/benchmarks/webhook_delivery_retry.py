"""Webhook delivery against its limit: a loop of asyncio that signs the same bodies and posts them to the same sink.

1. Start the real PostgreSQL, durable, and a sink: an HTTPS server in a process of its own that takes everything.
2. Find the shape in which the bare loop is fastest: 1, 2, 4, 8 or 16 posts at once, or 4 processes.
3. In pairs: two lanes of the job, each a process as under Airflow, deliver what is due, attempts written down; then the loop, at its best
   shape, posts as many. The first of a pair alternates.
4. Drain 1, 4 and 16 times the work, to see whether the time per item grows.
5. A healthy endpoint while events come in, alone and beside a black hole with 10,000 due: how late its 99th of 100 is.
6. 100 healthy endpoints alone, and among 1,900 dead ones.
7. A lane's memory with a thousand and with a million due.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import multiprocessing
import resource
import ssl
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import aiohttp
import psycopg
import trustme
import uvloop

from econsent_jobs.core.collecting import rarely_collected
from econsent_jobs.core.limits import Limits
from econsent_jobs.webhook_delivery_retry import deliver_webhooks
from econsent_jobs.webhook_delivery_retry.model import AddressPolicy, SecretKeys, Settings
from econsent_jobs.webhook_delivery_retry.secret_box import seal_secret
from econsent_jobs.webhook_delivery_retry.tools import real_tools
from econsent_stack.benchmark import arguments, measured, report, show
from econsent_stack.stack import Stack
from tests.prove.webhooks.receivers import BlackHole

ROLE: Final = "econsent_webhook_delivery_retry"
LANES: Final = 2
ENDPOINTS: Final = 25
SHAPES: Final = ((1, 1), (1, 2), (1, 4), (1, 8), (1, 16), (4, 4))  # processes, posts at once in each
FORK: Final = multiprocessing.get_context("fork")
KEYS: Final = SecretKeys(key_id="bench", key=b"a key for benchmarks of 32 bytes")
SECRET: Final = b"whsec_bench"
BODY: Final = json.dumps(
    {
        "event": "session.certificate.created",
        "timestamp": "2026-03-02T09:30:00.000Z",
        "data": {"certificateId": "EC-sess-1-0123456789abcdef", "consentText": "I agree to be called. " * 40},
    }
).encode()
OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
COMPANIES: Final = count(1)
ADD_EVENTS: Final = """
INSERT INTO econsent.webhook_events (company_id, event_type, subject_id, dedupe_key, body, occurred_at, fanned_out_at)
SELECT %(company)s, 'session.certificate.created', n::text, %(company)s || ':' || n, %(body)s, now() - interval '1 minute', now()
FROM generate_series(1, %(events)s) AS n
"""
ADD_DELIVERIES: Final = """
INSERT INTO econsent.webhook_deliveries (event_id, endpoint_id, company_id, next_attempt_at)
SELECT e.event_id, w.endpoint_id, e.company_id, e.occurred_at
FROM econsent.webhook_events AS e JOIN econsent.webhook_endpoints AS w ON w.company_id = e.company_id
WHERE e.company_id = %(company)s AND w.endpoint_id LIKE %(like)s
"""
ADD_FRESH: Final = """
INSERT INTO econsent.webhook_events (company_id, event_type, subject_id, dedupe_key, body)
VALUES (%(company)s, 'session.certificate.created', %(name)s, %(name)s, %(body)s)
"""

KNOWN: Final = """
UPDATE econsent.webhook_endpoints
SET
    last_success_at = CASE WHEN endpoint_id LIKE '%-healthy-%' THEN now() - interval '1 minute' END,
    first_failure_at = CASE WHEN endpoint_id LIKE '%-dead-%' THEN now() - interval '1 hour' END,
    consecutive_failures = CASE WHEN endpoint_id LIKE '%-dead-%' THEN 1 ELSE 0 END
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """``arrived``: a queue on which the sink puts the subject and the moment of each fresh event."""

    stack: Stack
    database: psycopg.Connection[Any]
    ca_file: Path
    port: int
    arrived: Any

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


class Sink(asyncio.Protocol):
    """Takes requests one after the other; of those to ``/timed`` it tells when they came."""

    def __init__(self, arrived: Any) -> None:
        self._arrived, self._read = arrived, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end].lower()
            place = head.find(b"content-length: ")
            size = int(head[place + 16 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
            if len(self._read) < end + 4 + size:
                return
            if head.startswith(b"post /timed"):
                self._arrived.put((head.split(b"x-econsent-delivery: ")[1][:36].decode(), time.time()))
            self._read = self._read[end + 4 + size :]
            self._transport.write(OK)


def serve(listening: Any, authority: trustme.CA, arrived: Any) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: Sink(arrived), "127.0.0.1", 0, ssl=context, backlog=512)
        listening.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


@rarely_collected()  # job and limit alike
def main(argv: list[str]) -> int:
    options = read_options(argv)
    with tempfile.TemporaryDirectory(prefix="econsent-bench-") as folder, Stack(Path(folder) / "stack") as stack:
        authority, listening, arrived = trustme.CA(), FORK.Queue(), FORK.Queue()
        ca_file = Path(folder) / "authority.pem"
        authority.cert_pem.write_to_path(str(ca_file))
        sink = FORK.Process(target=serve, args=(listening, authority, arrived), daemon=True)
        sink.start()
        try:
            with psycopg.connect(stack.postgres_url("econsent"), autocommit=True) as database:
                bench = Bench(stack=stack, database=database, ca_file=ca_file, port=listening.get(timeout=30), arrived=arrived)
                line = measure(bench, options)
        finally:
            sink.terminate()
            sink.join()
    show(line, on_one_line=options.json)
    return 0


def read_options(argv: list[str]) -> argparse.Namespace:
    parser = arguments("webhook_delivery_retry", __doc__, items=10_000, what="deliveries")
    parser.add_argument("--seconds", type=float, default=12, help="how long events come in while fairness is measured (12)")
    parser.add_argument("--due", type=int, default=1_000_000, help="due deliveries whose memory is measured (1,000,000)")
    return parser.parse_args(argv)


def measure(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    drain(bench, 200)
    shape = min(SHAPES, key=lambda shape: post_all(bench, shape, items=options.items))
    pairs = measured(options.pairs, lambda: drain(bench, options.items), lambda: post_all(bench, shape, items=options.items))
    base = options.items // 4
    growth = {f"{times}x": drain(bench, base * times) / (base * times) for times in (1, 4, 16)}
    fair = [fairness(bench, seconds=options.seconds) for _ in range(3)]
    memory = {f"{due:,}": memory_with(bench, due=due) for due in (1_000, options.due)}
    return report(
        "webhook_delivery_retry",
        items=options.items,
        pairs=pairs,
        parts={
            "limit_shape": {"processes": shape[0], "at_once": shape[1]},
            "seconds_per_item": {times: round(seconds, 6) for times, seconds in growth.items()},
            "healthy_endpoint": fair,
            "healthy_p99_ratio": round(statistics.median(each["p99_ratio"] for each in fair), 3),
            "among_1900_dead": among_dead(bench),
            "lane_rss_mb_by_due": memory,
        },
        rss_mb=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    )


def add_company(bench: Bench) -> str:
    company = f"bench-{next(COMPANIES)}"
    bench.database.execute("INSERT INTO econsent.companies (company_id, name, plan) VALUES (%s, %s, 'growth')", [company, company])
    return company


def add_endpoints(bench: Bench, company: str, *, kind: str, number: int, url: str) -> None:
    for place in range(number):
        endpoint = f"{company}-{kind}-{place}"
        bench.database.execute(
            "INSERT INTO econsent.webhook_endpoints (endpoint_id, company_id, url, created_at)"
            " VALUES (%s, %s, %s, now() - interval '1 day')",
            [endpoint, company, f"{url}/{kind}"],
        )
        sealed = seal_secret(KEYS, endpoint_id=endpoint, secret_no=1, secret=SECRET.decode())
        bench.database.execute(
            "INSERT INTO econsent.webhook_secrets VALUES (%s, 1, %s, %s, true, NULL)", [endpoint, sealed.ciphertext, sealed.key_id]
        )


def add_due(bench: Bench, company: str, *, events: int, like: str = "%") -> None:
    bench.database.execute(ADD_EVENTS, {"company": company, "events": events, "body": BODY})
    bench.database.execute(ADD_DELIVERIES, {"company": company, "like": like})


def clear(bench: Bench) -> None:
    """Nothing of an earlier measurement is due in the next one, and statistics are those of now."""
    bench.database.execute(
        "TRUNCATE econsent.webhook_events, econsent.webhook_deliveries, econsent.webhook_attempts, econsent.webhook_endpoints,"
        " econsent.webhook_secrets CASCADE"
    )
    while not bench.arrived.empty():
        bench.arrived.get()


def drain(bench: Bench, items: int, *, dead: int = 0, endpoints: int = ENDPOINTS, known: bool = False) -> float:
    """Make ``items`` deliveries due and return the seconds in which two lanes deliver them all, attempts written down.

    ``known``: the healthy endpoints answered a minute ago, and the dead ones failed an hour ago; else nobody was ever tried.
    """
    clear(bench)
    company = add_company(bench)
    add_endpoints(bench, company, kind="healthy", number=endpoints, url=bench.url)
    add_endpoints(bench, company, kind="dead", number=dead, url="https://127.0.0.1:9")
    if known:
        bench.database.execute(KNOWN)
    add_due(bench, company, events=max(1, items // endpoints))
    bench.database.execute("ANALYZE econsent.webhook_deliveries, econsent.webhook_endpoints, econsent.webhook_events")
    ready, done = FORK.Barrier(LANES + 1), FORK.SimpleQueue()
    lanes = [FORK.Process(target=lane, args=(bench, ready, done)) for _ in range(LANES)]
    for process in lanes:
        process.start()
    ready.wait()
    started = time.perf_counter()
    if dead:
        wait_for_healthy(bench)
    else:
        for _ in lanes:
            done.get()
    seconds = time.perf_counter() - started
    for process in lanes:
        if dead:
            process.terminate()  # going through what is dead takes its time, which is not what is measured
        process.join()
    written = bench.database.execute(
        "SELECT count(*) FROM econsent.webhook_attempts AS a JOIN econsent.webhook_deliveries AS d USING (delivery_id)"
        " WHERE d.status = 'delivered' AND a.outcome = 'success'"
    ).fetchone()
    expected = max(1, items // endpoints) * endpoints
    assert written == (expected,), f"{written} of {expected} deliveries were delivered"
    return seconds


def wait_for_healthy(bench: Bench) -> None:
    """Wait until no delivery to a healthy endpoint is left."""
    while bench.database.execute(
        "SELECT EXISTS (SELECT FROM econsent.webhook_deliveries WHERE endpoint_id LIKE '%-healthy-%' AND status <> 'delivered')"
    ).fetchone() == (True,):
        time.sleep(0.02)


def lane(bench: Bench, ready: Any, done: Any, run_seconds: float = 600, linger_seconds: float = 0) -> None:
    """One lane, with its connection warmed before the clock starts."""
    with psycopg.connect(bench.stack.postgres_url("econsent", user=ROLE), autocommit=True) as database:
        settings = Settings(
            keys=KEYS,
            policy=AddressPolicy(allow_loopback=True),
            ca_file=bench.ca_file,
            linger_seconds=linger_seconds,
        )
        tools = real_tools(database=database, settings=settings)
        ready.wait()
        result = deliver_webhooks(tools=tools, limits=Limits(batch_size=500, run_seconds=run_seconds))
        done.put((result.changed, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))


def post_all(bench: Bench, shape: tuple[int, int], *, items: int) -> float:
    """Sign and post ``items`` bodies, and return the seconds. Nothing but the client and the sink."""
    processes, at_once = shape
    ready, done = FORK.Barrier(processes + 1), FORK.SimpleQueue()
    workers = [FORK.Process(target=post_some, args=(bench, items // processes, at_once, ready, done)) for _ in range(processes)]
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


def post_some(bench: Bench, items: int, at_once: int, ready: Any, done: Any) -> None:
    context = ssl.create_default_context(cafile=bench.ca_file)

    async def run() -> None:
        left = iter(range(items))

        async def post() -> None:
            for number in left:
                signature = "sha256=" + hmac.new(SECRET, BODY, hashlib.sha256).hexdigest()
                headers = {"X-EConsent-Signature": signature, "X-EConsent-Delivery": str(number), "Content-Type": "application/json"}
                async with session.post(f"{bench.url}/healthy", data=BODY, headers=headers) as answer:
                    await answer.read()

        connector = aiohttp.TCPConnector(ssl=context, limit=at_once)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as session:
            for _ in range(at_once):
                async with session.post(f"{bench.url}/healthy", data=BODY) as answer:
                    await answer.read()
            await asyncio.to_thread(ready.wait)
            await asyncio.gather(*(post() for _ in range(at_once)))

    asyncio.run(run())
    done.put(items)


def fairness(bench: Bench, *, seconds: float) -> dict[str, float]:
    """How late fresh events reach a healthy endpoint, alone, and beside a black hole with 10,000 due. In seconds."""
    alone = lateness(bench, seconds=seconds, hole=False)
    beside = lateness(bench, seconds=seconds, hole=True)
    return {
        "p95_alone": round(share(alone, 95), 4),
        "p99_alone": round(share(alone, 99), 4),
        "p99_beside_black_hole": round(share(beside, 99), 4),
        "p99_ratio": round(share(beside, 99) / share(alone, 99), 3),
    }


def share(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def lateness(bench: Bench, *, seconds: float, hole: bool) -> list[float]:
    """Insert 20 events a second while two lanes run, and return how much later each arrived."""
    clear(bench)
    company, other = add_company(bench), add_company(bench)
    add_endpoints(bench, company, kind="timed", number=1, url=bench.url)
    with BlackHole() as black:
        if hole:
            add_endpoints(bench, other, kind="hole", number=1, url=f"https://127.0.0.1:{black.port}")
            add_due(bench, other, events=10_000)
        bench.database.execute("ANALYZE econsent.webhook_deliveries")
        ready, done = FORK.Barrier(LANES + 1), FORK.SimpleQueue()
        lanes = [FORK.Process(target=lane, args=(bench, ready, done, seconds, seconds)) for _ in range(LANES)]
        for process in lanes:
            process.start()
        ready.wait()
        inserted = insert_events(bench, company, seconds=seconds - 2)
        for process in lanes:
            process.join()
    return arrivals(bench, inserted)


def insert_events(bench: Bench, company: str, *, seconds: float) -> dict[str, float]:
    """Return when each event was inserted, by its subject."""
    inserted: dict[str, float] = {}
    began = time.time()
    while (now := time.time()) < began + seconds:
        name = f"{company}-{len(inserted)}"
        inserted[name] = now
        bench.database.execute(ADD_FRESH, {"company": company, "name": name, "body": BODY})
        time.sleep(max(0.0, began + len(inserted) / 20 - time.time()))
    return inserted


def arrivals(bench: Bench, inserted: dict[str, float]) -> list[float]:
    """Match what the sink was sent with what was inserted. Raises AssertionError when something did not arrive."""
    subjects = dict(
        bench.database.execute(
            "SELECT d.delivery_id::text, e.subject_id"
            " FROM econsent.webhook_deliveries AS d JOIN econsent.webhook_events AS e USING (event_id)"
        ).fetchall()
    )
    found: dict[str, float] = {}
    while len(found) < len(inserted):
        delivery_id, at = bench.arrived.get(timeout=5)
        found.setdefault(subjects[delivery_id], at)
    return [found[name] - at for name, at in inserted.items()]


def among_dead(bench: Bench) -> dict[str, float]:
    """How long 100 healthy endpoints' 20 deliveries each take, alone and among 1,900 endpoints that refuse every connection.

    Twice: where it is known who is dead, and where all 2,000 are new, so that each has to be tried once before anybody knows.
    """
    found: dict[str, float] = {}
    for name, known in (("known", True), ("new", False)):
        found[f"{name}_alone_seconds"] = round(drain(bench, 2_000, endpoints=100, known=known), 3)
        found[f"{name}_among_seconds"] = round(drain(bench, 2_000, endpoints=100, dead=1_900, known=known), 3)
    return found


def memory_with(bench: Bench, *, due: int) -> int:
    """Return the most megabytes that a lane takes in ten seconds of delivering, with so many due."""
    clear(bench)
    company = add_company(bench)
    endpoints = min(1_000, max(1, due // 100))
    add_endpoints(bench, company, kind="healthy", number=endpoints, url=bench.url)
    add_due(bench, company, events=due // endpoints)
    bench.database.execute("ANALYZE econsent.webhook_deliveries")
    ready, done = FORK.Barrier(2), FORK.SimpleQueue()
    process = FORK.Process(target=lane, args=(bench, ready, done, 10))
    process.start()
    ready.wait()
    _, megabytes = done.get()
    process.join()
    return megabytes
