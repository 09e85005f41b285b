"""Retention's verifier against nights of the real job: it finds nothing where nothing is wrong, and names whatever is changed."""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import psycopg
import pytest

from econsent_jobs.core.limits import Limits
from econsent_jobs.io.object_versions import Head, ObjectVersions
from econsent_jobs.retention_enforcement import enforce
from econsent_jobs.retention_enforcement.model import Settings
from econsent_jobs.retention_enforcement.tools import real_tools
from econsent_stack.stack import Stack
from econsent_verify.retention_enforcement_checks.walk import Row, Stores, verify
from tests.databases import copied_database
from tests.prove.retention.case import HOME, make_case
from tests.prove.retention.world import World, open_world

CHANGES: Final = 200
SEED: Final = 10
CASES: Final = 3
FILES: Final = 260
"""More than a chunk of the log."""
DAY: Final = timedelta(days=1)
GONE_FILES: Final = """
INSERT INTO econsent.storage_objects (company_id, kind, backend, tier, object_key, bytes, sha256, state, expired_at, mark_rule, marked_by,
  purge_after, erasure_asked_at)
SELECT %(company)s, 'recording', 'efs', 1, %(company)s || '/shop/file-' || number || '.json', number, repeat('a', 64), 'expired',
  now() - interval '8 days', 'erasure_request', 'deletion_requests', now() - interval '1 day', now() - interval '8 days'
FROM generate_series(1, %(count)s) AS number
"""


