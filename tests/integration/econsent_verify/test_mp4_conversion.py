"""The videos' verifier against videos of the real job: it finds nothing where nothing is wrong, and names each of 200 changes."""

import secrets
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from econsent_stack.stack import Stack
from econsent_verify.certificate_processing_checks.objects import Reader, Stored, Version
from econsent_verify.certificate_processing_checks.records import connect
from econsent_verify.mp4_conversion import Report, verify
from tests.databases import copied_database
from tests.prove.videos.case import make_case
from tests.prove.videos.world import World, open_world

SEED: Final = 9
CASES: Final = 3
BIT_FLIPS, ARCHIVE_CHANGES, COLUMN_CHANGES = 90, 30, 80
OTHER_HASH: Final = "translate({0}, '0123456789abcdef', '123456789abcdef0')"
COMPLETED: Final = "status = 'completed'"
VIDEO: Final = "kind = 'video'"
FILMED: Final = "rrweb_to_video_status = 'completed'"
MADE: Final = "kind <> 'recording'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A column of rows for which ``where`` holds becomes ``wrong``; a finding must have ``named`` in it."""

    table: str
    column: str
    wrong: str
    named: str
    where: str = COMPLETED


CHANGES: Final = (
    Change(table="video_conversions", column="status", wrong="'pending'", named="rrweb_to_video_status"),
    Change(table="video_conversions", column="status", wrong="'completed'", named="entries video.converted", where="status = 'failed'"),
    Change(table="video_conversions", column="finished_at", wrong="NULL", named="finished_at"),
    Change(table="video_conversions", column="lease_token", wrong="gen_random_uuid()", named="lease"),
    Change(table="video_conversions", column="error_class", wrong="'render'", named="error_class"),
    Change(table="video_conversions", column="error_class", wrong="NULL", named="error_class", where="status = 'failed'"),
    Change(table="video_conversions", column="source_sha256", wrong=OTHER_HASH, named="recording.sha256"),
    Change(table="video_conversions", column="source_events", wrong="source_events + 1", named="recording.events"),
    Change(table="video_conversions", column="promoted_snapshot_index", wrong="3", named="recording.promotedSnapshot"),
    Change(table="video_conversions", column="width", wrong="width + 2", named="sizes"),
    Change(table="video_conversions", column="height", wrong="height + 2", named="sizes"),
    Change(table="video_conversions", column="duration_ms", wrong="duration_ms + 1", named="duration_ms"),
    Change(table="video_conversions", column="frames", wrong="frames + 1", named="video.frames"),
    Change(table="video_conversions", column="dropped_events", wrong="dropped_events + 1", named="recording.dropped"),
    Change(table="video_conversions", column="blocked_requests", wrong="blocked_requests + 1", named="blockedRequests"),
    Change(table="video_conversions", column="output_bytes", wrong="output_bytes + 1", named="output_bytes"),
    Change(table="video_conversions", column="output_sha256", wrong=OTHER_HASH, named="output_sha256"),
    Change(table="video_conversions", column="storage_object_id", wrong="storage_object_id + 1", named="storage_object_id"),
    Change(table="storage_objects", column="object_key", wrong="object_key || 'x'", named="object_key", where=MADE),
    Change(table="storage_objects", column="version_id", wrong="'another'", named="in the archive", where=MADE),
    Change(table="storage_objects", column="sha256", wrong=OTHER_HASH, named="sha256", where=MADE),
    Change(table="storage_objects", column="bytes", wrong="bytes + 1", named="bytes", where=MADE),
    Change(table="storage_objects", column="content_type", wrong="'text/html'", named="content_type", where=MADE),
    Change(table="storage_objects", column="retain_until", wrong="retain_until - interval '1 second'", named="retain_until", where=MADE),
    Change(table="storage_objects", column="kind", wrong="'recording'", named="files", where=MADE),
    Change(table="storage_objects", column="state", wrong="'deleted'", named="files", where=MADE),
    Change(table="storage_objects", column="session_id", wrong="'nobody'", named="files", where=VIDEO),
    Change(
        table="sessions", column="recording_sha256", wrong=OTHER_HASH, named="the session's recording", where="session_id LIKE '%silent'"
    ),
    Change(
        table="sessions",
        column="rrweb_to_video_status",
        wrong="'processing'",
        named="rrweb_to_video_status",
        where="session_id LIKE '%silent'",
    ),
    Change(table="sessions", column="started_at", wrong="started_at - interval '2 days'", named="object_key", where=FILMED),
    Change(table="certificates", column="certificate_id", wrong="certificate_id || 'x'", named="certificateIds", where="true"),
    Change(table="audit_log", column="action", wrong="'video.undone'", named="entries video.converted", where="action = 'video.converted'"),
)
NOT_COMPARED: Final = {
    "conversion_id": "the database's own number",
    "company_id": "by which it is looked for",
    "session_id": "by which it is looked for",
    "priority": "of the queue, over by then",
    "queued_at": "of the queue, over by then",
    "started_at": "says which certificates had their ids by then",
    "attempts": "of the queue, over by then",
    "lost_leases": "of the queue, over by then",
    "next_attempt_at": "of the queue, over by then",
    "leased_until": "of the queue, over by then",
    "progress_percent": "for whoever looks on",
    "fps": "always ten",
    "truncated": "never set",
    "render_ms": "how long it took, which nobody can tell later",
    "encode_ms": "how long it took, which nobody can tell later",
    "tool_versions": "for people; the sidecar keeps them under its hash",
    "last_error": "a sentence for people",
}


