"""A fleet with one worker and with two, on this machine: certificates a second, and whose processors make them.

1. Start ./econsent up --executor celery with so many workers, without the demo; pause every job.
2. Add certificates that wait, the demo's mix of them.
3. Resume certificate processing alone; from its lanes' start to the last certificate is the time.
4. Add up what each component and its children took of the processors meanwhile.

The lanes are the job's own; a worker takes as many as it has places. Two workers on one machine share its processors, so what a second one
brings here is what one leaves idle: a second machine is another matter.
"""

import resource
import tempfile
from pathlib import Path
from typing import Any, Final

import psycopg

from demo.tenants import TENANTS
from demo.traffic import generate
from econsent_stack.benchmark import arguments, machine, show
from econsent_stack.process import processor_seconds
from econsent_stack.project import ROOT, stems
from econsent_stack.stack import Stack
from tests.integration.operations.capacity import an_hour_ago
from tests.system.browsing import set_paused
from tests.system.running import Up, wait_for

JOB: Final = "certificate_processing"
WORKERS: Final = (1, 2)
LONGEST_SECONDS: Final = 1_800.0
KNOWN: Final = "SELECT dag_id FROM dag WHERE NOT is_stale"
BUSY: Final = "SELECT 1 FROM dag_run WHERE state IN ('queued', 'running')"
BEGAN: Final = "SELECT extract(EPOCH FROM min(start_date)) FROM task_instance WHERE dag_id = %(job)s AND start_date >= %(since)s"
ENDED: Final = "SELECT extract(EPOCH FROM max(finalized_at)) FROM econsent.certificates"
WAITING: Final = "SELECT 1 FROM econsent.certificate_queue"
NOW: Final = "SELECT now()"


def main(argv: list[str]) -> int:
    options = arguments("fleet", __doc__, items=3_000, what="certificates").parse_args(argv)
    found = {f"{workers}_workers": measure(workers, items=options.items) for workers in WORKERS}
    line = {
        "job": "fleet",
        "items": options.items,
        "parts": found,
        "rss_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "machine": machine(),
    }
    show(line, on_one_line=options.json)
    return 0


def measure(workers: int, *, items: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="econsent-bench-") as folder:
        up = Up(Path(folder) / "home", "--executor", "celery", "--workers", str(workers), "--no-demo")
        try:
            up.start()
            return finalise(up, items=items)
        finally:
            up.end_everything()


def finalise(up: Up, *, items: int) -> dict[str, Any]:
    """Return how long one run of the job took for so many certificates, and what each component took of the processors."""
    stack = up.stack()
    jobs = set(stems(ROOT))
    wait_for(lambda: jobs <= {dag_id for (dag_id,) in ask(stack, KNOWN)}, what="all jobs in Airflow")
    for dag_id in sorted(jobs):
        set_paused(up, dag_id, reason="the benchmark measures another one")
    wait_for(lambda: not ask(stack, BUSY), what="the end of what ran")
    with psycopg.connect(stack.postgres_url("econsent"), autocommit=True) as database:
        generate(database, stack.home.efs, sessions=max(items, len(TENANTS)), seed=1, now=an_hour_ago())
    ((since,),) = ask(stack, NOW)
    before = used_by_components(stack)
    set_paused(up, JOB, reason=None)
    wait_for(lambda: not ask(stack, WAITING, database="econsent"), what="the last certificate", seconds=LONGEST_SECONDS)
    after = used_by_components(stack)
    named = {"job": JOB, "since": since}
    ((began,),), ((ended,),) = ask(stack, BEGAN, **named), ask(stack, ENDED, database="econsent")
    seconds = float(ended) - float(began)
    used = {name: round(after[name] - before.get(name, 0.0), 1) for name in after}
    return {
        "seconds": round(seconds, 1),
        "certificates_per_second": round(items / seconds, 1),
        "processor_seconds": {name: spent for name, spent in sorted(used.items(), key=lambda each: -each[1]) if spent >= 1},
        "processor_milliseconds_per_certificate": round(1_000 * sum(used.values()) / items, 1),
        "processors_busy": round(sum(used.values()) / seconds, 2),
    }


def ask(stack: Stack, query: str, *, database: str = "airflow", **parameters: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(stack.postgres_url(database)) as connection:
        return connection.execute(query.encode(), parameters).fetchall()


def used_by_components(stack: Stack) -> dict[str, float]:
    """By component: what its processes have taken of the processors so far, with their children that have ended."""
    return {name: sum(processor_seconds(process.pid) for process in stack.members(name)) for name in stack.state.processes}
