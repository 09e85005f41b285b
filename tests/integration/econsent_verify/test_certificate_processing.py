"""The verifier against certificates that the real job made: silent when all is well, and loud at every change, 200 of them seeded."""

import hashlib
import hmac
import json
import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import rfc8785
from psycopg import sql

from demo.insert import insert_certificate, insert_session, insert_sessionless_certificate
from econsent_jobs.core.errors import ErrorClass, TransientError
from econsent_jobs.core.results import JobResult
from econsent_jobs.io.object_store import LockedObject, LockedObjectStore
from econsent_stack.stack import Stack
from econsent_verify.certificate_processing import ARCHIVE, BUCKET, DATABASE, SIGNING_KEY, main
from econsent_verify.certificate_processing_checks.columns import COMPARED, NOT_COMPARED
from econsent_verify.certificate_processing_checks.findings import Trouble
from econsent_verify.certificate_processing_checks.objects import Reader, S3Reader, Stored, Version
from econsent_verify.certificate_processing_checks.walk import Report
from tests.integration.econsent_verify.conftest import KEY, KEY_ID, Finished, Run, Verify

Database = psycopg.Connection[Any]

SEED = 20_261
BIT_FLIPS = 120
COLUMN_CHANGES = 80
TABLES = ("certificates", "attestations", "storage_objects")


def test_finished_work_holds(finished: Finished, proved: Verify) -> None:
    report = proved()

    assert report.findings == []
    assert (report.companies, report.certificates, report.finalised, report.objects) == (
        2,
        len(finished.certificates),
        len(finished.certificates),
        3 + 3 + 3 * 2 + 3,
    )


def test_what_waits_or_failed_holds_too(run: Run, database: Database, efs: Path, verified: Verify) -> None:
    insert_certificate(database, insert_session(database, efs, seed=8, ended_at=datetime.now(UTC), closed_at=None, recording_sha256=None))
    insert_sessionless_certificate(database, "meta", seed=9, capture={"consents": "TEXT"})
    eight_years_ago = datetime.now(UTC) - timedelta(days=8 * 365)
    insert_sessionless_certificate(database, "sms", seed=10, consent_at=eight_years_ago)
    run()
    insert_sessionless_certificate(database, "voice", seed=11)

    report = verified()

    assert report.findings == []
    assert (report.certificates, report.finalised) == (4, 1)


def test_a_part_can_be_proved(finished: Finished, rows: Database, proved: Verify) -> None:
    assert proved(company_id="demo-02").certificates == 1
    assert proved(limit=2).certificates == 2
    assert proved(page_size=1).certificates == len(finished.certificates)
    assert proved(page_size=4, limit=5).certificates == 5
    assert proved(since=datetime.now(UTC) + timedelta(hours=1)).certificates == 0
    assert proved(since=datetime.now(UTC) - timedelta(hours=1)).certificates == len(finished.certificates)


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


class Remembering:
    """A reader that asks the archive once for each object and list, so that many verifications of one state take no longer."""

    def __init__(self, real: Reader) -> None:
        self._real, self.bucket = real, real.bucket
        self._read: dict[tuple[str, str], Stored | None] = {}
        self._pages: dict[str, list[list[Version]]] = {}

    def read(self, key: str, version_id: str) -> Stored | None:
        if (key, version_id) not in self._read:
            self._read[key, version_id] = self._real.read(key, version_id)
        return self._read[key, version_id]

    def pages(self, prefix: str) -> Iterator[list[Version]]:
        if prefix not in self._pages:
            self._pages[prefix] = list(self._real.pages(prefix))
        return iter(self._pages[prefix])


def test_every_flipped_bit_is_named(finished: Finished, proved: Verify) -> None:
    chance = random.Random(SEED)
    objects, remembering = proved().objects, Remembering(proved.reader)
    for _ in range(BIT_FLIPS):
        through = Flipping(remembering, nth=chance.randint(1, objects), position=chance.random())
        report = proved(through=through, threads=1, limit=len(finished.certificates))
        named = [finding.difference for finding in report.findings if finding.difference.what == through.flipped]
        assert Trouble.BYTES in {difference.trouble for difference in named}, through.flipped


