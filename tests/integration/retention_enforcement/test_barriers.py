"""What keeps an object although its time has come: holds, claims, retentions, locks, the guard, a trouble of the archive."""

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from econsent_jobs.core.errors import PermanentError, TransientError
from econsent_jobs.core.results import JobResult
from econsent_jobs.io.object_versions import WORTH_TWO_REQUESTS
from econsent_jobs.retention_enforcement import enforce, holds
from econsent_jobs.retention_enforcement.approval import answer, asked
from econsent_jobs.retention_enforcement.store import PostgresStore
from econsent_jobs.retention_enforcement.tools import Tools
from econsent_stack.stack import Stack
from tests.integration.retention_enforcement.conftest import LIMITS
from tests.integration.retention_enforcement.world import COMPANY, World, now

Run = Callable[..., JobResult]
MakeTools = Callable[..., Tools]


def wanted(scope: str, value: str) -> holds.Wanted:
    return holds.Wanted(company_id=COMPANY, scope=scope, value=value, reason="a suit", by="counsel")


@pytest.mark.parametrize("scope", ["company", "property", "session", "certificate", "consumer"])
def test_a_hold_between_the_mark_and_the_purge_wins_and_its_release_begins_the_grace_anew(
    run: Run, make_tools: MakeTools, world: World, scope: str
) -> None:
    world.company()
    world.session("s-1")
    pk = world.expired_certificate("s-1", days=8, status="expired", certificate_id="EC-1", consumer_phone="+12025550001")
    kept = world.marked(certificate_pk=pk, session_id="s-1")
    other = world.marked()
    values = {"company": COMPANY, "property": "shop", "session": "s-1", "certificate": "EC-1", "consumer": "+12025550001"}
    tools = make_tools()

    placed = holds.place(tools, wanted(scope, values[scope]), clock=tools.clock)
    run("purge_objects")

    assert placed.waited
    assert world.states() == {kept: "stored", other: "stored" if scope in {"company", "property"} else "deleted"}
    ((key, version_id),) = world.rows("storage_objects", "object_key", "version_id", order="object_key", storage_object_id=kept)
    held = world.client.head_object(Bucket=world.bucket, Key=key, VersionId=version_id)
    assert held["ObjectLockLegalHoldStatus"] == "ON", "the archive holds it too"
    assert holds.release(tools, placed.hold_id, by="counsel")[1]
    assert not holds.release(tools, placed.hold_id, by="counsel")[1], "the same person again is nobody"
    run("expire_certificates", "purge_objects")
    assert world.states()[kept] == "stored"
    assert holds.release(tools, placed.hold_id, by="partner")[1]
    run("expire_certificates", "purge_objects")
    assert world.states()[kept] == "expired", "marked again, and its grace begins anew"
    assert (key, version_id) in world.versions()


def test_each_barrier_holds_without_the_other(run: Run, world: World) -> None:
    """A lock without a row that knows of it, and a row's date without a lock."""
    world.company()
    locked = world.marked(lock_until=now() + timedelta(days=2))
    kept = world.marked(retain_until=now() + timedelta(days=2))
    before = world.versions()

    result = run("purge_objects")

    assert (result.changed, result.quarantined, dict(result.causes)) == (0, 1, {"integrity": 1})
    assert world.states() == {locked: "expired", kept: "expired"}
    assert world.versions() == before
    assert world.tombstones() == []
    ((reason,),) = world.rows("storage_objects", "refusal", order="refusal", storage_object_id=locked)
    assert "AccessDenied" in reason


def test_a_hold_in_the_archive_alone_holds_too(run: Run, world: World) -> None:
    world.company()
    held, gone = world.marked(), world.marked()
    ((key, version_id),) = world.rows("storage_objects", "object_key", "version_id", order="object_key", storage_object_id=held)
    world.client.put_object_legal_hold(Bucket=world.bucket, Key=key, VersionId=version_id, LegalHold={"Status": "ON"})

    result = run("purge_objects")

    assert (result.changed, result.quarantined) == (1, 1), "one that is refused harms no other"
    assert world.states() == {held: "expired", gone: "deleted"}


