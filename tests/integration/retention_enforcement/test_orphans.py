"""The orphan check and the sealed log on the real stores."""

import json
from collections.abc import Callable
from datetime import timedelta

from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.tools import Tools
from tests.integration.retention_enforcement.world import COMPANY, World, now

Run = Callable[..., JobResult]
STRAY, LOCKED = f"{COMPANY}/shop/stray.json", f"{COMPANY}/shop/locked.json"
AT_ONCE = timedelta(seconds=-60)  # a grace that even what was written just now is older than


def test_orphans_are_found_both_ways_and_repaired_only_when_asked(run: Run, world: World) -> None:
    world.company()
    world.object(object_key="good.json")
    world.object(object_key="size.json", bytes=9)
    world.object(object_key="hash.json", sha256="1" * 64)
    missing = world.object(object_key="missing.json", created_at=now())
    ((version_id,),) = world.rows("storage_objects", "version_id", order="version_id", storage_object_id=missing)
    world.client.delete_object(Bucket=world.bucket, Key="missing.json", VersionId=version_id)
    world.client.put_object(Bucket=world.bucket, Key=STRAY, Body=b"x")
    locked_until = now() + timedelta(days=2)
    world.client.put_object(Bucket=world.bucket, Key=LOCKED, Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=locked_until)

    assert run("find_orphans").examined == 0, "nothing younger than the grace is touched"
    result = run("find_orphans", grace=AT_ONCE)

    assert (result.quarantined, result.changed) == (5, 0)
    details = [row[0] for row in world.rows("audit_log", "details", order="audit_id", action="retention.orphan_found")]
    assert {(each["kind"], each["object_key"]) for each in details} == {
        ("object_without_row", STRAY),
        ("object_without_row", LOCKED),
        ("row_without_object", "missing.json"),
        ("wrong_size", "size.json"),
        ("wrong_hash", "hash.json"),
    }
    repaired = run("find_orphans", grace=AT_ONCE, repair_orphans=True)
    assert (repaired.changed, repaired.quarantined) == (1, 4)
    keys = [key for key, _ in world.versions()]
    assert STRAY not in keys
    assert LOCKED in keys, "a lock is stronger than a repair"
    assert world.tombstones() == [(0, STRAY, "orphan")], "whatever is deleted leaves its tombstone"
    again = run("find_orphans", grace=AT_ONCE, repair_orphans=True)
    assert (again.changed, again.quarantined) == (0, 4)
    assert len(world.tombstones()) == 1


def test_what_one_night_cannot_compare_the_next_one_does(run: Run, world: World) -> None:
    """A night has time for one key here. Objects and rows on both sides of where it stops are told of once, and then a round begins."""
    world.company()
    for key in ("b", "d", "f"):
        world.object(object_key=f"{COMPANY}/shop/{key}")
    for key in ("a", "c", "g"):
        world.client.put_object(Bucket=world.bucket, Key=f"{COMPANY}/shop/{key}", Body=b"x")
    world.client.put_object(Bucket=world.bucket, Key=f"{COMPANY}/shop/c", Body=b"xx")
    gone = world.object(object_key=f"{COMPANY}/shop/e")
    ((version_id,),) = world.rows("storage_objects", "version_id", order="version_id", storage_object_id=gone)
    world.client.delete_object(Bucket=world.bucket, Key=f"{COMPANY}/shop/e", VersionId=version_id)
    no_time = Limits(batch_size=10, run_seconds=1e-9)

    nights = []
    for _ in range(6):
        result = run("find_orphans", grace=AT_ONCE, limits=no_time)
        ((after, ended_at),) = world.rows("orphan_rounds", "after_key", "ended_at", order="bucket")
        nights.append((after.rpartition("/")[2], result.quarantined, ended_at is not None))

    assert nights == [("a", 1, False), ("b", 0, False), ("c", 2, False), ("d", 0, False), ("f", 1, False), ("", 1, True)]
    assert run("find_orphans", grace=AT_ONCE).quarantined == 5, "the next round is of everything again"