def test_a_flipped_bit_is_seen_without_the_database_too(finished: Finished, rows: Database, proved: Verify) -> None:
    """Whoever also changes the recorded hash is betrayed by the documents themselves."""
    chance = random.Random(SEED)
    remembering = Remembering(proved.reader)
    for nth in range(1, proved().objects + 1):
        through = Flipping(remembering, nth=nth, position=chance.random())
        report = proved(through=through, threads=1, limit=len(finished.certificates))
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


COMPARED_COLUMNS = [(table, column) for table in TABLES for column in sorted(COMPARED[table])]


def test_every_compared_column_is_named_when_it_changes(finished: Finished, rows: Database, proved: Verify) -> None:
    """Each column in turn, then more of them by chance up to the 80, each over a certificate chosen by chance."""
    database, chance = rows, random.Random(SEED)
    drop_rules(database)
    changes = COMPARED_COLUMNS + chance.choices(COMPARED_COLUMNS, k=max(0, COLUMN_CHANGES - len(COMPARED_COLUMNS)))
    remembering = Remembering(proved.reader)
    unnamed: list[str] = []
    for table, column in changes:
        keys = keys_of(database, table, column)
        key = chance.choice(keys)
        with changed(database, table, column, key=key):
            report = proved(through=remembering)
        if not names(report, table, column):
            unnamed.append(f"{table}.{column} of {key}: {[str(each) for each in report.findings]}")
    assert unnamed == []
    assert proved().findings == []


def test_a_change_that_nobody_compares_is_no_finding(finished: Finished, rows: Database, proved: Verify) -> None:
    drop_rules(rows)
    with changed(rows, "certificates", "opt_out", key=finished.certificates[0]):
        assert proved().findings == []


