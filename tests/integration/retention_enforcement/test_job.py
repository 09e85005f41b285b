"""Each step on the real stores: what is due and nothing else, and a second run changes nothing."""

import gzip
import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.job import STEPS
from econsent_stack.stack import Stack
from tests.integration.retention_enforcement.world import PROPERTY, World, now

Run = Callable[..., JobResult]


def test_a_night_over_nothing_is_a_success_with_zeros(run: Run, world: World) -> None:
    world.company()

    assert {step: run(step).examined for step in [*STEPS, "find_orphans"]} == dict.fromkeys([*STEPS, "find_orphans"], 0)


@pytest.mark.parametrize(("mode", "expected"), [("all", {"with", "without"}), ("certificates", {"with"})])
def test_auto_retention_takes_what_its_mode_says(run: Run, world: World, mode: str, expected: set[str]) -> None:
    world.company(auto_retention_enabled=True, auto_retention_mode=mode)
    for session_id in ("with", "without"):
        world.session(session_id)
    world.session("open", closed_at=None, last_chunk_at=now())
    world.certificate("with")

    assert run("auto_retain").changed == len(expected)

    retained = world.rows("sessions", "session_id", order="session_id", retention_status="retained", rrweb_to_video_status="pending")
    assert {row[0] for row in retained} == expected
    assert {row[0] for row in world.rows("retention_usage_items", "session_id", order="session_id")} == expected
    assert run("auto_retain").changed == 0
    assert len(world.rows("retention_usage_items", "session_id", order="session_id")) == len(expected)


def test_a_session_that_fell_silent_is_closed_with_its_hash_and_retained(run: Run, world: World) -> None:
    world.company(auto_retention_enabled=True, auto_retention_mode="all")
    world.session("silent", file=b"[1, 2]", closed_at=None, recording_sha256=None, recording_bytes=None)

    run("auto_retain")

    found = world.rows("sessions", "recording_sha256", "recording_bytes", "retention_status", order="session_id")
    assert found == [(hashlib.sha256(b"[1, 2]").hexdigest(), 6, "retained")]


def test_the_first_retention_above_the_quota_is_told_once_a_month(run: Run, world: World) -> None:
    emails = ["owner@example.com"]
    world.company(
        auto_retention_enabled=True,
        auto_retention_mode="all",
        monthly_quota=2,
        notify_on_overage=True,
        overage_notification_emails=emails,
    )
    for number in range(2):
        world.session(f"s-{number}")
    run("auto_retain")
    assert world.rows("mail_outbox", "message_id", order="message_id") == []

    world.session("s-2")
    run("auto_retain")
    world.session("s-3")
    run("auto_retain")

    period = now().strftime("%Y-%m-01")
    assert world.rows("mail_outbox", "message_id", "recipients", order="message_id") == [(f"overage:acme:{period}", emails)]
    assert len(world.rows("retention_usage_items", "session_id", order="session_id")) == 4


def test_a_retained_recording_is_locked_and_an_unretained_one_is_not(run: Run, world: World) -> None:
    world.company()
    world.session("kept", file=b"[1]", retention_status="retained", retained_at=now())
    world.session("loose")
    pk = world.certificate("kept")

    assert run("archive").changed == 1

    key = f"acme/{PROPERTY}/{(now() - timedelta(days=40)):%Y/%m/%d}/kept/recordings/{hashlib.sha256(b'[1]').hexdigest()}.json.gz"
    ((retain_until,),) = world.rows("certificates", "retain_until", order="certificate_pk", certificate_pk=pk)
    ((stored_key, version_id, until),) = world.rows("storage_objects", "object_key", "version_id", "retain_until", order="object_key")
    assert (stored_key, until) == (key, retain_until)
    stored = world.client.get_object(Bucket=world.bucket, Key=key, VersionId=version_id)
    assert gzip.decompress(stored["Body"].read()) == b"[1]"
    assert (stored["ObjectLockMode"], stored["ObjectLockRetainUntilDate"]) == ("COMPLIANCE", retain_until)
    assert world.versions() == [(key, version_id)]
    assert world.rows("sealed_files", "object_key", order="object_key") == []
    assert run("archive").examined == 0
    assert world.versions() == [(key, version_id)]


def test_a_recording_that_is_not_the_closed_one_is_not_locked(run: Run, world: World) -> None:
    world.company()
    world.session("changed", retention_status="retained", retained_at=now())
    world.file_of("changed").write_bytes(b"[2]")

    result = run("archive")

    assert (result.quarantined, dict(result.causes)) == (1, {"integrity": 1})
    assert world.versions() == []


def test_a_recording_of_another_company_is_not_locked_as_ones_own(run: Run, world: World) -> None:
    world.company()
    world.company("other")
    world.session("theirs", company_id="other")
    path = world.file_of("theirs", company_id="other")
    world.session("claimed", retention_status="retained", retained_at=now(), recording_path=str(path))

    result = run("archive")

    assert (result.quarantined, dict(result.causes)) == (1, {"data": 1})
    assert (world.versions(), path.exists()) == ([], True)


