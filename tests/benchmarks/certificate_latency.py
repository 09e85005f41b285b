"""How soon certificates are finalised by a running eConsent (``./econsent up`` in another terminal): a burst, then a steady stream.

1. Put a burst of ripe certificates into the queue and wait until none of them is left: did one interval suffice?
2. Let visits end at a steady rate for some minutes; a certificate is ripe when its session is closed. Report how long each took from
   then until it was finalised, by the database's clock.

These are absolute times of this machine, for orientation; the ratio to the limit is ``certificate_processing``'s to measure.
"""

import argparse
import json
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg

from demo.tenants import TENANTS
from demo.traffic import Order, Traffic, generate
from econsent_stack.running import running_stack

INTERVAL_SECONDS: Final = 180
PATIENCE_SECONDS: Final = 900

LATENCIES: Final = b"""
SELECT extract(EPOCH FROM certificate.finalized_at - session.closed_at)::float8
FROM econsent.certificates AS certificate
INNER JOIN econsent.sessions AS session USING (company_id, session_id)
WHERE certificate.status = 'finalized' AND session.closed_at >= %s
"""


def main(argv: list[str]) -> int:
    options = read_options(argv)
    stack = running_stack()
    with psycopg.connect(stack.postgres_url("econsent"), autocommit=True) as database:
        burst = measure_burst(database, stack.home.efs, certificates=options.burst)
        latencies = measure_stream(database, stack.home.efs, rate=options.rate, seconds=options.minutes * 60)
    report = {
        "job": "certificate_latency",
        "burst": {"certificates": options.burst, **burst},
        "stream": {
            "rate": options.rate,
            "minutes": options.minutes,
            "finalised": len(latencies),
            "p50_seconds": round(latencies[len(latencies) // 2], 1),
            "p95_seconds": round(latencies[len(latencies) * 95 // 100], 1),
            "longest_seconds": round(latencies[-1], 1),
        },
        "interval_seconds": INTERVAL_SECONDS,
    }
    sys.stdout.write(json.dumps(report) + "\n")
    return 0


def read_options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./econsent bench certificate_latency", description=__doc__)
    parser.add_argument("--burst", type=int, default=2_000, help="certificates put into the queue at once (2000)")
    parser.add_argument("--rate", type=float, default=5.0, help="visits that end in a second (5)")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the stream lasts (10)")
    parser.add_argument("--json", action="store_true", help="accepted for symmetry; the report is always one line")
    return parser.parse_args(argv)


def measure_burst(database: psycopg.Connection[Any], efs: Any, *, certificates: int) -> dict[str, float]:
    """Return the seconds from the first certificate finalised, and from the tick before it, to the last."""
    seed = int(time.time())
    began_at = datetime.now(UTC)
    made = generate(database, efs, sessions=certificates, seed=seed, now=began_at - timedelta(hours=1))
    assert made == certificates, f"{made} of {certificates} certificates were made"
    wait_until_empty(database)
    row = database.execute(
        "SELECT min(finalized_at), max(finalized_at), count(*) FROM econsent.certificates WHERE finalized_at >= %s", [began_at]
    ).fetchone()
    assert row is not None, "an aggregate always answers"
    first, last, finalised = row
    tick = datetime.fromtimestamp(first.timestamp() // INTERVAL_SECONDS * INTERVAL_SECONDS, tz=UTC)
    return {
        "finalised": finalised,
        "working_seconds": round((last - first).total_seconds(), 1),
        "seconds_after_the_tick": round((last - tick).total_seconds(), 1),
    }


def measure_stream(database: psycopg.Connection[Any], efs: Any, *, rate: float, seconds: float) -> list[float]:
    """Return the sorted seconds from ripe to finalised of every certificate of the stream."""
    began_at = datetime.now(UTC)
    order = Order(sessions=int(rate * seconds), rate=rate, seed=int(time.time()), bad_share=0.0, owners=TENANTS)
    for tally in Traffic(database, efs, order).run(threading.Event()):
        sys.stderr.write(f"{tally.closed} of {order.sessions} visits ended\n")
    wait_until_empty(database)
    return sorted(seconds for (seconds,) in database.execute(LATENCIES, [began_at]))


def wait_until_empty(database: psycopg.Connection[Any]) -> None:
    """Wait until nothing that is due, or will be within two minutes, is left in the queue."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while database.execute("SELECT FROM econsent.certificate_queue WHERE next_attempt_at < now() + interval '2 minutes' LIMIT 1").rowcount:
        assert time.monotonic() < deadline, f"the queue was not empty after {PATIENCE_SECONDS} s; does the DAG run?"
        time.sleep(1)