def test_the_law_keeps_locked_objects_of_retained_certificates_for_five_years(run: Run, world: World) -> None:
    world.company()
    consent_at = now() - timedelta(days=4 * 365)
    for name, retained_at in (("retained", consent_at), ("loose", None)):
        status = "retained" if retained_at else "unretained"
        world.session(name, file=None, retention_status=status, retained_at=retained_at)
    dates = {"consent_at": consent_at, "expires_at": now() - timedelta(days=30), "status": "expired"}
    kept = world.marked(session_id="retained", certificate_pk=world.certificate("retained", **dates))
    gone = world.marked(session_id="loose", certificate_pk=world.certificate("loose", **dates))

    run("purge_objects")

    assert world.states() == {kept: "stored", gone: "deleted"}


def test_a_retention_in_between_wins(run: Run, world: World) -> None:
    world.company()
    world.session("changed-mind", started_at=now() - timedelta(days=99))
    run("expire_sessions")
    world.update("sessions", session_id="changed-mind", set_={"retention_status": "retained", "retained_at": now()})
    world.update("storage_objects", session_id="changed-mind", set_={"purge_after": now() - timedelta(days=1)})

    run("purge_objects")

    assert world.file_of("changed-mind").exists()
    assert set(world.states().values()) == {"stored"}


def test_a_claim_in_between_wins_and_lengthens_the_lock(run: Run, world: World) -> None:
    world.company()
    world.company("buyer", object_lock_years=7)
    consent_at = now() - timedelta(days=6 * 365)
    pk = world.certificate(None, consent_at=consent_at, expires_at=now() - timedelta(days=8), status="expired")
    claimed = world.marked(certificate_pk=pk)
    link = {"company_id": COMPANY, "certificate_pk": pk, "status": "claimed", "claimed_by_company_id": "buyer"}
    world.insert("claim_tokens", token_sha256="a" * 64, **link)

    run("purge_objects")
    assert world.states() == {claimed: "stored"}, "a claim wins before its lock is longer"
    run("expire_certificates")

    ((status, expires_at),) = world.rows("certificates", "status", "expires_at", order="status", certificate_pk=pk)
    assert (status, expires_at.year) == ("finalized", consent_at.year + 7)
    ((key, version_id, until),) = world.rows("storage_objects", "object_key", "version_id", "retain_until", order="object_key")
    assert until.year == consent_at.year + 7
    stored = world.client.head_object(Bucket=world.bucket, Key=key, VersionId=version_id)
    assert (stored["ObjectLockMode"], stored["ObjectLockRetainUntilDate"]) == ("COMPLIANCE", until)


@pytest.mark.parametrize(("before", "after", "moves"), [("1 year", "2 years", True), ("2 years", "1 year", False)])
def test_a_longer_expiration_reaches_certificates_and_a_shorter_one_does_not(
    run: Run, world: World, before: str, after: str, moves: bool
) -> None:
    world.company()
    consent_at = now() - timedelta(days=100)
    dates = world.database.execute(
        "SELECT %(at)s + %(before)s::interval, %(at)s + %(after)s::interval", {"at": consent_at, "before": before, "after": after}
    ).fetchone()
    assert dates is not None
    pk = world.certificate(None, consent_at=consent_at, expires_at=dates[0], retain_until=dates[0].replace(microsecond=0))
    stored = world.object(certificate_pk=pk, retain_until=dates[0].replace(microsecond=0), lock_until=dates[0].replace(microsecond=0))
    window = {"certificate_expiration": after, "expiration_changed_at": now()}
    world.update("properties", property_id="shop", set_=window)

    run("expire_certificates")

    wanted_at = dates[1] if moves else dates[0]
    assert world.rows("certificates", "expires_at", order="expires_at") == [(wanted_at,)]
    assert world.rows("storage_objects", "retain_until", order="retain_until", storage_object_id=stored) == [
        (wanted_at.replace(microsecond=0),)
    ]


@pytest.mark.parametrize(("window", "expired"), [("30 days", True), ("60 days", False)])
def test_an_unretained_session_follows_its_property_both_ways(run: Run, world: World, window: str, expired: bool) -> None:
    world.company()
    world.session("s-1", expires_at=now() - timedelta(days=1) if not expired else now() + timedelta(days=50))
    world.update("properties", property_id="shop", set_={"session_expiration": window, "expiration_changed_at": now()})

    run("expire_sessions")

    assert world.rows("sessions", "retention_status", order="session_id") == [("expired" if expired else "unretained",)]