def test_a_hot_copy_goes_when_the_archive_has_it_and_nobody_looks(run: Run, world: World) -> None:
    world.company()
    idle = now() - timedelta(days=31)
    kept = {"retention_status": "retained", "rrweb_to_video_status": "completed"}
    world.session("idle", retained_at=idle, **kept)
    world.session("used", retained_at=idle, last_accessed_at=now(), **kept)
    world.session("fresh", retained_at=now(), **kept)
    world.session("rendering", retained_at=idle, **kept | {"rrweb_to_video_status": "pending"})
    run("archive")
    world.session("unarchived", retained_at=idle, **kept)

    assert run("drop_hot_copy").changed == 1

    assert {name for name in ("idle", "used", "fresh", "rendering", "unarchived") if not world.file_of(name).exists()} == {"idle"}
    assert world.tombstones() == [(0, f"acme/{PROPERTY}/idle.json", "default")]
    assert run("drop_hot_copy").examined == 0


def test_a_hot_copy_does_not_outlive_the_archived_one(run: Run, world: World) -> None:
    """Somebody looked at it yesterday, so it was hot when its evidence's time came."""
    world.company()
    used = {"retained_at": now() - timedelta(days=6 * 365), "last_accessed_at": now() - timedelta(days=1)}
    world.session("used", retention_status="retained", rrweb_to_video_status="completed", **used)
    pk = world.expired_certificate("used", days=8, status="expired")
    world.marked(kind="recording", session_id="used", certificate_pk=pk)

    run("drop_hot_copy", "purge_objects")
    assert set(world.states().values()) == {"deleted"}
    assert world.file_of("used").exists(), "it was hot when the night began"
    assert world.rows("sessions", "retention_status", order="session_id") == [("retained",)]
    run("drop_hot_copy", "purge_objects")

    assert not world.file_of("used").exists()
    assert [key for _, key, _ in world.tombstones()][1] == f"acme/{PROPERTY}/used.json"
    assert world.rows("sessions", "retention_status", order="session_id") == [("deleted",)]
    assert run("drop_hot_copy", "purge_objects").examined == 0


def test_a_hot_copy_stays_while_the_archived_bytes_are_not_right(run: Run, world: World) -> None:
    world.company()
    idle = now() - timedelta(days=31)
    world.session("idle", retention_status="retained", retained_at=idle, rrweb_to_video_status="none")
    world.object(kind="recording", session_id="idle", body=b"other", sha256="0" * 64, retain_until=now() + timedelta(days=9))

    assert run("drop_hot_copy").quarantined == 1
    assert world.file_of("idle").exists()


def test_the_cold_tier_is_asked_for_and_the_row_stays_where_the_archive_cannot(run: Run, world: World) -> None:
    world.company()
    old = now() - timedelta(days=181)
    ahead = now() + timedelta(days=400)
    cold = world.object(kind="recording", body=b"x" * 128 * 1024, created_at=old, retain_until=ahead)
    world.object(kind="recording", body=b"x", created_at=old, retain_until=ahead)
    world.object(kind="certificate", body=b"y" * 128 * 1024, created_at=old, retain_until=ahead)
    before = world.versions()

    result = run("cold_tier")

    assert (result.examined, result.changed, result.skipped) == (1, 0, 1)
    assert world.rows("storage_objects", "tier", order="tier", storage_object_id=cold) == [(2,)]
    assert world.versions() == before


class Moving:
    """The real archive with the one thing that the embedded one lacks: a lifecycle rule, which moves what is tagged when ``works``."""

    def __init__(self, real: Any, owner: Any) -> None:
        self._real, self._owner = real, owner
        self.works = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def get_bucket_lifecycle_configuration(self, **_: Any) -> Any:
        transitions = [{"Days": 0, "StorageClass": "GLACIER_IR"}]
        return {"Rules": [{"Status": "Enabled", "Filter": {"Tag": {"Key": "tier", "Value": "3"}}, "Transitions": transitions}]}

    def head_object(self, **request: Any) -> Any:
        named = {name: request[name] for name in ("Bucket", "Key", "VersionId")}
        is_tagged = {"Key": "tier", "Value": "3"} in self._owner.get_object_tagging(**named)["TagSet"]
        return self._real.head_object(**request) | ({"StorageClass": "GLACIER_IR"} if is_tagged and self.works else {})