KEY_COLUMN = {"certificates": "certificate_pk", "attestations": "certificate_pk", "storage_objects": "storage_object_id"}
FOLLOWED = {  # what names a column where the difference shows elsewhere
    ("certificates", "company_id"): "storage_objects: ",
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


FOLLOWERS = {
    "an event is gone": (
        "DELETE FROM econsent.webhook_events WHERE event_type = 'consent.granted' AND company_id = 'demo-02'",
        Trouble.EVENT,
    ),
    "an event twice": (
        (
            "INSERT INTO econsent.webhook_events (company_id, event_type, subject_id, dedupe_key)"
            " SELECT company_id, event_type, subject_id, 'again' FROM econsent.webhook_events LIMIT 1"
        ),
        Trouble.EVENT,
    ),
    "an event of another certificate": (
        "UPDATE econsent.webhook_events SET subject_id = 'EC-x' WHERE company_id = 'demo-02'",
        Trouble.EVENT,
    ),
    "an event that says something else": (
        "UPDATE econsent.webhook_events SET body = replace(encode(body, 'escape'), '.000Z', '.001Z')::bytea || ' '::bytea",
        Trouble.EVENT,
    ),
    "no audit entry": ("DELETE FROM econsent.audit_log WHERE action = 'certificate.generated' AND company_id = 'demo-02'", Trouble.AUDIT),
    "an audit entry twice": (
        (
            'INSERT INTO econsent.audit_log (company_id, action, category, "user", details)'
            " SELECT company_id, action, category, \"user\", details FROM econsent.audit_log WHERE company_id = 'demo-02' LIMIT 1"
        ),
        Trouble.AUDIT,
    ),
    "an audit entry that says it was not archived": (
        "UPDATE econsent.audit_log SET details = details || '{\"archived\": false}' WHERE company_id = 'demo-02'",
        Trouble.AUDIT,
    ),
    "nobody asks the search index": ("DELETE FROM econsent.search_outbox WHERE company_id = 'demo-02'", Trouble.SEARCH),
    "the search index is asked to forget it": (
        "UPDATE econsent.search_outbox SET op = 'delete' WHERE company_id = 'demo-02'",
        Trouble.SEARCH,
    ),
    "a queue row is left": (
        "INSERT INTO econsent.certificate_queue SELECT company_id, certificate_pk FROM econsent.attestations",
        Trouble.LEFT_OVER,
    ),
    "a queue row of nobody": ("INSERT INTO econsent.certificate_queue VALUES ('demo-01', 999)", Trouble.ROW_UNEXPECTED),
    "sealed bytes are left": (
        "INSERT INTO econsent.sealed_documents SELECT company_id, certificate_pk, 'dom', 'k', '', '', '' FROM econsent.attestations",
        Trouble.LEFT_OVER,
    ),
    "a stored object of nobody": (
        "UPDATE econsent.storage_objects SET certificate_pk = 999 WHERE company_id = 'demo-02'",
        Trouble.ROW_UNEXPECTED,
    ),
    "no unit of usage": ("DELETE FROM econsent.retention_usage_items", Trouble.USAGE),
    "a unit of usage for nothing": (
        (
            "INSERT INTO econsent.retention_usage_items SELECT company_id, session_id, '2026-03-01', now() FROM econsent.sessions"
            " WHERE company_id = 'demo-01'"
        ),
        Trouble.USAGE,
    ),
    "a unit of another month": ("UPDATE econsent.retention_usage_items SET period = '2020-01-01'", Trouble.USAGE),
    "no attestation": ("DELETE FROM econsent.attestations WHERE company_id = 'demo-02'", Trouble.ROW_MISSING),
    "no storage row": ("DELETE FROM econsent.storage_objects WHERE kind = 'dom'", Trouble.ROW_MISSING),
    "a template of another text": ("UPDATE econsent.consent_templates SET body_sha256 = repeat('0', 64)", Trouble.COLUMN),
    "a recording of another hash": ("UPDATE econsent.sessions SET recording_sha256 = repeat('0', 64)", Trouble.COLUMN),
    "pending again, and no queue row": ("UPDATE econsent.certificates SET status = 'pending' WHERE company_id = 'demo-02'", Trouble.QUEUE),
    "failed without a reason": ("UPDATE econsent.certificates SET status = 'failed' WHERE company_id = 'demo-02'", Trouble.STATE),
}


@pytest.mark.parametrize("name", FOLLOWERS)
def test_what_has_to_follow_is_there_once(finished: Finished, rows: Database, proved: Verify, name: str) -> None:
    statement, trouble = FOLLOWERS[name]
    assert rows.execute(statement.encode()).rowcount > 0

    assert trouble in {finding.difference.trouble for finding in proved().findings}


def test_once_an_index_is_live_nothing_need_wait_in_the_outbox(finished: Finished, rows: Database, proved: Verify) -> None:
    rows.execute("DELETE FROM econsent.search_outbox")
    rows.execute("INSERT INTO econsent.search_targets (index_name, schema_version, state) VALUES ('certificates-1', 1, 'live')")

    assert proved().findings == []


def test_an_erased_person_is_no_finding(finished: Finished, rows: Database, proved: Verify) -> None:
    """What the archive holds stays signed and locked; the rows lose what was the person's."""
    rows.execute(
        "UPDATE econsent.certificates SET pii_erased_at = now(), capture = '{}', consumer_phone = NULL, consumer_email = NULL,"
        " consumer_name = NULL, ip = NULL, user_agent = NULL, browser_language = NULL, geo = NULL, consent_records = NULL,"
        " fingerprint = NULL, payload_string = NULL"
    )
    rows.execute("UPDATE econsent.attestations SET form_data_sha256 = NULL, interaction_chain = '[]', document = '{}'")

    assert proved().findings == []


def test_a_captured_page_that_retention_knows_is_no_finding(finished: Finished, rows: Database, proved: Verify) -> None:
    """Retention gives a page on the share a row before it removes the file; the archive's page is another row."""
    added = rows.execute(
        "INSERT INTO econsent.storage_objects"
        " (company_id, session_id, certificate_pk, kind, backend, tier, object_key, bytes, sha256, state)"
        " SELECT company_id, session_id, certificate_pk, 'dom', 'efs', 1, dom_staging_path, 1, repeat('0', 64), 'deleted'"
        " FROM econsent.certificates WHERE dom_staging_path IS NOT NULL"
    )
    assert added.rowcount > 0

    assert proved().findings == []


class Moved:
    """Moves the finished archive into a scratch bucket, each object as ``alter`` makes it; None leaves it out."""

    def __init__(self, rows: Database, client: Any, bucket: str, scratch: str) -> None:
        self._rows, self._client, self._bucket, self.scratch = rows, client, bucket, scratch

    def __call__(self, alter: Callable[[str, dict[str, Any]], dict[str, Any] | None]) -> None:
        for (key,) in self._rows.execute("SELECT object_key FROM econsent.storage_objects").fetchall():
            found = self._client.get_object(Bucket=self._bucket, Key=key)
            put: dict[str, Any] = {
                "Body": found["Body"].read(),
                "ContentType": found["ContentType"],
                "Metadata": found["Metadata"],
                "ObjectLockMode": "COMPLIANCE",
                "ObjectLockRetainUntilDate": found["ObjectLockRetainUntilDate"],
                "ChecksumAlgorithm": "SHA256",
            }
            altered = alter(key, put)
            version = "gone" if altered is None else self._client.put_object(Bucket=self.scratch, Key=key, **altered)["VersionId"]
            self._rows.execute(
                "UPDATE econsent.storage_objects SET bucket = %s, version_id = %s WHERE object_key = %s", [self.scratch, version, key]
            )


@pytest.fixture
def moved(finished: Finished, rows: Database, archive_client: Any) -> Moved:
    """A second bucket with Object Lock, in which objects may be wrong."""
    scratch = f"econsent-scratch-{secrets.token_hex(6)}"
    archive_client.create_bucket(Bucket=scratch, ObjectLockEnabledForBucket=True)
    return Moved(rows, archive_client, finished.archive.bucket, scratch)


@pytest.fixture
def scratch(stack: Stack, moved: Moved) -> S3Reader:
    return S3Reader(stack.object_store_client("econsent_archive_verify"), moved.scratch)


def locked(put: dict[str, Any], *, days: int) -> dict[str, Any]:
    return {**put, "ObjectLockRetainUntilDate": put["ObjectLockRetainUntilDate"] + timedelta(days=days)}


def unlocked(put: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in put.items() if not name.startswith("ObjectLock")}


ALTERATIONS: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any] | None], set[Trouble]]] = {
    "nothing": (lambda put: put, set()),
    "a longer lock": (lambda put: locked(put, days=1), set()),
    "no lock": (unlocked, {Trouble.LOCK}),
    "a shorter lock": (lambda put: locked(put, days=-1), {Trouble.LOCK}),
    "a lock that can be lifted": (lambda put: {**put, "ObjectLockMode": "GOVERNANCE"}, {Trouble.LOCK}),
    "a lock of a hundred years": (lambda put: locked(put, days=36_500), {Trouble.LOCK}),
    "another type": (lambda put: {**put, "ContentType": "text/html"}, {Trouble.STORED_AS}),
    "no metadata": (lambda put: {**put, "Metadata": {}}, {Trouble.STORED_AS}),
    "a missing object": (lambda put: None if put else {}, {Trouble.OBJECT_MISSING}),
    "an empty object": (lambda put: {**put, "Body": b""}, {Trouble.BYTES, Trouble.MALFORMED}),
    "a second version above": (lambda put: put, {Trouble.VERSIONS}),
    "a delete marker above": (lambda put: put, {Trouble.DELETE_MARKER}),
}