def test_a_hold_waits_for_the_batch_in_flight(run: Run, make_tools: MakeTools, world: World, another_connection: Any) -> None:
    world.company()
    gone = world.marked()
    tools = make_tools()
    with ThreadPoolExecutor(max_workers=1) as pool:
        with another_connection.transaction():  # a batch in flight
            another_connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('retention:' || %s, 0))", [COMPANY])
            placing = pool.submit(holds.place, tools, wanted("company", COMPANY), clock=tools.clock)
            wait_for_waiter(world)
            assert world.rows("legal_holds", "scope", order="scope") == [("company",)], "its row is there before it waits"
            assert not placing.done()
        assert placing.result(timeout=30).waited
    run("purge_objects")
    assert world.states() == {gone: "stored"}


def wait_for_waiter(world: World) -> None:
    """Return when somebody waits for an advisory lock in this database."""
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    for _ in range(3_000):
        if world.database.execute(waiting).fetchone() != (0,):
            return
        world.database.execute("SELECT pg_sleep(0.01)")
    pytest.fail("nobody came to wait")


def test_a_purge_leaves_a_company_whose_hold_is_being_placed(run: Run, world: World, another_connection: Any) -> None:
    world.company()
    world.company("beta")
    busy, free = world.marked(), world.marked(company_id="beta")
    with another_connection.transaction():
        another_connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('retention:' || %s, 0))", [COMPANY])
        run("purge_objects")

    assert world.states() == {busy: "expired", free: "deleted"}


def lead_astray(world: World, how: str) -> str:
    """Make what a hostile path leads to, and return the path. None of it may be touched."""
    outside = world.efs.parent / "outside.json"
    outside.write_bytes(b"somebody else's")
    own = world.efs / COMPANY
    own.mkdir(exist_ok=True)
    match how:
        case "a link":
            (own / "link.json").symlink_to(outside)
            return f"{COMPANY}/link.json"
        case "a link on the way":
            (own / "linked").symlink_to(world.efs.parent)
            return f"{COMPANY}/linked/outside.json"
        case "a folder":
            (own / "folder.json").mkdir()
            return f"{COMPANY}/folder.json"
        case "a pipe":
            os.mkfifo(own / "pipe.json")
            return f"{COMPANY}/pipe.json"
        case "up and out":
            return f"{COMPANY}/../../outside.json"
        case "absolute":
            return str(outside)
        case "another company":
            other = world.efs / "other" / "theirs.json"
            other.parent.mkdir(exist_ok=True)
            other.write_bytes(b"theirs")
            return "other/theirs.json"
        case _:
            return f"{COMPANY}/{'x' * 5_000}"


HOSTILE = ["a link", "a link on the way", "a folder", "a pipe", "up and out", "absolute", "another company", "endless"]


@pytest.mark.parametrize("how", HOSTILE)
def test_a_path_that_leads_elsewhere_is_refused_by_name_and_harms_no_other(run: Run, world: World, how: str) -> None:
    world.company()
    for session_id in ("hostile", "good"):
        world.session(session_id, started_at=now() - timedelta(days=99))
    world.update("sessions", session_id="hostile", set_={"recording_path": lead_astray(world, how)})
    before = sorted(str(path) for path in world.efs.parent.rglob("*") if path != world.file_of("good"))
    run("expire_sessions")
    world.database.execute("UPDATE econsent.storage_objects SET expired_at = now() - interval '8 days', purge_after = now()")

    result = run("purge_objects")

    assert (result.changed, result.quarantined + result.failed) == (1, 1)
    assert not world.file_of("good").exists()
    assert sorted(str(path) for path in world.efs.parent.rglob("*")) == before
    refusals = world.rows("storage_objects", "refusal", order="refusal", session_id="hostile")
    assert refusals != [(None,)]
    assert [key for _, key, _ in world.tombstones()] == [f"{COMPANY}/shop/good.json"]