def test_the_row_says_cold_when_the_archive_shows_it(run: Run, stack: Stack, world: World) -> None:
    world.company()
    old, ahead = now() - timedelta(days=181), now() + timedelta(days=400)
    cold = world.object(kind="recording", body=b"x" * 128 * 1024, created_at=old, lock_until=ahead, retain_until=ahead)
    looked_at = world.object(kind="video", body=b"x" * 128 * 1024, created_at=old, last_accessed_at=now(), retain_until=ahead)
    archive = Moving(stack.object_store_client("econsent_archive_retention"), world.client)
    before = world.versions()

    first = run("cold_tier", client=archive)
    archive.works = True
    second = run("cold_tier", client=archive)

    assert (first.changed, first.skipped, second.changed, second.skipped) == (0, 1, 1, 0)
    tiers = world.rows("storage_objects", "storage_object_id", "tier", "storage_class", order="storage_object_id")
    assert tiers == [(cold, 3, "GLACIER_IR"), (looked_at, 2, None)]
    assert world.versions() == before, "a locked object never gets a new version"
    assert run("cold_tier", client=archive).examined == 0


def test_sessions_past_their_window_are_marked_and_go_after_the_grace(run: Run, world: World) -> None:
    world.company()
    world.session("over", started_at=now() - timedelta(days=91))
    world.session("running")
    world.session("kept", started_at=now() - timedelta(days=91), retention_status="retained", retained_at=now())

    assert run("expire_sessions").changed == 1
    run("purge_objects")

    assert world.file_of("over").exists(), "the grace is not over"
    assert world.rows("sessions", "session_id", order="session_id", retention_status="expired") == [("over",)]
    ((object_id, state),) = world.rows("storage_objects", "storage_object_id", "state", order="state")
    assert state == "expired"
    aged(world, object_id)
    assert run("purge_objects").changed == 1
    assert not world.file_of("over").exists()
    assert world.tombstones() == [(0, f"acme/{PROPERTY}/over.json", "default")]
    assert {world.file_of(name).exists() for name in ("running", "kept")} == {True}
    assert run("expire_sessions", "purge_objects").examined == 0


def aged(world: World, object_id: int) -> None:
    """Let eight days pass since an object was marked."""
    marked = {"expired_at": now() - timedelta(days=8), "purge_after": now() - timedelta(days=1)}
    world.update("storage_objects", storage_object_id=object_id, set_=marked)


def test_certificates_past_their_time_expire_audited_and_leave_the_index(run: Run, world: World) -> None:
    world.company()
    over, running = world.expired_certificate(), world.certificate(None)
    held = world.expired_certificate(certificate_id="EC-held")
    world.hold("certificate", "EC-held")
    due = world.object(certificate_pk=over)
    world.object(certificate_pk=running, retain_until=now() + timedelta(days=900))
    covered = world.object(certificate_pk=held)

    run("expire_certificates")

    statuses = dict(world.rows("certificates", "certificate_pk", "status", order="certificate_pk"))
    assert statuses == {over: "expired", running: "finalized", held: "finalized"}
    assert {name for name, state in world.states().items() if state == "expired"} == {due}
    assert world.states()[covered] == "stored"
    assert world.rows("audit_log", "action", order="audit_id", action="certificate.expired") == [("certificate.expired",)]
    assert (str(over), "delete") in world.rows("search_outbox", "doc_key", "op", order="doc_key")
    assert run("expire_certificates").changed == 0


def test_what_is_purged_goes_by_version_with_a_tombstone_and_finishes_its_certificate(run: Run, world: World) -> None:
    world.company()
    gone = world.marked()
    young = world.marked(days=2)
    running = world.object(certificate_pk=world.certificate(None), retain_until=now() + timedelta(days=900))
    ((key, version_id, pk),) = world.rows(
        "storage_objects", "object_key", "version_id", "certificate_pk", order="object_key", storage_object_id=gone
    )

    assert run("purge_objects").changed == 1

    assert world.states() == {gone: "deleted", young: "expired", running: "stored"}
    assert (key, version_id) not in world.versions()
    assert len(world.versions()) == 2, "no marker was laid over anything"
    assert world.tombstones() == [(0, key, "default")]
    finished = world.rows("certificates", "status", "consumer_phone", "capture", "consent_hash", order="status", certificate_pk=pk)
    assert finished[0][:3] == ("deleted", None, {})
    assert finished[0][3] is not None, "hashes stay"
    assert run("purge_objects").examined == 0
    assert world.tombstones() == [(0, key, "default")]


def test_links_nobody_used_end_but_those_of_held_certificates(run: Run, world: World) -> None:
    world.company()
    pk, held = world.certificate(None), world.certificate(None, certificate_id="EC-held")
    world.hold("certificate", "EC-held")
    for number, (owner, days) in enumerate([(pk, 91), (pk, 89), (held, 91)]):
        at = now() - timedelta(days=days)
        row = {"company_id": "acme", "certificate_pk": owner, "created_at": at, "expires_at": at + timedelta(days=90)}
        world.insert("claim_tokens", token_sha256=f"{number:064x}", **row)

    assert run("claim_tokens").changed == 1

    found = [(status, reason) for status, reason in world.rows("claim_tokens", "status", "review_reason", order="token_sha256")]
    assert found == [("expired", None), ("open", None), ("open", "keep_held")]
    assert run("claim_tokens").changed == 0
