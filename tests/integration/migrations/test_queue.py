"""The claim of certificate processing stays one short index scan, however long the queue and however many leases are out."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import psycopg
import pytest

Connection = psycopg.Connection[tuple[Any, ...]]
AsRole = Callable[[Connection, str], AbstractContextManager[Connection]]

CLAIM = """
    SELECT company_id, certificate_pk FROM econsent.certificate_queue
    WHERE next_attempt_at <= now() AND (leased_until IS NULL OR leased_until < now())
    ORDER BY next_attempt_at
    LIMIT 50
    FOR UPDATE SKIP LOCKED
"""


def plan(database: Connection) -> dict[str, Any]:
    """The claim's plan after running it, with what it read."""
    found = database.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {CLAIM}").fetchone()
    assert found is not None
    return found[0][0]["Plan"]


def nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(inner for child in node.get("Plans", []) for inner in nodes(child))]


@pytest.fixture
def long_queue(database: Connection) -> None:
    """100,000 rows: 400 with leases that run, 400 with leases that ran out, 30,000 due, and the rest later."""
    database.execute(
        """
        INSERT INTO econsent.certificate_queue (company_id, certificate_pk, next_attempt_at, lease_token, leased_until)
        SELECT 'c-' || n % 100, n, now() + (n - 30000) * interval '1 second',
          CASE WHEN n <= 800 THEN gen_random_uuid() END,
          CASE WHEN n <= 400 THEN now() + interval '1 minute' WHEN n <= 800 THEN now() - interval '1 minute' END
        FROM generate_series(1, 100000) AS n
        """
    )
    database.execute("ANALYZE econsent.certificate_queue")


@pytest.mark.usefixtures("long_queue")
def test_a_claim_walks_the_index_and_stops(database: Connection, as_role: AsRole) -> None:
    with as_role(database, "econsent_certificate_processing"):
        scans = [node for node in nodes(plan(database)) if "Relation Name" in node]
    assert [(scan["Node Type"], scan["Index Name"]) for scan in scans] == [("Index Scan", "certificate_queue_next_attempt_at_idx")]
    assert scans[0]["Actual Rows"] == 50
    assert scans[0]["Rows Removed by Filter"] == 400, "it steps over the leases that run, and over nothing else"


@pytest.mark.usefixtures("long_queue")
def test_a_lease_that_ran_out_is_claimable_and_a_running_one_is_not(database: Connection) -> None:
    claimed = [number for _, number in database.execute(CLAIM)]
    assert claimed == list(range(401, 451))


@pytest.mark.usefixtures("long_queue")
def test_taking_a_lease_writes_to_no_index(database: Connection, another_connection: Connection) -> None:
    database.execute("VACUUM FULL econsent.certificate_queue")  # leaves the free space of the fill factor in every page
    database.execute(
        """
        UPDATE econsent.certificate_queue SET lease_token = gen_random_uuid(), leased_until = now() + interval '1 minute'
        WHERE next_attempt_at <= now() AND certificate_pk % 10 = 0
        """
    )
    database.execute("SELECT pg_stat_force_next_flush()")
    database.execute("SELECT 1")
    moved = another_connection.execute(
        """
            SELECT n_tup_upd, n_tup_upd - n_tup_hot_upd FROM pg_stat_user_tables
            WHERE relid = 'econsent.certificate_queue'::regclass
            """
    ).fetchall()
    assert moved == [(3_000, 0)]