def test_whatever_is_wrong_with_an_object_is_named(
    finished: Finished, rows: Database, moved: Moved, scratch: S3Reader, archive_client: Any, proved: Verify
) -> None:
    """One alteration an object, all in one bucket, and nothing is named but them."""
    keys = [row[0] for row in rows.execute("SELECT object_key FROM econsent.storage_objects ORDER BY kind, object_key")]
    altered = dict(zip(keys, ALTERATIONS, strict=False))
    moved(lambda key, put: ALTERATIONS[altered.get(key, "nothing")][0](put))
    by_name = {name: key for key, name in altered.items()}
    archive_client.put_object(Bucket=moved.scratch, Key=by_name["a second version above"], Body=b"forged")
    archive_client.delete_object(Bucket=moved.scratch, Key=by_name["a delete marker above"])
    strays = ["demo-01/stray", f"demo-01/p/2026/03/01/s/certificates/{'0' * 64}.json"]
    for key in strays:
        archive_client.put_object(Bucket=moved.scratch, Key=key, Body=b"{}")

    report = proved(through=scratch)

    named: dict[str, set[Trouble]] = {}
    for finding in report.findings:
        place = finding.subject if finding.difference.trouble is Trouble.ORPHAN else finding.difference.what.split(": ")[0]
        named.setdefault(place, set()).add(finding.difference.trouble)
    consequence = {"certificate.attestation_sha256", "attestation.hashes.pageContent", "attestations.dom_snapshot_sha256"}
    expected = {key: ALTERATIONS[name][1] for key, name in altered.items() if ALTERATIONS[name][1]}
    assert {place: troubles for place, troubles in named.items() if place not in consequence} == {
        **expected,
        **{key: {Trouble.ORPHAN} for key in strays},
    }
    assert Trouble.ORPHAN not in {each.difference.trouble for each in proved(through=scratch, limit=100).findings}, "a part cannot tell"


