"""A tenant with hundreds of recordings keeps no small one waiting. Counted in turns of the lanes, each as long as one video: no clock."""

from collections.abc import Callable, Mapping
from typing import Any

import psycopg

from econsent_jobs.mp4_conversion.tools import Tools

LANES = 2
LARGE, SMALL = 500, 4  # recordings that a tenant has waiting
LARGE_TENANT = "tenant-01"
SMALL_TENANTS = [f"tenant-{number:02d}" for number in range(2, 11)]
QUEUE = """
INSERT INTO econsent.sessions (company_id, session_id, property_id, started_at, last_chunk_at, closed_at, expires_at)
SELECT %(company)s, 's-' || place, 'shop', ended.at, ended.at, ended.at, now() + interval '89 days'
FROM generate_series(1, %(recordings)s) AS place, (SELECT now() - interval '1 day' AS at) AS ended
"""
RETAIN = """
UPDATE econsent.sessions SET retention_status = 'retained', retained_at = now(), rrweb_to_video_status = 'pending' WHERE company_id = %s
"""


def test_five_hundred_recordings_of_one_leave_the_wait_of_nine_others_within_twice_what_it_is_alone(
    make_tools: Callable[..., Tools], database: psycopg.Connection[Any]
) -> None:
    tools = make_tools()
    for tenant in (LARGE_TENANT, *SMALL_TENANTS):
        database.execute("SELECT econsent.create_company(%s, %s, 'growth')", [tenant, tenant])
        database.execute(
            "INSERT INTO econsent.properties (company_id, property_id, name, origin, uid)"
            " VALUES (%s, 'shop', 'Shop', 'https://example.com', %s)",
            [tenant, tenant],
        )
    alone = waits(tools, database, dict.fromkeys(SMALL_TENANTS, SMALL))
    beside = waits(tools, database, {LARGE_TENANT: LARGE, **dict.fromkeys(SMALL_TENANTS, SMALL)})

    assert len(alone) == len(beside) == SMALL * len(SMALL_TENANTS)
    assert 0 < percentile(beside, 0.95) <= 2 * percentile(alone, 0.95)


def waits(tools: Tools, database: psycopg.Connection[Any], waiting: Mapping[str, int]) -> list[int]:
    """Queue so many recordings a tenant, the large one's first, and return the turn in which each one of the small tenants began."""
    database.execute("TRUNCATE econsent.video_conversions, econsent.video_turns, econsent.sessions CASCADE")
    for tenant, recordings in waiting.items():
        database.execute(QUEUE, {"company": tenant, "recordings": recordings})
        database.execute(RETAIN, [tenant])
    found: list[int] = []
    for turn in range(sum(waiting.values())):
        claims = [tools.store.claim(most_in_flight=5, lease_seconds=600) for _ in range(LANES)]
        claimed = [claim for claim in claims if claim is not None]
        found += [turn for claim in claimed if claim.key.company_id != LARGE_TENANT]
        done = [claim.conversion_id for claim in claimed]
        database.execute("UPDATE econsent.video_conversions SET status = 'completed' WHERE conversion_id = any(%s)", [done])
        if len(found) == SMALL * len(SMALL_TENANTS):
            return found
    raise AssertionError("not every recording had its turn")


def percentile(values: list[int], share: float) -> int:
    return sorted(values)[int(share * (len(values) - 1))]
