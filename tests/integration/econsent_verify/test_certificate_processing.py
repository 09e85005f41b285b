"""The verifier against certificates that the real job made: silent when all is well, and loud at every change, 200 of them seeded."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from demo.insert import insert_certificate, insert_session, insert_sessionless_certificate
from econsent_jobs.core.errors import ErrorClass, TransientError
from econsent_jobs.core.results import JobResult
from econsent_jobs.io.object_store import LockedObject, LockedObjectStore
from econsent_stack.stack import Stack
from econsent_verify.certificate_processing import ARCHIVE, BUCKET, DATABASE, SIGNING_KEY, main
from econsent_verify.certificate_processing_checks.columns import COMPARED, NOT_COMPARED
from econsent_verify.certificate_processing_checks.findings import Trouble
from econsent_verify.certificate_processing_checks.objects import Reader, Stored, Version
from econsent_verify.certificate_processing_checks.walk import Report
from tests.integration.econsent_verify.conftest import KEY, KEY_ID, Verify

Database = psycopg.Connection[Any]
Run = Callable[..., JobResult]

SEED = 20_261
BIT_FLIPS = 120
COLUMN_CHANGES = 80
TABLES = ("certificates", "attestations", "storage_objects")


def test_finished_work_holds(certificates: list[int], verified: Verify) -> None:
    report = verified()

    assert report.findings == []
    assert (report.companies, report.certificates, report.finalised, report.objects) == (
        2,
        len(certificates),
        len(certificates),
        3 + 3 + 3 * 2 + 3,
    )


def test_what_waits_or_failed_holds_too(certificates: list[int], run: Run, database: Database, efs: Path, verified: Verify) -> None:
    insert_certificate(database, insert_session(database, efs, seed=8, ended_at=datetime.now(UTC), closed_at=None, recording_sha256=None))
    insert_sessionless_certificate(database, "meta", seed=9, capture={"consents": "TEXT"})
    eight_years_ago = datetime.now(UTC) - timedelta(days=8 * 365)
    insert_sessionless_certificate(database, "sms", seed=10, consent_at=eight_years_ago)
    run()
    insert_sessionless_certificate(database, "voice", seed=11)

    report = verified()

    assert report.findings == []
    assert (report.certificates, report.finalised) == (len(certificates) + 4, len(certificates) + 1)


def test_a_part_can_be_verified(certificates: list[int], database: Database, verified: Verify) -> None:
    assert verified(company_id="demo-02").certificates == 1
    assert verified(limit=2).certificates == 2
    assert verified(page_size=1).certificates == len(certificates)
    assert verified(page_size=4, limit=5).certificates == 5
    assert verified(since=datetime.now(UTC) + timedelta(hours=1)).certificates == 0
    assert verified(since=datetime.now(UTC) - timedelta(hours=1)).certificates == len(certificates)


class Flipping:
    """A reader that flips one bit of one object, and notes which."""

    def __init__(self, real: Reader, *, nth: int, position: float) -> None:
        self._real, self._nth, self._position = real, nth, position
        self.bucket, self.flipped = real.bucket, ""

    def read(self, key: str, version_id: str) -> Stored | None:
        stored = self._real.read(key, version_id)
        self._nth -= 1
        if self._nth != 0 or stored is None:
            return stored
        self.flipped = key
        body, bit = bytearray(stored.body), int(self._position * len(stored.body) * 8)
        body[bit // 8] ^= 1 << bit % 8
        return replace(stored, body=bytes(body))

    def pages(self, prefix: str) -> Iterator[list[Version]]:
        return self._real.pages(prefix)


def test_every_flipped_bit_is_named(certificates: list[int], reader: Reader, verified: Verify) -> None:
    chance = random.Random(SEED)
    objects = verified().objects
    for _ in range(BIT_FLIPS):
        through = Flipping(reader, nth=chance.randint(1, objects), position=chance.random())
        report = verified(through=through, threads=1, limit=len(certificates))
        named = [finding.difference for finding in report.findings if finding.difference.what == through.flipped]
        assert Trouble.BYTES in {difference.trouble for difference in named}, through.flipped


def test_a_flipped_bit_is_seen_without_the_database_too(
    certificates: list[int], database: Database, reader: Reader, verified: Verify
) -> None:
    """Whoever also changes the recorded hash is betrayed by the documents themselves."""
    chance = random.Random(SEED)
    for nth in range(1, verified().objects + 1):
        through = Flipping(reader, nth=nth, position=chance.random())
        report = verified(through=through, threads=1, limit=len(certificates))
        beyond_the_hash = {each.difference.trouble for each in report.findings} - {Trouble.BYTES, Trouble.STORED_AS}
        assert beyond_the_hash, f"{through.flipped}: only its recorded hash told"


def columns_of(database: Database, table: str) -> dict[str, str]:
    rows = database.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'econsent' AND table_name = %s", [table]
    )
    return dict(rows.fetchall())


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_compared_or_says_why_not(database: Database, table: str) -> None:
    compared, not_compared = COMPARED[table], set(NOT_COMPARED[table])

    assert compared | not_compared == set(columns_of(database, table))
    assert not compared & not_compared


OWN_CHANGES = {
    ("certificates", "company_id"): "'demo-02'",
    ("certificates", "session_id"): "'another-session'",
    ("certificates", "source_ref"): "coalesce(source_ref, '') || 'x'",
    ("certificates", "source"): "CASE source WHEN 'meta' THEN 'sms' ELSE 'meta' END",
    ("certificates", "status"): "'failed'",
    ("certificates", "capture"): "jsonb_set(capture, '{form,email}', '\"another@example.com\"')",
    ("certificates", "consent_at"): "consent_at + interval '1 millisecond'",
    ("certificates", "issued_at"): "issued_at + interval '1 millisecond'",
    ("certificates", "finalized_at"): "issued_at - interval '1 second'",
    ("certificates", "ip"): "'192.0.2.77'",
    ("certificates", "row_version"): "row_version + 1",
    ("storage_objects", "company_id"): "'demo-02'",
    ("storage_objects", "certificate_pk"): "certificate_pk + 100",
    ("storage_objects", "kind"): "CASE kind WHEN 'dom' THEN 'attestation' ELSE 'dom' END",
    ("storage_objects", "backend"): "'efs'",
    ("storage_objects", "tier"): "3",
    ("storage_objects", "lock_mode"): "NULL",
    ("storage_objects", "state"): "'expired'",
    ("attestations", "wcag_level"): "CASE wcag_level WHEN 'AA' THEN 'AAA' ELSE 'AA' END",
    ("attestations", "font_assessment"): "CASE font_assessment WHEN 'warning' THEN 'fail' ELSE 'warning' END",
}
BY_TYPE = {
    "text": "coalesce({0}, '') || 'x'",
    "character": "translate(coalesce({0}, repeat('0', 64)), '0123456789abcdef', '123456789abcdef0')",
    "jsonb": "coalesce({0}, '0'::jsonb) || '[1]'::jsonb",
    "boolean": "NOT {0}",
    "numeric": "coalesce({0}, 0) + 0.1",
    "integer": "{0} + 1",
    "smallint": "{0} + 1",
    "bigint": "{0} + 1",
    "timestamp with time zone": "{0} + interval '1 second'",
    "inet": "'192.0.2.77'",
}


def change_of(database: Database, table: str, column: str) -> str:
    return OWN_CHANGES.get((table, column)) or BY_TYPE[columns_of(database, table)[column]].format(column)


@pytest.fixture
def past_all_rules(database: Database) -> Iterator[Database]:
    """A connection on which changes are rolled back by ``ROLLBACK``, and nothing checks them."""
    database.execute("SET session_replication_role = replica")
    yield database


COMPARED_COLUMNS = [(table, column) for table in TABLES for column in sorted(COMPARED[table])]


def test_every_compared_column_is_named_when_it_changes(certificates: list[int], past_all_rules: Database, verified: Verify) -> None:
    """Each column in turn, then more of them by chance up to the 80, each over a certificate chosen by chance."""
    database, chance = past_all_rules, random.Random(SEED)
    drop_rules(database)
    changes = COMPARED_COLUMNS + chance.choices(COMPARED_COLUMNS, k=max(0, COLUMN_CHANGES - len(COMPARED_COLUMNS)))
    unnamed: list[str] = []
    for table, column in changes:
        keys = keys_of(database, table, column)
        key = chance.choice(keys)
        with changed(database, table, column, key=key):
            report = verified()
        if not names(report, table, column):
            unnamed.append(f"{table}.{column} of {key}: {[str(each) for each in report.findings]}")
    assert unnamed == []
    assert verified().findings == []


def test_a_change_that_nobody_compares_is_no_finding(certificates: list[int], past_all_rules: Database, verified: Verify) -> None:
    drop_rules(past_all_rules)
    with changed(past_all_rules, "certificates", "opt_out", key=certificates[0]):
        assert verified().findings == []


KEY_COLUMN = {"certificates": "certificate_pk", "attestations": "certificate_pk", "storage_objects": "storage_object_id"}
FOLLOWED = {  # what names a column where the difference shows elsewhere
    ("certificates", "company_id"): "certificates.company_id",
    ("certificates", "status"): "certificates.status",
    ("certificates", "row_version"): "search_outbox",
    ("certificates", "consumer_phone"): "consumerPhone",
    ("certificates", "consumer_email"): "consumerEmail",
    ("certificates", "consumer_name"): "consumerName",
    ("certificates", "retain_until"): "storage_objects.retain_until",
    ("storage_objects", "company_id"): "storage_objects: ",
    ("storage_objects", "certificate_pk"): "storage_objects: ",
    ("storage_objects", "kind"): "storage_objects: ",
    ("storage_objects", "version_id"): "/",
    ("storage_objects", "bytes"): "/",
    ("storage_objects", "sha256"): "/",
}


def names(report: Report, table: str, column: str) -> bool:
    wanted = FOLLOWED.get((table, column), f"{table}.{column}")
    return any(wanted in finding.difference.what for finding in report.findings)


def keys_of(database: Database, table: str, column: str) -> list[int]:
    """Rows in which a change of the column means something: a session's certificate for what only those have."""
    only = {
        ("certificates", "session_id"): "session_id IS NOT NULL",
        ("certificates", "source_ref"): "source_ref IS NOT NULL",
        ("certificates", "source"): "source_ref IS NOT NULL",
        ("certificates", "company_id"): "company_id = 'demo-01'",
        ("storage_objects", "company_id"): "company_id = 'demo-01'",
    }.get((table, column), "true")
    query = f"SELECT {KEY_COLUMN[table]} FROM econsent.{table} WHERE {only} ORDER BY 1"
    return [row[0] for row in database.execute(query.encode())]


