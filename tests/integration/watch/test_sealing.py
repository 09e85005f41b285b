"""The audit trail is sealed in commit order, stored in S3, and whatever is changed afterwards is found and named."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from econsent_airflow.watch import segments
from econsent_airflow.watch.trail import Trail
from econsent_jobs.io.object_store import LockedObjectStore
from econsent_stack.stack import Stack
from econsent_verify.audit import GENESIS, Report, hash_of, verify

Database = psycopg.Connection[Any]
ADD = """
    INSERT INTO econsent.audit_log (action, category, "user", "timestamp", details, dedupe_key, ip_address)
    VALUES ('job.paused', 'jobs', 'ann@example.com', '2026-11-25T12:00:00.123456Z', %s, %s, '192.0.2.7')
    """


@pytest.fixture
def trail(stack: Stack, database_url: str, database: Database) -> Iterator[Trail]:
    name = database_url.rpartition("/")[2]
    database.execute(f"GRANT CONNECT ON DATABASE {name} TO econsent_watch")
    with psycopg.connect(stack.postgres_url(name, user="econsent_watch"), autocommit=True) as connection:
        yield Trail(connection)


def add(database: Database, key: str) -> None:
    database.execute(ADD, [json.dumps({"reason": 'ü "quoted"\n<script>', "n": 1.50}), key])


def check(database: Database, archive: LockedObjectStore, client: Any) -> Report:
    return verify(database, client, archive.bucket, now=datetime.now(UTC))


def tamper(database: Database, statement: str) -> None:
    """Change what cannot be changed, as somebody with all rights over the database can."""
    with database.transaction():
        database.execute("SET LOCAL session_replication_role = replica")
        database.execute(statement)


def test_a_golden_link() -> None:
    """Put together by hand and hashed by sha256sum: printf '1:164:000…00' and so on."""
    entry = {
        "audit_id": "1",
        "company_id": None,
        "action": "job.paused",
        "category": "jobs",
        "user": "ann",
        "ip_address": None,
        "timestamp": "2026-11-25T12:00:00.000000Z",
        "details": '{"a": "ü"}',
        "personal_sha256": None,
        "request_id": None,
        "dedupe_key": "k",
    }

    assert hash_of(1, GENESIS, entry) == "8c0cbac6bf9e9f9718dbec9524261b799b1114388c4e864334827b1a0640eb8c"


def test_entries_are_sealed_once_and_in_order(trail: Trail, database: Database, archive: LockedObjectStore, archive_client: Any) -> None:
    for number in range(25):
        add(database, f"k{number}")

    assert [trail.seal(everything=False, most=10) for _ in range(4)] == [10, 10, 5, 0]

    report = check(database, archive, archive_client)
    assert (report.entries, report.findings) == (25, [])


def test_nothing_appears_behind_the_end_of_the_chain(
    trail: Trail, database: Database, another_connection: Database, archive: LockedObjectStore, archive_client: Any
) -> None:
    """An entry that was numbered early and is committed late is sealed late; those after it wait for it."""
    with another_connection.transaction():
        add(another_connection, "early")
        add(database, "late")
        assert trail.seal(everything=False, most=10) == 0

    assert trail.seal(everything=False, most=10) == 2
    assert check(database, archive, archive_client).findings == []


def test_entries_of_another_cluster_are_sealed_by_the_full_look(trail: Trail, database: Database) -> None:
    add(database, "k")
    tamper(database, "UPDATE econsent.audit_log SET xid = '9000000000'")

    assert trail.seal(everything=False, most=10) == 0
    assert trail.seal(everything=True, most=10) == 1


TAMPERED = {
    "an entry's details": (
        "UPDATE econsent.audit_log SET details = '{}' WHERE audit_id = 3",
        "link 3 (entry 3) was changed after it was sealed: job.paused of 2026-11-25T12:00:00.123456Z",
    ),
    "an entry's user": (
        "UPDATE econsent.audit_log SET \"user\" = 'bob' WHERE audit_id = 2",
        "link 2 (entry 2) was changed after it was sealed",
    ),
    "an entry's time": (
        'UPDATE econsent.audit_log SET "timestamp" = "timestamp" + interval \'1 us\' WHERE audit_id = 4',
        "link 4 (entry 4) was changed after it was sealed",
    ),
    "an entry": ("DELETE FROM econsent.audit_log WHERE audit_id = 5", "link 5 (entry 5): its entry is gone"),
    "a link": ("DELETE FROM econsent.audit_chain WHERE seq = 2", "link 2 of the chain is missing; the next one is 3"),
    "a link's hash": (f"UPDATE econsent.audit_chain SET prev_hash = '{GENESIS}' WHERE seq = 3", "link 3 (entry 3) does not follow"),
    "the end of the chain": ("DELETE FROM econsent.audit_chain WHERE seq = 5", "the chain ends at link 4, S3 holds links up to 5"),
    "the stored day": (
        "UPDATE econsent.audit_segments SET sha256 = repeat('0', 64)",
        "the bytes of the day 2026-11-24 in S3 are not those that were recorded",
    ),
}


@pytest.mark.parametrize(("statement", "sentence"), TAMPERED.values(), ids=TAMPERED)
def test_the_first_change_is_named(
    statement: str, sentence: str, trail: Trail, database: Database, archive: LockedObjectStore, archive_client: Any
) -> None:
    stored_day(trail, database, archive)

    tamper(database, statement)

    assert any(found.startswith(sentence) for found in check(database, archive, archive_client).findings)


def test_a_chain_that_was_written_anew_differs_from_s3(
    trail: Trail, database: Database, archive: LockedObjectStore, archive_client: Any
) -> None:
    """Whoever has all rights can make a chain that fits in itself."""
    stored_day(trail, database, archive)
    tamper(database, "UPDATE econsent.audit_log SET \"user\" = 'bob' WHERE audit_id = 2")
    tamper(database, "DELETE FROM econsent.audit_chain")
    trail.seal(everything=True, most=10)

    assert check(database, archive, archive_client).findings == ["link 2 (entry 2) differs from the day stored in S3: entry_hash"]


def test_a_day_is_stored_once_under_its_lock(trail: Trail, database: Database, archive: LockedObjectStore, archive_client: Any) -> None:
    stored_day(trail, database, archive)
    database.execute("UPDATE econsent.audit_segments SET stored_at = NULL, version_id = NULL")

    assert segments.store_days(trail, archive) == 1

    assert check(database, archive, archive_client).findings == []
    versions = archive_client.list_object_versions(Bucket=archive.bucket)["Versions"]
    (last_hash,) = database.execute("SELECT last_hash FROM econsent.audit_segments").fetchone() or ("",)
    assert [version["Key"] for version in versions] == [f"audit/2026/11/24-{last_hash[:16]}.jsonl"]


def test_a_day_that_no_row_names_is_named(trail: Trail, database: Database, archive: LockedObjectStore, archive_client: Any) -> None:
    """As after a restore of an older backup: S3 still holds what the lost database had stored."""
    stored_day(trail, database, archive)
    lost = "audit/2026/11/25-0123456789abcdef.jsonl"
    archive_client.put_object(Bucket=archive.bucket, Key=lost, Body=b"")

    (finding,) = check(database, archive, archive_client).findings

    assert finding.startswith(f"S3 holds {lost}, which no day of this database names")


def test_a_leap_days_lock_ends_on_the_28th() -> None:
    assert segments.lock_date(date(2028, 2, 29)) == datetime(2035, 2, 28, tzinfo=UTC)


def stored_day(trail: Trail, database: Database, archive: LockedObjectStore) -> None:
    for number in range(5):
        add(database, f"k{number}")
    trail.seal(everything=False, most=100)
    assert segments.fix_day(trail, date(2026, 11, 24))
    assert segments.store_days(trail, archive) == 1