@pytest.mark.parametrize(
    ("key_id", "secret", "trouble"),
    [(KEY_ID, b"a key of somebody else", Trouble.SIGNATURE), ("their-key", b"a key of somebody else", Trouble.UNKNOWN_KEY)],
)
def test_a_forged_certificate_with_rows_to_match(
    moved: Moved, rows: Database, scratch: S3Reader, proved: Verify, key_id: str, secret: bytes, trouble: Trouble
) -> None:
    """Whoever rules over bucket and database can make everything fit, except the signature."""
    forged = Forger(key_id, secret)
    moved(lambda key, put: forged(put) if "/certificates/" in key else put)
    for body in forged.bodies:
        forged.write_rows(rows, body)

    found = [finding.difference for finding in proved(through=scratch).findings]

    assert {difference.trouble for difference in found} == {trouble}
    assert len(found) == len(forged.bodies)


class Forger:
    """Puts another browser into certificates and signs them with a key of its own."""

    def __init__(self, key_id: str, secret: bytes) -> None:
        self._key_id, self._secret = key_id, secret
        self.bodies: list[bytes] = []

    def __call__(self, put: dict[str, Any]) -> dict[str, Any]:
        document = json.loads(put["Body"])
        document["consumer"]["userAgent"], document["signatureKeyId"] = "forged", self._key_id
        del document["signature"]
        document["signature"] = hmac.new(self._secret, rfc8785.dumps(document), hashlib.sha256).hexdigest()
        body = rfc8785.dumps(document)
        self.bodies.append(body)
        return {**put, "Body": body, "Metadata": {**put["Metadata"], "sha256": hashlib.sha256(body).hexdigest()}}

    def write_rows(self, database: Database, body: bytes) -> None:
        document = json.loads(body)
        database.execute(
            "UPDATE econsent.certificates SET user_agent = 'forged', signature = %s, signature_key_id = %s WHERE certificate_id = %s",
            [document["signature"], self._key_id, document["certificateId"]],
        )
        database.execute(
            "UPDATE econsent.storage_objects SET sha256 = %s, bytes = %s WHERE object_key LIKE %s",
            [hashlib.sha256(body).hexdigest(), len(body), f"%certificates/{document['consentHash']}.json"],
        )
        database.execute("UPDATE econsent.webhook_events SET body = NULL")