@pytest.fixture(scope="module")
def world(
    stack: Stack, server: psycopg.Connection[Any], template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    buckets = {name: f"econsent-verify-{secrets.token_hex(6)}" for name in ("bucket", "audit_bucket")}
    for bucket in buckets.values():
        stack.object_store_client().create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    efs: Path = tmp_path_factory.mktemp("verify") / "efs"
    with (
        copied_database(server, template_database, prefix="verify") as name,
        open_world(stack, database=name, efs=efs, **buckets) as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
def finished(world: World) -> Stores:
    """Nights over a few cases and some hundred files, and the certificates of destruction that the next month's first night seals."""
    for number in range(1, CASES + 1):
        make_case(world, number=number)
        ended = world.nursery.run(world.direct.told())
        assert ended.report is not None, ended
    world.database.execute(GONE_FILES, {"company": HOME, "count": FILES})
    assert world.nursery.run(world.direct.told()).report is not None
    with psycopg.connect(world.direct.database, autocommit=True) as own:
        as_of = world.one("SELECT now() + interval '40 days' AS at")["at"]
        buckets = {"bucket": world.direct.bucket, "audit_bucket": world.direct.audit_bucket, "efs_base": Path(world.direct.efs)}
        tools = real_tools(database=own, client=world.role_client, settings=Settings(run_id="next month", as_of=as_of), **buckets)
        enforce("seal_log", tools=tools, limits=Limits(batch_size=100, run_seconds=60))
    return Stores(
        database=world.database,
        archive=ObjectVersions(world.reader, world.direct.bucket),
        audit=ObjectVersions(world.reader, world.direct.audit_bucket),
        efs_base=Path(world.direct.efs),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """One change of what is read: of one row of a statement, or of what a bucket (``archive``, ``audit``) says of one version."""

    source: str
    column: str
    key: Any
    value: Any


@dataclass(frozen=True, kw_only=True)
class ChangedStores(Stores):
    """Reads what the database says, but for one value of one row."""

    change: Applied

    def rows(self, query: str, /, **parameters: Any) -> list[Row]:
        found = super().rows(query, **parameters)
        for row in found:
            if query == self.change.source and row[KEYS[query]] == self.change.key:
                row[self.change.column] = self.change.value
        return found


def changed(stores: Stores, change: Applied) -> ChangedStores:
    archive, audit = (ChangedBucket(getattr(stores, name), name, change) for name in ("archive", "audit"))
    return ChangedStores(database=stores.database, archive=archive, audit=audit, efs_base=stores.efs_base, change=change)


class ChangedBucket(ObjectVersions):
    """A bucket that says something else of one version."""

    def __init__(self, real: ObjectVersions, name: str, change: Applied) -> None:
        super().__init__(real._client, real.bucket)
        self._name, self._change = name, change

    def _is_changed(self, key: str, *columns: str) -> bool:
        return (self._name, key) == (self._change.source, self._change.key) and self._change.column in columns

    def head(self, key: str, version_id: str) -> Head | None:
        return self._as_changed(key, super().head(key, version_id))

    def read(self, key: str, version_id: str) -> tuple[Head, str] | None:
        found = super().read(key, version_id)
        head = self._as_changed(key, found[0] if found else None)
        if found is None or head is None:
            return None
        return head, self._change.value if self._is_changed(key, "body") else found[1]

    def _as_changed(self, key: str, found: Head | None) -> Head | None:
        if not self._is_changed(key, "size_bytes", "sha256", "retain_until", "held", "gone"):
            return found
        if self._change.column == "gone" or found is None:
            return None
        return replace(found, **{self._change.column: self._change.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A way in which a value can be wrong, for rows for which ``where`` holds. ``named``: what of the row a finding must name."""

    source: str
    column: str
    wrong: Callable[[Row, Random], Any]
    where: Callable[[Row], bool] = bool
    named: str = ""


KEYS: Final = {
    "page_tombstones": "log_no",
    "read_chunks": "chunk_no",
    "read_roots": "object_key",
    "read_certificates": "object_key",
    "list_month": "log_no",
    "read_length": "leaves",
    "page_objects": "object_key",
}


def otherwise(*values: Any) -> Callable[[Row, Random], Any]:
    return lambda _, random: random.choice(values)


def flipped_digit(column: str) -> Callable[[Row, Random], str]:
    """One bit of a hash in hexadecimal."""

    def wrong(row: Row, random: Random) -> str:
        place = random.randrange(len(row[column]))
        digit = f"{int(row[column][place], 16) ^ 1 << random.randrange(4):x}"
        return row[column][:place] + digit + row[column][place + 1 :]

    return wrong


def flipped_bit(column: str) -> Callable[[Row, Random], bytes]:
    def wrong(row: Row, random: Random) -> bytes:
        body = bytearray(row[column])
        body[random.randrange(len(body))] ^= 1 << random.randrange(8)
        return bytes(body)

    return wrong


def moved(column: str, *days: int) -> Callable[[Row, Random], Any]:
    return lambda row, random: row[column] + random.choice(days) * DAY


def in_archive(row: Row) -> bool:
    return row["backend"] == "s3"


LEAVES, CHUNKS, ROOTS, CERTIFICATES, MONTH, LENGTH, OBJECTS = KEYS
WRONG: Final = (
    Change(source=LEAVES, column="log_no", wrong=lambda row, random: row["log_no"] + random.choice((1, 7)), named="number {log_no}"),
    Change(source=LEAVES, column="company_id", wrong=otherwise("nobody", ""), named="leaf {log_no}"),
    Change(source=LEAVES, column="object_key", wrong=lambda row, _: row["object_key"] + "x", named="leaf {log_no}"),
    Change(source=LEAVES, column="version_id", wrong=otherwise("another", "null"), named="leaf {log_no}"),
    Change(source=LEAVES, column="bytes", wrong=lambda row, random: row["bytes"] ^ 1 << random.randrange(20), named="leaf {log_no}"),
    Change(source=LEAVES, column="sha256", wrong=flipped_digit("sha256"), named="leaf {log_no}"),
    Change(source=LEAVES, column="rule", wrong=otherwise("customer_policy", "legal_hold", ""), named="leaf {log_no}"),
    Change(source=LEAVES, column="run_id", wrong=otherwise("another", ""), named="leaf {log_no}"),
    Change(source=LEAVES, column="deleted_at", wrong=moved("deleted_at", -1, 1), named="leaf {log_no}"),
    Change(source=LEAVES, column="leaf_sha256", wrong=flipped_digit("leaf_sha256"), named="leaf {log_no}"),
    Change(source=LEAVES, column="object_ids", wrong=otherwise(None, [], [1, 2]), named="{object_key}"),
    Change(source=LEAVES, column="is_same", wrong=otherwise(None, False), named="{object_key}"),
    Change(source=LEAVES, column="retain_until", wrong=moved("deleted_at", 0, 1, 900), named="{object_key}", where=in_archive),
    Change(source=CHUNKS, column="sha256", wrong=flipped_digit("sha256"), named="chunk {chunk_no}"),
    Change(source=CHUNKS, column="chunk_no", wrong=otherwise(1, 7), named="chunk {chunk_no}"),
    Change(source=ROOTS, column="root_sha256", wrong=flipped_digit("root_sha256"), named="root of {leaves}"),
    Change(source=ROOTS, column="leaves", wrong=lambda row, _: row["leaves"] + 10**6, named="length"),
    Change(source=ROOTS, column="document", wrong=flipped_bit("document"), named="{object_key}"),
    Change(source=ROOTS, column="document_sha256", wrong=flipped_digit("document_sha256"), named="{object_key}"),
    Change(source=ROOTS, column="retain_until", wrong=moved("retain_until", 1, 365), named="{object_key}"),
    Change(source=ROOTS, column="version_id", wrong=otherwise("another"), named="{object_key}"),
    Change(source=CERTIFICATES, column="document", wrong=flipped_bit("document"), named="{object_key}"),
    Change(source=CERTIFICATES, column="document_sha256", wrong=flipped_digit("document_sha256"), named="{object_key}"),
    Change(source=CERTIFICATES, column="retain_until", wrong=moved("retain_until", 1, 365), named="{object_key}"),
    Change(source=CERTIFICATES, column="version_id", wrong=otherwise("another"), named="{object_key}"),
    Change(source=MONTH, column="log_no", wrong=lambda row, _: row["log_no"] + 1, named="/certificates/"),
    Change(source=MONTH, column="leaf_sha256", wrong=flipped_digit("leaf_sha256"), named="/certificates/"),
    Change(source=LENGTH, column="leaves", wrong=lambda row, random: row["leaves"] + random.choice((-1, 1, 256)), named="length"),
    Change(source=OBJECTS, column="bytes", wrong=lambda row, random: row["bytes"] ^ 1 << random.randrange(20), named="{object_key}"),
    Change(source=OBJECTS, column="sha256", wrong=flipped_digit("sha256"), named="{object_key}"),
    Change(source=OBJECTS, column="retain_until", wrong=otherwise("later"), named="{object_key}", where=lambda row: row["is_locked"]),
    Change(source=OBJECTS, column="held_at", wrong=moved("retain_until", 0), named="{object_key}", where=lambda row: not row["held_at"]),
    Change(source=OBJECTS, column="version_id", wrong=otherwise("another"), named="{object_key}"),
    Change(source="archive", column="gone", wrong=otherwise(None), named="{object_key}"),
    Change(source="archive", column="size_bytes", wrong=lambda row, random: row["bytes"] ^ 1 << random.randrange(20), named="{object_key}"),
    Change(source="archive", column="sha256", wrong=flipped_digit("sha256"), named="{object_key}"),
    Change(
        source="archive", column="retain_until", wrong=moved("retain_until", -1), named="{object_key}", where=lambda row: row["is_locked"]
    ),
    Change(source="archive", column="held", wrong=otherwise(False), named="{object_key}", where=lambda row: row["held_at"] is not None),
    Change(source="audit", column="gone", wrong=otherwise(None), named="{object_key}"),
    Change(source="audit", column="retain_until", wrong=moved("retain_until", -1), named="{object_key}"),
    Change(source="audit", column="body", wrong=flipped_digit("document_sha256"), named="{object_key}"),
)
NOT_COMPARED: Final = {
    "tombstones": set[str](),
    "tombstone_chunks": set[str](),
    "tombstone_log": {"one"},  # there is one row
    "tombstone_roots": {"run_id", "made_at", "object_key", "bucket"},  # said in the document, or names where it lies
    "destruction_certificates": {"company_id", "month", "leaves", "made_at", "object_key", "bucket"},
}
TABLES: Final = {
    "tombstones": LEAVES,
    "tombstone_chunks": CHUNKS,
    "tombstone_log": LENGTH,
    "tombstone_roots": ROOTS,
    "destruction_certificates": CERTIFICATES,
}


def rows_of(stores: Stores) -> dict[str, list[Row]]:
    """Everything that can be changed, by its source."""
    roots, certificates = stores.rows(ROOTS), stores.rows(CERTIFICATES)
    objects = stores.rows(OBJECTS, bucket=stores.archive.bucket, after=0)
    for row in objects:
        head = stores.archive.head(row["object_key"], row["version_id"])
        row["is_locked"] = head is not None and head.retain_until is not None
    one = certificates[0]
    return {
        LEAVES: stores.rows(LEAVES, after=0),
        CHUNKS: stores.rows(CHUNKS),
        ROOTS: roots,
        CERTIFICATES: certificates,
        MONTH: stores.rows(MONTH, company_id=one["company_id"], month=one["month"], leaves=one["leaves"]),
        LENGTH: stores.rows(LENGTH),
        OBJECTS: objects,
        "archive": objects,
        "audit": [*roots, *certificates],
    }


def drawn(stores: Stores, random: Random) -> Iterator[tuple[Change, Applied, str]]:
    """Yield changes, each way in turn, of random rows, and what a finding must name."""
    rows = rows_of(stores)
    while True:
        for change in WRONG:
            row = random.choice([row for row in rows[change.source] if change.where(row)])
            value = change.wrong(row, random)
            value = row["retain_until"] + 90 * DAY if value == "later" else value
            key = row[KEYS.get(change.source, "object_key")]
            yield change, Applied(source=change.source, column=change.column, key=key, value=value), change.named.format_map(row)


def test_finished_nights_hold(finished: Stores) -> None:
    report = verify(finished)

    assert [str(finding) for finding in report.findings] == []
    assert report.tombstones == CASES * 5 + FILES
    assert report.objects == CASES * 5


def test_each_of_two_hundred_changes_is_named(finished: Stores) -> None:
    changes, silent = drawn(finished, Random(SEED)), list[str]()
    for _ in range(CHANGES):
        change, applied, named = next(changes)
        report = verify(changed(finished, applied))
        if not any(named in str(finding) for finding in report.findings):
            silent.append(f"{change.source}.{change.column} of {applied.key} became {applied.value}: {report.findings[:2]}")

    assert "\n".join(silent) == ""


@pytest.mark.parametrize("table", TABLES)
def test_every_column_of_the_log_is_compared_or_says_why_not(world: World, table: str) -> None:
    compared = {change.column for change in WRONG if change.source == TABLES[table]}
    columns = world.rows(
        "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'econsent' AND table_name = %(table)s", table=table
    )

    assert {row["name"] for row in columns} <= compared | NOT_COMPARED[table]


def test_what_went_long_ago_is_not_looked_for_again(finished: Stores, world: World) -> None:
    """Its leaf is computed all the same."""
    (_, first) = finished.rows(LEAVES, after=0)[:2]
    later = world.one("SELECT clock_timestamp() AS at")["at"]
    lost = Applied(source=LEAVES, column="object_ids", key=first["log_no"], value=None)
    forged = Applied(source=LEAVES, column="leaf_sha256", key=first["log_no"], value=hashlib.sha256(b"").hexdigest())

    assert verify(changed(finished, lost)).found == 1
    assert verify(changed(finished, lost), since=later).found == 0
    assert verify(changed(finished, forged), since=later).found > 0


def test_what_was_sealed_long_ago_is_not_asked_for_again(finished: Stores) -> None:
    """Its document is compared with the log all the same."""
    first = finished.rows(ROOTS)[0]
    just_after = first["made_at"] + timedelta(microseconds=1)
    lost = Applied(source="audit", column="gone", key=first["object_key"], value=None)
    forged = Applied(source=ROOTS, column="root_sha256", key=first["object_key"], value=hashlib.sha256(b"").hexdigest())

    assert verify(changed(finished, lost), since=first["made_at"]).found == 1
    assert verify(changed(finished, lost), since=just_after).found == 0
    assert verify(changed(finished, forged), since=just_after).found > 0


def test_a_file_that_outlived_its_session_is_named(finished: Stores, world: World) -> None:
    ended = "UPDATE econsent.sessions SET retention_status = %s, updated_at = now() WHERE session_id = %s"
    world.database.execute(ended, ["deleted", "case000003-silent"])
    try:
        report = verify(finished)
    finally:
        world.database.execute(ended, ["retained", "case000003-silent"])

    assert [str(finding) for finding in report.findings] == [
        f"left: {HOME} {world.platform.efs}/{HOME}/shop/case000003-silent.json: expected gone with its session, found the file"
    ]