def test_a_repair_that_is_killed_loses_no_tombstone(run: Run, make_tools: Callable[..., Tools], world: World) -> None:
    """The version is gone and the worker with it, before it could say so."""
    world.company()
    world.client.put_object(Bucket=world.bucket, Key=STRAY, Body=b"x")
    store = make_tools().store
    ((_, version_id),) = world.versions()
    version = {"bucket": world.bucket, "key": STRAY, "version_id": version_id, "bytes": 1, "sha256": "0" * 64, "kind": "certificate"}
    store.rows("adopt_orphan", company_id=COMPANY, retain_until=None, step="find_orphans", now=now(), **version)
    world.client.delete_object(Bucket=world.bucket, Key=STRAY, VersionId=version_id)

    run("purge_objects")

    assert world.tombstones() == [(0, STRAY, "orphan")]


def test_what_a_machine_cannot_judge_is_left_to_a_person(run: Run, world: World) -> None:
    """A second version of evidence, a key of nobody, and anything while the company is held."""
    world.company()
    world.company("held")
    world.object(object_key=f"{COMPANY}/shop/twice.json")
    world.client.put_object(Bucket=world.bucket, Key=f"{COMPANY}/shop/twice.json", Body=b"another")
    world.client.put_object(Bucket=world.bucket, Key="nobody/x.json", Body=b"x")
    world.client.put_object(Bucket=world.bucket, Key="held/x.json", Body=b"x")
    world.hold("company", "held", company_id="held")
    before = world.versions()

    result = run("find_orphans", grace=AT_ONCE, repair_orphans=True)

    assert (result.changed, result.quarantined) == (0, 3)
    assert world.versions() == before
    assert world.tombstones() == []


def test_a_delete_marker_is_lifted(run: Run, world: World) -> None:
    world.company()
    stored = world.object(object_key=f"{COMPANY}/shop/hidden.json")
    before = world.versions()
    world.client.delete_object(Bucket=world.bucket, Key=f"{COMPANY}/shop/hidden.json")

    assert run("find_orphans", grace=AT_ONCE, repair_orphans=True).changed == 1

    assert world.versions() == before
    assert (world.states(), world.tombstones()) == ({stored: "stored"}, [])


def test_a_key_that_somebody_is_about_to_record_is_no_orphan(run: Run, world: World) -> None:
    world.company()
    world.session("s-1")
    sealed = {"kind": "recording", "object_key": "sealed.gz", "staging_path": "s", "bytes": 1, "sha256": "0" * 64, "content_type": ""}
    world.insert("sealed_files", company_id=COMPANY, session_id="s-1", retain_until=now(), **sealed)
    world.client.put_object(Bucket=world.bucket, Key="sealed.gz", Body=b"x")

    assert run("find_orphans", grace=AT_ONCE).examined == 0


def test_each_night_seals_one_root_and_a_month_that_is_over_its_certificate(run: Run, world: World, audit_bucket: str) -> None:
    world.company()
    world.marked(object_key="a.json")
    run("purge_objects")
    assert run("seal_log").changed == 1
    assert run("seal_log").changed == 0, "a log that did not grow has its root"
    next_month = (now().replace(day=1) + timedelta(days=40)).replace(day=2)

    assert run("seal_log", as_of=next_month).changed == 1

    keys = sorted(version["Key"] for version in world.client.list_object_versions(Bucket=audit_bucket)["Versions"])
    certificate, root = (key.rpartition("-")[0] for key in keys)
    assert (certificate, root) == (f"tombstones/certificates/{COMPANY}/{now():%Y-%m}", "tombstones/roots/000000000001")
    stored = world.client.get_object(Bucket=audit_bucket, Key=keys[0])
    document = json.loads(stored["Body"].read())
    assert [(each["objectKey"], each["rule"]) for each in document["deleted"]] == [("a.json", "default")]
    assert stored["ObjectLockMode"] == "COMPLIANCE"
    assert stored["ObjectLockRetainUntilDate"].year == next_month.year + 7
    assert run("seal_log", as_of=next_month).changed == 0