def test_retired_keys_go_on_verifying_and_unknown_ones_are_named(run: Run, database: Database, efs: Path, verified: Verify) -> None:
    first, second = b"the first key of the tests, long enough", b"the second key of the tests, long enough"
    for seed, (key_id, key) in enumerate([("key-1", first), ("key-2", second)], start=3):
        insert_certificate(database, insert_session(database, efs, seed=seed))
        assert run(key_id=key_id, key=key) == JobResult(examined=1, changed=1)

    assert verified(keys={"key-2": second, "key-1": first}).findings == []
    (unknown,) = verified(keys={"key-2": second}).findings
    assert unknown.difference.trouble is Trouble.UNKNOWN_KEY
    assert (unknown.difference.found, unknown.difference.expected) == ("key-1", "one of key-2")
    (wrong,) = verified(keys={"key-2": second, "key-1": second}).findings
    assert wrong.difference.trouble is Trouble.SIGNATURE


class DownAfter:
    """The real archive, which takes so many objects and then nothing more."""

    def __init__(self, archive: LockedObjectStore, *, puts: int) -> None:
        self._archive, self._left, self.bucket = archive, puts, archive.bucket

    def put_once(self, stored: LockedObject) -> str:
        self._left -= 1
        if self._left < 0:
            raise TransientError(ErrorClass.S3_WRITE, "S3 is down")
        return self._archive.put_once(stored)


@pytest.mark.parametrize("requeued", [False, True], ids=["still failed", "put back and finalised"])
def test_what_a_failed_try_left_is_abandoned_as_long_as_it_is_what_was_sealed(
    run: Run, database: Database, efs: Path, archive: LockedObjectStore, verified: Verify, requeued: bool
) -> None:
    insert_certificate(database, insert_session(database, efs, seed=3))
    objects = DownAfter(archive, puts=2)
    for _ in range(8):
        database.execute("UPDATE econsent.certificate_queue SET next_attempt_at = now()")
        run(objects=objects)
    if requeued:
        put_back(database)
        assert run() == JobResult(examined=1, changed=1)

    report = verified()

    assert report.findings == []
    assert sorted(key.split("/")[-2] for key in report.abandoned) == ["attestations", "certificates"]
    other_keys = verified(keys={KEY_ID: b"a key that signed nothing"})
    assert Trouble.ORPHAN in {finding.difference.trouble for finding in other_keys.findings}, "without its signature it is a stranger"


@pytest.mark.parametrize("kind", ["certificates", "attestations", "dom"])
def test_a_stranger_under_the_key_of_a_failed_try_is_an_orphan(
    run: Run, database: Database, efs: Path, archive: LockedObjectStore, verified: Verify, kind: str
) -> None:
    insert_certificate(database, insert_session(database, efs, seed=3))
    run(objects=DownAfter(archive, puts=0))
    row = database.execute("SELECT object_key FROM econsent.sealed_documents WHERE object_key LIKE %s", [f"%/{kind}/%"]).fetchone()
    assert row is not None
    until = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    digest = hashlib.sha256(b"forged").hexdigest()
    archive.put_once(LockedObject(key=row[0], body=b"forged", sha256=digest, content_type="text/plain", retain_until=until))
    assert verified().findings == [], "sealed, so it may be on its way"
    database.execute("UPDATE econsent.certificate_queue SET next_attempt_at = now()")
    assert run().quarantined == 1

    report = verified()

    assert [(finding.difference.trouble, finding.subject) for finding in report.findings] == [(Trouble.ORPHAN, row[0])]


def put_back(database: Database) -> None:
    """What ``./econsent certificates retry`` writes down, by a hand of its own."""
    database.execute(
        'INSERT INTO econsent.audit_log (company_id, action, category, "user", details)'
        " SELECT c.company_id, 'certificate.requeued', 'certificates', 'ops@example.com', jsonb_build_object('abandoned',"
        " jsonb_build_object("
        "'certificate_id', certificate_id, 'consent_hash', consent_hash, 'signature', signature, 'attestation_sha256', attestation_sha256,"
        " 'dom_sha256', dom_snapshot_sha256)) FROM econsent.certificates AS c JOIN econsent.attestations USING (company_id, certificate_pk)"
    )
    database.execute("UPDATE econsent.certificates SET status = 'pending', retain_until = NULL, certificate_id = NULL")