def drop_rules(database: Database) -> None:
    """Drop what would refuse a wrong value: checks and NOT NULL are the database's help, and the verifier has to do without."""
    for relation, name in database.execute(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid"
        " WHERE connamespace = 'econsent'::regnamespace AND contype = 'c' AND conislocal AND NOT relispartition"
    ).fetchall():
        database.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.SQL(relation), sql.Identifier(name)))
    for relation, name in database.execute(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE connamespace = 'econsent'::regnamespace AND contype = 'c'"
    ).fetchall():
        database.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.SQL(relation), sql.Identifier(name)))


class changed:  # noqa: N801 it reads as a word in ``with changed(…)``
    """Change one value while the block runs, then put the old one back."""

    def __init__(self, database: Database, table: str, column: str, *, key: int) -> None:
        self._database, self._table, self._column, self._key = database, table, column, key

    def __enter__(self) -> None:
        where, table, column = KEY_COLUMN[self._table], self._table, self._column
        before = self._database.execute(
            f"SELECT {column}::text, company_id FROM econsent.{table} WHERE {where} = %s".encode(), [self._key]
        ).fetchone()
        assert before is not None
        self._before = before[0]
        expression = change_of(self._database, table, column)
        done = self._database.execute(f"UPDATE econsent.{table} SET {column} = {expression} WHERE {where} = %s".encode(), [self._key])
        assert done.rowcount == 1
        after = self._database.execute(f"SELECT {column}::text FROM econsent.{table} WHERE {where} = %s".encode(), [self._key]).fetchone()
        assert after is not None
        assert after[0] != self._before, f"{table}.{column} was not changed"

    def __exit__(self, *error: object) -> None:
        where, table, column = KEY_COLUMN[self._table], self._table, self._column
        kind = columns_of(self._database, table)[column]
        kind = "text" if kind == "character" else kind
        query = f"UPDATE econsent.{table} SET {column} = %s::{kind} WHERE {where} = %s"
        assert self._database.execute(query.encode(), [self._before, self._key]).rowcount == 1
