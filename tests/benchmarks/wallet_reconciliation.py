"""Wallet reconciliation against its limits, in the same run: posting against a bare INSERT … SELECT, checking against a bare GROUP BY.

1. Start the real PostgreSQL, durable; make one hot wallet and many small ones, each with usage to post.
2. In pairs, the first of a pair alternating: the job posts a wallet's usage in its slices; a bare INSERT … SELECT writes as many finished
   rows under the same constraints, once with marking the usage as the job has to, and once without.
3. While the job posts, somebody inserts usage for the hot wallet: how long the slowest of a hundred waits.
4. In pairs: the sums that the job checks balances with; one GROUP BY over the same rows.
5. The verifier over all of it.
"""

import resource
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg

from econsent_jobs.core.clock import SystemClock
from econsent_jobs.core.collecting import rarely_collected
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.statements import statement
from econsent_jobs.io.payments import PaymentProvider
from econsent_jobs.wallet_reconciliation import reconcile_wallets
from econsent_jobs.wallet_reconciliation.model import Settings
from econsent_jobs.wallet_reconciliation.store import PACKAGE, PostgresStore
from econsent_jobs.wallet_reconciliation.tools import Tools
from econsent_stack.benchmark import arguments, measured, median_ratio, report, show
from econsent_stack.stack import Stack
from econsent_verify.wallet_reconciliation_checks.walk import Database as Verified
from econsent_verify.wallet_reconciliation_checks.walk import connect, verify

ROLE: Final = "econsent_wallet_reconciliation"
USAGE: Final = """
INSERT INTO econsent.usage_events (company_id, sku, request_id, occurred_at)
SELECT %(company)s, 'verification', %(label)s || n, now() - interval '1 hour' FROM generate_series(1, %(count)s) AS n
"""
COLUMNS: Final = (
    "company_id, entry_no, ledger_id, entry_type, amount, balance_after, sku, quantity, unit_price, usage_id, idempotency_key,"
    " request_sha256, period, prev_hash, entry_hash, created_by, run_id, created_at, occurred_at"
)
FINISHED: Final = f"""
CREATE UNLOGGED TABLE IF NOT EXISTS public.finished AS SELECT {COLUMNS} FROM econsent.wallet_ledger LIMIT 0;
TRUNCATE public.finished;
INSERT INTO public.finished ({COLUMNS})
SELECT company_id, row_number() OVER (ORDER BY usage_id), 1000000000 + usage_id, 'usage_charge', -0.015, -0.015, sku, quantity, 0.015,
  usage_id,
  'usage:' || usage_id, repeat('a', 64), '2026-11-01', repeat('b', 64), repeat('c', 64), 'system:scheduler', 'bench', now(), occurred_at
FROM econsent.usage_events WHERE company_id = %(company)s
"""
BARE: Final = f"INSERT INTO econsent.wallet_ledger ({COLUMNS}) OVERRIDING SYSTEM VALUE SELECT {COLUMNS} FROM public.finished"
MARK: Final = """
UPDATE econsent.usage_events AS used SET status = 'posted', ledger_id = finished.ledger_id
FROM public.finished AS finished WHERE used.usage_id = finished.usage_id
"""
GROUPED: Final = (
    "SELECT company_id, sum(amount), max(entry_no) FROM econsent.wallet_ledger WHERE company_id = ANY(%(names)s) GROUP BY company_id"
)


class NoProvider:
    """No wallet of the benchmark recharges."""

    def charge(self, **_: Any) -> Any:
        raise AssertionError("nothing is charged here")

    def find(self, payment_id: str) -> None:
        return None