@pytest.fixture
def environment(stack: Stack, rows: Database, finished: Finished) -> dict[str, str]:
    """What the running stack tells a command, pointed at the test's own database, bucket and key."""
    told = stack.environment()
    return {
        DATABASE: json.dumps({**json.loads(told[DATABASE]), "schema": rows.info.dbname}),
        ARCHIVE: told[ARCHIVE],
        BUCKET: finished.archive.bucket,
        SIGNING_KEY: json.dumps(
            {"conn_type": "generic", "login": "new", "password": "n" * 32, "extra": {"retired": {KEY_ID: KEY.decode()}}}
        ),
    }


def test_the_command_ends_with_0_and_says_what_it_saw(
    finished: Finished, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([], environment) == 0
    assert "6 certificates (6 finalised, 15 objects) of 2 companies" in capsys.readouterr().out
    assert main(["--json", "--company", "demo-02", "--limit", "5", "--since", "2020-01-01"], environment) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert {**json.loads(line), "seconds": 0} == {
        "job": "certificate_processing",
        "companies": 1,
        "certificates": 1,
        "finalised": 1,
        "objects": 3,
        "found": 0,
        "abandoned": [],
        "findings": [],
        "seconds": 0,
    }


def test_findings_end_with_1_and_show_nobody_s_data(
    finished: Finished, rows: Database, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Every value that a person gave, and everything that is signed, is wrong at once: the findings still repeat none of it."""
    people = rows.execute(
        "SELECT unnest(ARRAY[consumer_phone, consumer_email, consumer_name, user_agent, host(ip), fingerprint, capture #>> '{form,email}'])"
        " FROM econsent.certificates"
    ).fetchall()
    drop_rules(rows)
    for table, column in COMPARED_COLUMNS:
        if table != "storage_objects" and column not in {"company_id", "status", "source", "session_id", "source_ref", "property_id"}:
            expression = change_of(rows, table, column)
            rows.execute(f"UPDATE econsent.{table} SET {column} = {expression}".encode())

    assert main([], environment) == 1
    said = capsys.readouterr()
    assert "certificates.fingerprint" in said.out
    assert main(["--json"], environment) == 1
    said_in_json = capsys.readouterr().out
    for (value,) in people:
        assert value is None or (value not in said.out and value not in said_in_json)
    assert KEY.decode() not in said.out + said.err + said_in_json


@pytest.mark.parametrize(
    ("changes", "words", "sentence"),
    [
        ({DATABASE: ""}, [], "is not set"),
        ({DATABASE: "postgresql://x"}, [], "no Connection in JSON"),
        ({DATABASE: "[]"}, [], "no Connection in JSON"),
        ({DATABASE: "{}"}, [], "has no host"),
        ({SIGNING_KEY: '{"login": "k"}'}, [], "needs a key id as login"),
        ({BUCKET: ""}, [], "names the archive's bucket"),
        ({BUCKET: "econsent-nowhere"}, [], "The archive could not be read"),
        (
            {ARCHIVE: '{"extra": {"endpoint_url": "http://127.0.0.1:1"}, "login": "a", "password": "b"}'},
            [],
            "The archive could not be read",
        ),
        ({DATABASE: '{"host": "127.0.0.1", "port": 1, "login": "a", "password": "b", "schema": "c"}'}, [], "database could not be read"),
        ({}, ["--company", "nobody"], "There is no company nobody"),
    ],
)
def test_what_cannot_run_ends_with_2_and_a_sentence(
    finished: Finished,
    environment: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
    words: list[str],
    sentence: str,
) -> None:
    assert main(words, {**environment, **changes}) == 2
    said = capsys.readouterr()
    assert (said.out, sentence in said.err) == ("", True)


@pytest.mark.parametrize("words", [["--limit", "0"], ["--since", "yesterday"], ["--unknown"]])
def test_a_wrong_command_line_ends_with_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words, {})

    assert ended.value.code == 2