@pytest.fixture(scope="module")
def world(
    stack: Stack, server: psycopg.Connection[Any], template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    bucket = f"econsent-verify-{secrets.token_hex(6)}"
    stack.object_store_client().create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    folder: Path = tmp_path_factory.mktemp("verify")
    with (
        copied_database(server, template_database, prefix="verify") as name,
        open_world(stack, database=name, bucket=bucket, efs=folder / "efs", work=folder / "work") as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
def finished(world: World) -> World:
    """A few cases, each with two videos and a recording that none could be made of; nothing checks what is written from here on."""
    for number in range(1, CASES + 1):
        make_case(world, number=number)
    ended = world.nursery.run(world.direct.told())
    assert ended.report is not None, ended
    assert (ended.report["changed"], ended.report["quarantined"]) == (2 * CASES, CASES)
    world.database.execute("SET session_replication_role = replica")
    return world


class Remembering:
    """The archive, which is asked once for everything: only what stands before it says something else."""

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


@pytest.fixture(scope="module")
def archive(finished: World) -> Remembering:
    return Remembering(finished.reader)


def verified(world: World, reader: Reader, *, company_id: str | None = None) -> Report:
    with connect(world.verifying) as connection:
        return verify(connection, reader, company_id=company_id)


def objects_of(world: World) -> Sequence[dict[str, Any]]:
    return world.rows(f"SELECT company_id, session_id, kind, object_key FROM econsent.storage_objects WHERE {MADE} ORDER BY object_key")


class ChangedArchive:
    """Says something else of one object: ``change`` names what, or is a place at which a bit is flipped."""

    def __init__(self, real: Reader, key: str, change: str | int) -> None:
        self._real, self._key, self._change, self.bucket = real, key, change, real.bucket

    def read(self, key: str, version_id: str) -> Stored | None:
        stored = self._real.read(key, version_id)
        if stored is None or key != self._key:
            return stored
        match self._change:
            case int(place):
                body = bytearray(stored.body)
                body[place // 8 % len(body)] ^= 1 << place % 8
                return replace(stored, body=bytes(body))
            case "gone":
                return None
            case "lock_mode":
                return replace(stored, lock_mode="GOVERNANCE")
            case "retain_until":
                assert stored.retain_until is not None
                return replace(stored, retain_until=stored.retain_until - timedelta(seconds=1))
            case "content_type":
                return replace(stored, content_type="text/html")
            case _:
                return stored

    def pages(self, prefix: str) -> Iterator[list[Version]]:
        for page in self._real.pages(prefix):
            ours = [each for each in page if each.key == self._key]
            also: dict[str | int, list[Version]] = {
                "version": [replace(each, version_id="another") for each in ours],
                "marker": [replace(each, version_id="hides", delete_marker=True) for each in ours],
                "stray": [replace(each, key=f"{each.key}.new") for each in ours],
            }
            yield [*page, *also.get(self._change, ())]


NAMED: Final = {
    "gone": "in the archive",
    "lock_mode": "lock mode",
    "retain_until": "retain_until",
    "content_type": "content type",
    "version": "versions",
    "marker": "versions",
    "stray": "belongs to",
}


def test_finished_videos_hold(finished: World, archive: Remembering) -> None:
    report = verified(finished, archive)

    assert [str(finding) for finding in report.findings] == []
    assert (report.conversions, report.completed) == (3 * CASES, 2 * CASES)


def test_each_flipped_bit_is_named(finished: World, archive: Remembering) -> None:
    random, silent = Random(SEED), list[str]()
    objects = objects_of(finished)
    for _ in range(BIT_FLIPS):
        one, place = random.choice(objects), random.randrange(2**24)
        report = verified(finished, ChangedArchive(archive, one["object_key"], place), company_id=one["company_id"])
        named = f"object: {one['company_id']}/{one['session_id']}: {one['kind']}: sha256"
        if not any(named in str(finding) for finding in report.findings):
            silent.append(f"bit {place} of {one['object_key']}: {report.findings[:2]}")

    assert silent == []


def test_each_change_of_the_archive_is_named(finished: World, archive: Remembering) -> None:
    random, silent = Random(SEED), list[str]()
    objects = objects_of(finished)
    for turn in range(ARCHIVE_CHANGES):
        one, change = random.choice(objects), list(NAMED)[turn % len(NAMED)]
        report = verified(finished, ChangedArchive(archive, one["object_key"], change), company_id=one["company_id"])
        if not any(NAMED[change] in finding.what for finding in report.findings):
            silent.append(f"{change} of {one['object_key']}: {report.findings[:2]}")

    assert silent == []


@contextmanager
def changed(database: psycopg.Connection[Any], change: Change, random: Random) -> Generator[str]:
    """Change one row while the block runs, whatever refuses it; give its company."""
    where, wrong, column = sql.SQL(change.where), sql.SQL(change.wrong.format(change.column)), sql.Identifier(change.column)
    choose = sql.SQL("SELECT tableoid::regclass::text, ctid::text, company_id FROM {} WHERE {} ORDER BY 1, 2")
    table, row, company = random.choice(database.execute(choose.format(sql.Identifier("econsent", change.table), where)).fetchall())
    place = sql.SQL(table)
    database.execute(sql.SQL("CREATE TABLE public.before AS SELECT * FROM {} WHERE ctid = {}::tid").format(place, sql.Literal(row)))
    update = sql.SQL("UPDATE {} SET {} = {} WHERE ctid = %s::tid RETURNING ctid::text").format(place, column, wrong)
    after = database.execute(update, [row]).fetchone()
    assert after is not None
    try:
        yield company
    finally:
        database.execute(sql.SQL("DELETE FROM {} WHERE ctid = %s::tid").format(place), [after[0]])
        database.execute(sql.SQL("INSERT INTO {} OVERRIDING SYSTEM VALUE SELECT * FROM public.before").format(place))
        database.execute("DROP TABLE public.before")


def test_each_changed_column_is_named(finished: World, archive: Remembering) -> None:
    random, silent = Random(SEED), list[str]()
    drop_rules(finished.database)
    for turn in range(COLUMN_CHANGES):
        change = CHANGES[turn % len(CHANGES)]
        with changed(finished.database, change, random) as company:
            report = verified(finished, archive, company_id=company)
        if not any(change.named in finding.what for finding in report.findings):
            silent.append(f"{change.table}.{change.column}: {report.findings[:2]}")

    assert silent == []
    assert verified(finished, archive).findings == []


def drop_rules(database: psycopg.Connection[Any]) -> None:
    """Drop checks: they are the database's help, and the verifier has to do without."""
    for relation, name in database.execute(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint"
        " WHERE conrelid IN ('econsent.video_conversions'::regclass, 'econsent.storage_objects'::regclass) AND contype = 'c'"
    ).fetchall():
        database.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.SQL(relation), sql.Identifier(name)))


def test_every_column_is_compared_or_says_why_not(finished: World) -> None:
    compared = {change.column for change in CHANGES if change.table == "video_conversions"}
    columns = finished.rows(
        "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'econsent' AND table_name = 'video_conversions'"
    )

    assert {row["name"] for row in columns} == compared | NOT_COMPARED.keys()
    assert not compared & NOT_COMPARED.keys()


def test_a_session_without_its_conversion_is_named(finished: World, archive: Remembering) -> None:
    one = Change(table="video_conversions", column="session_id", wrong="'nobody'", named="conversion")
    with changed(finished.database, one, Random(SEED)) as company:
        found = {finding.what for finding in verified(finished, archive, company_id=company).findings}

    assert "conversion" in found