class Bench:
    """The servers with some wallets. ``owner`` may do everything, and is not measured but for the bare statements."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.owner = psycopg.connect(stack.postgres_url("econsent"), autocommit=True)
        self._made = 0

    def company(self, *, usage: int) -> str:
        """A fresh company with so much usage to post."""
        self._made += 1
        name = f"bench-{self._made:05d}"
        self.owner.execute("INSERT INTO econsent.companies (company_id, name, plan) VALUES (%s, %s, 'growth')", [name, name])
        self.owner.execute("INSERT INTO econsent.wallets (company_id) VALUES (%s)", [name])
        self.owner.execute("INSERT INTO econsent.retention_settings (company_id, monthly_quota) VALUES (%s, 10000)", [name])
        self.owner.execute(USAGE, {"company": name, "label": f"{name}-", "count": usage})
        return name

    def rest(self) -> None:
        self.owner.execute("UPDATE econsent.wallets SET last_turn_at = '2100-01-01Z'")
        self.owner.execute("VACUUM ANALYZE econsent.usage_events, econsent.wallet_ledger, econsent.wallets")

    def post(self, *, wallets: int, items: int) -> float:
        """Return the seconds in which one run of the job, under its own role, posts ``items`` charges of ``wallets`` wallets."""
        self.rest()
        for _ in range(wallets):
            self.company(usage=items // wallets)
        self.owner.execute("ANALYZE econsent.usage_events")
        provider: PaymentProvider = NoProvider()
        with psycopg.connect(self._stack.postgres_url("econsent", user=ROLE), autocommit=True) as own:
            tools = Tools(store=PostgresStore(own), provider=provider, settings=Settings(run_id="bench"), clock=SystemClock())
            started = time.perf_counter()
            result = reconcile_wallets(tools=tools, limits=Limits(batch_size=20_000, run_seconds=3_000))
            seconds = time.perf_counter() - started
        assert (result.changed, result.failed) == (wallets, 0), result
        return seconds

    def bare(self, *, items: int, marks: bool) -> float:
        """Return the seconds of the bare statements for one wallet."""
        self.rest()
        name = self.company(usage=items)
        self.owner.execute(FINISHED.replace("%(company)s", f"'{name}'").encode())
        self.owner.execute("ANALYZE public.finished")
        started = time.perf_counter()
        with self.owner.transaction():
            self.owner.execute(BARE.encode())
            if marks:
                self.owner.execute(MARK)
        return time.perf_counter() - started

    def check(self, names: list[str]) -> float:
        """Return the seconds of the job's own sums from the first entry on."""
        self.owner.execute(
            "UPDATE econsent.wallets SET checkpoint_entry_no = 0, checkpoint_balance = 0 WHERE company_id = ANY(%s)", [names]
        )
        with psycopg.connect(self._stack.postgres_url("econsent", user=ROLE), autocommit=True) as own:
            started = time.perf_counter()
            own.execute(statement(PACKAGE, "sum_entries"), {"company_ids": names}).fetchall()
            return time.perf_counter() - started

    def group(self, names: list[str]) -> float:
        with psycopg.connect(self._stack.postgres_url("econsent", user=ROLE), autocommit=True) as own:
            started = time.perf_counter()
            own.execute(GROUPED, {"names": names}).fetchall()
            return time.perf_counter() - started

    def waits(self, *, items: int) -> list[float]:
        """Return how long each usage insert for the hot wallet took while the job posted it, in seconds."""
        waited: list[float] = []
        over = threading.Event()
        before = self._made

        def insert() -> None:
            with psycopg.connect(self._stack.postgres_url("econsent", user="econsent_platform"), autocommit=True) as own:
                number = 0
                while not over.is_set():
                    number += 1
                    row = [f"bench-{before + 1:05d}", f"late-{number}", datetime.now(UTC) + timedelta(days=1)]
                    started = time.perf_counter()
                    try:
                        own.execute(
                            "INSERT INTO econsent.usage_events (company_id, sku, request_id, occurred_at) VALUES (%s, 'otp', %s, %s)", row
                        )
                    except psycopg.errors.ForeignKeyViolation:
                        continue  # the company comes in a moment
                    waited.append(time.perf_counter() - started)

        thread = threading.Thread(target=insert)
        thread.start()
        self.post(wallets=1, items=items)
        over.set()
        thread.join()
        return waited


@rarely_collected()  # job and limit alike
def main(argv: list[str]) -> int:
    options = arguments("wallet_reconciliation", __doc__, items=50_000, what="charges").parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="econsent-bench-") as folder, Stack(Path(folder)) as stack:
        bench = Bench(stack)
        bench.post(wallets=1, items=2_000)
        hot = measured(
            options.pairs, lambda: bench.post(wallets=1, items=options.items), lambda: bench.bare(items=options.items, marks=True)
        )
        spread = measured(
            options.pairs, lambda: bench.post(wallets=50, items=options.items), lambda: bench.bare(items=options.items, marks=True)
        )
        unmarked = [bench.bare(items=options.items, marks=False) for _ in range(options.pairs)]
        waited = sorted(bench.waits(items=options.items))
        names = [f"bench-{number:05d}" for number in range(1, bench._made + 1)]
        bench.rest()
        checks = measured(options.pairs, lambda: bench.check(names), lambda: bench.group(names))
        with connect(stack.postgres_url("econsent", user="econsent_verify")) as connection:
            proven = verify(Verified(connection))
        counted = proven.entries
    seconds = statistics.median(job for job, _ in hot)
    line = report(
        "wallet_reconciliation",
        items=options.items,
        pairs=hot,
        parts={
            "posting_spread_over_50_wallets": median_ratio(spread),
            "posting_against_an_insert_that_marks_no_usage": round(statistics.median(unmarked) / seconds, 3),
            "checking": median_ratio(checks),
            "checking_entries": counted,
            "usage_insert_p99_ms": round(1_000 * waited[int(len(waited) * 0.99)], 1) if waited else None,
            "usage_inserts": len(waited),
            "verified_entries_per_second": round(counted / proven.seconds),
        },
        rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )
    show(line, on_one_line=options.json)
    return 0