def test_a_file_that_is_gone_is_not_registered_anew(run: Run, make_tools: MakeTools, world: World) -> None:
    """A worker that was frozen between its look and its registration comes late: another one has deleted the file."""
    world.company()
    world.session("over", started_at=now() - timedelta(days=99))
    run("expire_sessions")
    world.update("storage_objects", session_id="over", set_={"expired_at": now() - timedelta(days=8), "purge_after": now()})
    run("purge_objects")
    ((key,),) = world.rows("storage_objects", "object_key", order="object_key")

    make_tools().store.run("register_recordings", company_id=COMPANY, session_ids=["over"], object_keys=[key])
    run("purge_objects")

    assert list(world.states().values()) == ["deleted"]
    assert len(world.tombstones()) == 1


def test_two_runs_at_once_delete_everything_once(make_tools: MakeTools, world: World) -> None:
    for company_id in ("acme", "beta", "gamma"):
        world.company(company_id)
        for _ in range(3):
            world.marked(company_id=company_id)
    workers = [make_tools(run_id=f"worker-{number}") for number in range(2)]

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(lambda tools: enforce("purge_objects", tools=tools, limits=LIMITS), workers))
    for tools in workers:
        enforce("purge_objects", tools=tools, limits=LIMITS)

    assert set(world.states().values()) == {"deleted"}
    assert [log_no for log_no, _, _ in world.tombstones()] == list(range(9))
    assert world.versions() == []


class Refusing:
    """An S3 client that answers some of the deletions in its own way, and everything else as the real one does."""

    def __init__(self, real: Any, *, whole: bool, code: str) -> None:
        self._real, self._whole, self._code = real, whole, code

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def delete_objects(self, **request: Any) -> Any:
        if self._whole:
            raise ClientError({"Error": {"Code": self._code, "Message": "Reduce your request rate."}}, "DeleteObjects")
        first, *others = request["Delete"]["Objects"]
        answer = self._real.delete_objects(**request | {"Delete": {"Objects": others, "Quiet": True}}) if others else {}
        return {"Errors": [*answer.get("Errors", []), first | {"Code": self._code, "Message": ""}]}


@pytest.mark.parametrize(("code", "failed", "quarantined"), [("SlowDown", 1, 0), ("AccessDenied", 0, 1)])
def test_one_refused_version_is_looked_at_by_itself(run: Run, stack: Stack, world: World, code: str, failed: int, quarantined: int) -> None:
    world.company()
    refused, gone = world.marked(), world.marked()
    client = Refusing(stack.object_store_client("econsent_archive_retention"), whole=False, code=code)

    result = run("purge_objects", client=client)

    assert (result.changed, result.failed, result.quarantined) == (1, failed, quarantined)
    assert world.states() == {refused: "expired", gone: "deleted"}
    assert len(world.tombstones()) == 1
    run("purge_objects")
    assert world.states() == {refused: "deleted", gone: "deleted"}
    assert len(world.tombstones()) == 2


def test_of_many_that_go_by_two_requests_each_refusal_is_told(run: Run, stack: Stack, world: World) -> None:
    world.company()
    pk = world.expired_certificate(days=8, status="expired")
    marked = [world.marked(certificate_pk=pk) for _ in range(WORTH_TWO_REQUESTS)]
    client = Refusing(stack.object_store_client("econsent_archive_retention"), whole=False, code="AccessDenied")

    result = run("purge_objects", client=client)

    assert (result.changed, result.quarantined) == (len(marked) - 2, 2), "the first of each request is refused"
    assert Counter(world.states().values()) == {"deleted": len(marked) - 2, "expired": 2}
    assert len(world.tombstones()) == len(marked) - 2


def test_a_busy_archive_leaves_everything_as_it_was(run: Run, stack: Stack, world: World) -> None:
    world.company()
    marked = world.marked()
    client = Refusing(stack.object_store_client("econsent_archive_retention"), whole=True, code="SlowDown")

    with pytest.raises(TransientError):
        run("purge_objects", client=client)

    assert (world.states(), world.tombstones()) == ({marked: "expired"}, [])


class Dies(BaseException):
    """The worker's process ends here."""


@pytest.mark.parametrize("statement", ["lock_log", "delete_objects", "insert_tombstones", "lengthen_log"])
def test_a_worker_that_dies_after_the_deletion_leaves_one_tombstone(make_tools: MakeTools, world: World, statement: str) -> None:
    world.company()
    world.marked()

    class Dying(PostgresStore):
        def rows(self, query: str, /, **parameters: Any) -> Any:
            if query == statement:
                raise Dies
            return super().rows(query, **parameters)

        def run(self, query: str, /, **parameters: Any) -> int:
            if query == statement:
                raise Dies
            return super().run(query, **parameters)

    tools = make_tools()
    with psycopg.connect(world.database.info.dsn, password=world.database.info.password, autocommit=True) as own, suppress(Dies):
        enforce("purge_objects", tools=replace(tools, store=Dying(own)), limits=LIMITS)
    assert world.versions() == [], "the version is gone, and nothing says so yet"
    assert world.tombstones() == []

    enforce("purge_objects", tools=tools, limits=LIMITS)

    assert set(world.states().values()) == {"deleted"}
    assert len(world.tombstones()) == 1


def mass(world: World, *, policy_days: int) -> list[int]:
    """Twelve hundred marked objects of a company, each marked under a policy that had changed so many days before."""
    world.company()
    world.database.execute(
        """
        INSERT INTO econsent.storage_objects (company_id, session_id, kind, backend, tier, object_key, bytes, sha256, state, expired_at,
            mark_rule, purge_after, guarded)
        SELECT 'acme', 'none', 'recording', 'efs', 1, 'acme/shop/m-' || n || '.json', 1, '', 'expired', now() - interval '8 days',
            'erasure_request', now() - interval '1 day', %s
        FROM generate_series(1, 1200) AS n
        """,
        [policy_days < 7],
    )
    world.database.execute("UPDATE econsent.storage_objects SET erasure_asked_at = now() - interval '9 days'")
    return list(world.states())


def test_the_guard_refuses_asks_and_goes_on_when_a_second_person_agreed(run: Run, make_tools: MakeTools, world: World) -> None:
    mass(world, policy_days=1)
    world.company("beta")
    other = world.marked(company_id="beta")
    tools = make_tools()

    run("purge_objects", run_id="night")

    states = world.states()
    assert states.pop(other) == "deleted", "other companies proceed"
    assert set(states.values()) == {"expired"}
    (question,) = asked(tools.store, run_id="night")
    assert (question.company_id, question.selected, question.whole) == (COMPANY, 1200, 1200)
    assert "1200 deletions are due" in question.sentence
    answer(tools.store, run_id="night", approved=[COMPANY], by="second@example.com", started_by="first@example.com")
    run("purge_objects", run_id="night")
    assert set(world.states().values()) == {"deleted"}
    assert len(world.tombstones()) == 1201
    actions = [row[0] for row in world.rows("audit_log", "action", order="audit_id", company_id=COMPANY)]
    assert actions == ["retention.mass_deletion_refused", "retention.mass_deletion_approved"]


def test_what_a_settled_policy_asks_for_needs_nobody(run: Run, world: World) -> None:
    mass(world, policy_days=30)

    run("purge_objects")

    assert set(world.states().values()) == {"deleted"}


def test_nobody_approves_a_run_of_their_own(make_tools: MakeTools, run: Run, world: World) -> None:
    mass(world, policy_days=1)
    run("purge_objects", run_id="night")
    tools = make_tools()

    with pytest.raises(PermanentError, match="second person"):
        answer(tools.store, run_id="night", approved=[COMPANY], by="first", started_by="first")
    assert len(asked(tools.store, run_id="night")) == 1


@pytest.mark.parametrize(("days", "category", "refused"), [(6, "configuration", True), (8, "configuration", False), (1, "billing", False)])
def test_nobody_approves_what_follows_from_settings_of_their_own(
    make_tools: MakeTools, run: Run, world: World, days: int, category: str, refused: bool
) -> None:
    mass(world, policy_days=1)
    run("purge_objects", run_id="night")
    changed = {"company_id": COMPANY, "action": "property.updated", "category": category, "user": "Owner@example.com"}
    world.insert("audit_log", returning="audit_id", timestamp=now() - timedelta(days=days), **changed)
    tools = make_tools()

    def agree() -> None:
        answer(tools.store, run_id="night", approved=[COMPANY], by="owner@example.com", started_by=None)

    if refused:
        with pytest.raises(PermanentError, match="changed the settings of acme within 7 days"):
            agree()
    else:
        agree()
    assert len(asked(tools.store, run_id="night")) == (1 if refused else 0)
