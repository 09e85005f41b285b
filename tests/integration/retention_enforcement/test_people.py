"""People who ask to be forgotten, companies that close, and what is tidied up."""

import json
import os
from collections.abc import Callable
from datetime import timedelta

import pytest

from econsent_jobs.core.errors import PermanentError
from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.rules.personal import NOT_PERSONAL, PERSONAL, WHOLE_ROWS
from tests.integration.retention_enforcement.world import COMPANY, World, now

Run = Callable[..., JobResult]
EMAIL = "forget.me@example.com"


def ask(world: World, **columns: object) -> int:
    return world.insert("deletion_requests", returning="request_id", kind="consumer", **{"company_id": COMPANY, "email": EMAIL} | columns)


def request_of(world: World, request_id: int) -> dict[str, object]:
    names = ("status", "email", "deferred_until", "result")
    ((*values,),) = world.rows("deletion_requests", *names, order="request_id", request_id=request_id)
    return dict(zip(names, values, strict=True))


def test_a_person_is_forgotten_everywhere_and_what_is_locked_is_told_of(run: Run, world: World) -> None:
    world.company()
    world.session("theirs", page_url="https://example.com/?me", ip="192.0.2.1")
    world.session("others")
    pk = world.certificate("theirs", consumer_email=EMAIL, certificate_id="EC-theirs")
    other = world.certificate("others")
    until = (now() + timedelta(days=30)).replace(microsecond=0)
    locked = world.object(certificate_pk=pk, session_id="theirs", lock_until=until, retain_until=until)
    unlocked = world.object(certificate_pk=pk, session_id="theirs")
    world.insert(
        "webhook_events",
        returning="company_id",
        company_id=COMPANY,
        event_type="consent.granted",
        subject_id="EC-theirs",
        dedupe_key="e",
        body=b"{}",
    )
    request_id = ask(world, email="Forget.Me@Example.com")

    assert run("deletion_requests").changed == 1

    erased = world.rows("certificates", "consumer_email", "consumer_name", "capture", "payload_string", order="status", certificate_pk=pk)
    assert erased == [(None, None, {}, None)]
    assert world.rows("certificates", "consumer_name", order="status", certificate_pk=other) == [("A Person",)]
    assert world.rows("sessions", "page_url", "ip", order="session_id", session_id="theirs") == [(None, None)]
    assert world.rows("webhook_events", "body", order="event_id") == [(None,)]
    assert (world.file_of("theirs").exists(), world.file_of("others").exists()) == (False, True)
    states = world.states()
    assert (states[locked], states[unlocked]) == ("stored", "deleted")
    request = request_of(world, request_id)
    assert (request["status"], request["email"], request["deferred_until"]) == ("deferred", None, until)
    ((body,),) = world.rows("mail_outbox", "body", order="message_id", message_id=f"deletion:{request_id}")
    assert "Not deleted yet: 1 archived document, locked" in body
    assert len(world.rows("suppressions", "kind", order="kind")) == 1
    assert (str(pk), "index") in world.rows("search_outbox", "doc_key", "op", order="doc_key"), "the index follows"
    assert run("deletion_requests").examined == 0, "it waits for the lock"


def test_a_video_that_could_not_be_stored_goes_with_its_person(run: Run, world: World) -> None:
    """Its files wait for somebody to try it again; those of a conversion under way are on their way to their lock."""
    world.company()
    for name, status in (("failed", "failed"), ("going-on", "pending")):
        world.session(name)
        world.certificate(name, consumer_email=EMAIL)
        world.insert("video_conversions", returning="company_id", company_id=COMPANY, session_id=name, status=status)
        file = {"kind": "video", "object_key": name, "staging_path": name, "bytes": 1, "sha256": "0" * 64, "content_type": ""}
        world.insert("sealed_files", company_id=COMPANY, session_id=name, retain_until=now(), **file)
    ask(world)

    run("deletion_requests")

    assert world.rows("sealed_files", "object_key", order="object_key") == [("going-on",)]


def test_an_erasure_waits_for_no_grace(run: Run, world: World) -> None:
    """What had been marked by its policy two days ago goes at once, by the stronger rule."""
    world.company()
    ended = {"days": 2, "status": "expired"}
    theirs, others = (
        world.marked(days=2, certificate_pk=world.expired_certificate(**ended, consumer_email=email)) for email in (EMAIL, "o@x.org")
    )
    request_id = ask(world)

    run("deletion_requests")

    assert world.states() == {theirs: "deleted", others: "expired"}
    assert [rule for _, _, rule in world.tombstones()] == ["erasure_request"]
    assert request_of(world, request_id)["status"] == "completed"


def test_when_the_lock_ends_the_rest_goes_and_the_request_is_done(run: Run, world: World) -> None:
    world.company()
    pk = world.certificate(None, consumer_email=EMAIL)
    until = now() + timedelta(days=30)
    kept = world.object(certificate_pk=pk, retain_until=until)
    request_id = ask(world)
    run("deletion_requests")
    assert request_of(world, request_id)["status"] == "deferred"

    world.update("storage_objects", storage_object_id=kept, set_={"retain_until": now() - timedelta(seconds=1)})
    world.update("deletion_requests", request_id=request_id, set_={"deferred_until": now()})
    run("deletion_requests")

    assert world.states() == {kept: "deleted"}
    assert request_of(world, request_id)["status"] == "completed"
    assert [rule for _, _, rule in world.tombstones()] == ["erasure_request"]
    assert len(world.rows("mail_outbox", "message_id", order="message_id")) == 1


@pytest.mark.parametrize("spelled", [EMAIL, EMAIL.title(), "+12025550001"], ids=["as it stands there", "in other letters", "by phone"])
def test_what_is_held_stays_whole_and_the_report_says_so(run: Run, world: World, spelled: str) -> None:
    world.company()
    world.session("theirs")
    pk = world.certificate("theirs", consumer_email=EMAIL, consumer_phone="+12025550001")
    stored = world.object(certificate_pk=pk, session_id="theirs")
    world.hold("consumer", spelled)
    request_id = ask(world)

    run("deletion_requests")

    assert world.rows("certificates", "consumer_email", order="status", certificate_pk=pk) == [(EMAIL,)]
    assert world.file_of("theirs").exists()
    assert world.states() == {stored: "stored"}
    request = request_of(world, request_id)
    assert request["status"] == "deferred"
    assert request["result"]["held"] == 1  # pyright: ignore[reportIndexIssue]  a JSON column holds any object
    ((body,),) = world.rows("mail_outbox", "body", order="message_id")
    assert "Kept until a legal hold is released, and deleted then: 1 consent record." in body


def test_a_hold_that_is_over_forgets_the_person_and_one_in_force_does_not(run: Run, world: World) -> None:
    world.company()
    world.certificate(None, consumer_email=EMAIL)
    over, others, of_a_session = (
        world.hold(*about) for about in (("consumer", EMAIL.upper()), ("consumer", "o@x.org"), ("session", EMAIL))
    )
    for hold_id in (over, others, of_a_session):
        released = {"released_by": "counsel", "release_confirmed_by": "partner", "released_at": now()}
        world.update("legal_holds", hold_id=hold_id, set_=released)
    ask(world)

    run("deletion_requests")

    assert world.rows("legal_holds", "hold_id", "scope_value", order="hold_id") == [(over, ""), (others, "o@x.org"), (of_a_session, EMAIL)]


def test_a_certificate_that_is_being_made_waits_for_the_next_night(run: Run, world: World) -> None:
    world.company()
    pk = world.certificate(None, consumer_email=EMAIL, status="pending")
    request_id = ask(world)

    run("deletion_requests")
    assert world.rows("certificates", "consumer_email", order="status") == [(EMAIL,)]
    assert request_of(world, request_id)["status"] == "processing"
    assert world.rows("mail_outbox", "message_id", order="message_id") == []
    world.update("certificates", certificate_pk=pk, set_={"status": "finalized"})
    run("deletion_requests")

    assert world.rows("certificates", "consumer_email", order="status") == [(None,)]
    assert request_of(world, request_id)["status"] == "completed"


def test_a_request_without_a_company_reaches_all_and_one_about_nobody_is_answered(run: Run, world: World) -> None:
    for company_id in (COMPANY, "beta"):
        world.company(company_id)
        world.certificate(None, company_id=company_id, consumer_email=EMAIL)
    ask(world, company_id=None)
    nobody = ask(world, email="nobody@example.com")

    run("deletion_requests")

    assert world.rows("certificates", "consumer_email", order="company_id") == [(None,), (None,)]
    assert request_of(world, nobody)["status"] == "completed"
    ((body,),) = world.rows("mail_outbox", "body", order="message_id", message_id=f"deletion:{nobody}")
    assert "no consent record" in body


def test_without_a_key_nobody_is_erased(run: Run, world: World) -> None:
    world.company()
    world.certificate(None, consumer_email=EMAIL)
    ask(world)

    with pytest.raises(PermanentError, match="econsent_suppression_key"):
        run("deletion_requests", suppression_key=b"")
    assert world.rows("certificates", "consumer_email", order="status") == [(EMAIL,)]


def test_every_column_is_said_to_be_personal_or_not(world: World) -> None:
    """A column that is in neither list fails here: say what it is in rules/personal.py, and erase it if it is personal."""
    for table, kept in NOT_PERSONAL.items():
        columns = world.database.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'econsent' AND table_name = %s", [table]
        ).fetchall()
        assert {name for (name,) in columns} == kept | PERSONAL[table], table
        assert not kept & PERSONAL[table]
    tables = {name for (name,) in world.database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'econsent'")}
    assert PERSONAL.keys() | WHOLE_ROWS <= tables
    free_text = world.database.execute(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'econsent' AND column_name = 'last_error'"
    ).fetchall()
    watched = {(table, "last_error") for table, columns in PERSONAL.items() if "last_error" in columns}
    of_companies = {
        (table, name)
        for table, name in free_text
        if table in {"payments", "mail_outbox", "alert_outbox"} or table.startswith("certificates_")
    }
    assert set(free_text) - of_companies == watched


def test_a_closing_company_goes_as_far_as_its_locks_let_it(run: Run, world: World) -> None:
    world.company()
    world.session("s-1")
    pk = world.certificate("s-1")
    until = now() + timedelta(days=30)
    kept = world.object(certificate_pk=pk, session_id="s-1", retain_until=until)
    gone = world.object(certificate_pk=pk, session_id="s-1")
    world.update("companies", company_id=COMPANY, set_={"status": "closing", "closing_at": now() - timedelta(days=31)})
    account = world.insert("deletion_requests", returning="request_id", kind="account", company_id=COMPANY, email="owner@example.com")

    run("close_accounts")

    assert (world.states()[kept], world.states()[gone], world.file_of("s-1").exists()) == ("stored", "deleted", False)
    assert world.rows("companies", "status", order="company_id") == [("closing",)]
    assert world.rows("certificates", "consumer_name", order="status") == [(None,)]
    world.update("storage_objects", storage_object_id=kept, set_={"retain_until": now() - timedelta(seconds=1)})
    world.database.execute("DELETE FROM econsent.search_outbox")  # the index has followed
    run("close_accounts")
    assert world.rows("companies", "status", order="company_id") == [("closing",)], "the index still shows what has just gone"
    world.database.execute("DELETE FROM econsent.search_outbox")
    index = {"index_name": "certificates-1", "schema_version": 1, "state": "live"}
    world.insert("search_targets", returning="index_name", proven_from=now() + timedelta(minutes=59), **index)
    run("close_accounts")
    assert world.rows("companies", "status", order="company_id") == [("closing",)], "the index was last proven before what has just gone"
    world.update("search_targets", index_name="certificates-1", set_={"proven_from": now() + timedelta(minutes=61)})
    run("close_accounts")
    assert world.rows("companies", "status", "name", order="company_id") == [("closed", "Closed account")]
    assert request_of(world, account)["status"] == "completed"
    assert world.versions() == []


def test_a_closing_company_with_a_held_object_stays_open(run: Run, world: World) -> None:
    world.company()
    held = world.object(certificate_pk=world.certificate(None, certificate_id="EC-held"))
    world.hold("certificate", "EC-held")
    world.update("companies", company_id=COMPANY, set_={"status": "closing", "closing_at": now() - timedelta(days=31)})

    run("close_accounts")

    assert world.states() == {held: "stored"}
    assert world.rows("companies", "status", order="company_id") == [("closing",)]
    assert world.rows("certificates", "consumer_name", order="status") == [("A Person",)]


def test_a_company_that_has_closed_for_less_than_thirty_days_is_left_alone(run: Run, world: World) -> None:
    world.company()
    stored = world.object(certificate_pk=world.certificate(None))
    world.update("companies", company_id=COMPANY, set_={"status": "closing", "closing_at": now() - timedelta(days=29)})

    assert run("close_accounts").examined == 0
    assert world.states() == {stored: "stored"}


def test_old_mail_bodies_and_attempts_go_and_younger_ones_stay(run: Run, world: World) -> None:
    world.company()
    world.insert("webhook_endpoints", returning="endpoint_id", endpoint_id="wh", company_id=COMPANY, url="https://example.com")
    for name, days in (("old", 100), ("young", 20)):
        at = now() - timedelta(days=days)
        event = {"event_type": "consent.granted", "dedupe_key": name, "body": b"{}", "fanned_out_at": at}
        event_id = world.insert("webhook_events", returning="event_id", company_id=COMPANY, subject_id=name, **event)
        done = {
            "status": "delivered",
            "created_at": at,
            "delivered_at": at,
            "company_id": COMPANY,
            "endpoint_id": "wh",
            "event_id": event_id,
        }
        delivery_id = world.insert("webhook_deliveries", returning="delivery_id", **done)
        attempt = {"delivery_id": delivery_id, "attempt_no": 1, "started_at": at, "duration_ms": 1, "outcome": "success"}
        world.insert("webhook_attempts", returning="attempt_no", **attempt)
        mail = {"message_id": name, "recipients": [], "subject": "", "body": "", "sent_at": at}
        world.insert("mail_outbox", returning="message_id", **mail)

    assert run("housekeeping").changed == 3

    assert world.rows("mail_outbox", "message_id", order="message_id") == [("young",)]
    assert [body is None for _, body in world.rows("webhook_events", "dedupe_key", "body", order="dedupe_key")] == [True, False]
    assert len(world.rows("webhook_attempts", "attempt_no", order="attempt_no")) == 1
    assert run("housekeeping").changed == 0


def test_copies_that_were_never_sent_go_and_those_on_their_way_stay(run: Run, world: World) -> None:
    """A worker that died between sealing and sending is needed again; one that died before, or after, left a recording to nobody."""
    world.company()
    world.session("s-1")
    old = (now() - timedelta(days=3)).timestamp()
    staged = {name: world.efs / COMPANY / ".staging" / f"{name}.json.gz" for name in ("lost", "sealed", "young")}
    staged |= {name: world.efs / "+videos" / name / "token.mp4" for name in ("lost-video", "sealed-video")}
    for name, path in staged.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        if name != "young":
            os.utime(path, (old, old))
    paths = {"sealed": f"{COMPANY}/.staging/sealed.json.gz", "sealed-video": str(staged["sealed-video"])}
    for name, path in paths.items():
        sealed = {"kind": "recording", "object_key": name, "staging_path": path, "bytes": 1, "sha256": "0" * 64, "content_type": ""}
        world.insert("sealed_files", company_id=COMPANY, session_id="s-1", retain_until=now(), **sealed)

    assert run("housekeeping").changed == 2

    assert {name for name, path in staged.items() if path.exists()} == {"sealed", "young", "sealed-video"}
    assert world.file_of("s-1").exists()


def test_a_seal_that_came_after_all_was_done_is_forgotten(run: Run, world: World) -> None:
    world.company()
    world.session("s-1")
    stored, on_its_way = f"{COMPANY}/shop/stored.gz", f"{COMPANY}/shop/going.gz"
    world.object(kind="recording", session_id="s-1", object_key=stored)
    for key in (stored, on_its_way):
        sealed = {"kind": "recording", "object_key": key, "staging_path": key, "bytes": 1, "sha256": "0" * 64, "content_type": ""}
        world.insert("sealed_files", company_id=COMPANY, session_id="s-1", retain_until=now(), **sealed)

    run("housekeeping")

    assert world.rows("sealed_files", "object_key", order="object_key") == [(on_its_way,)]


def test_the_report_is_plain_json(run: Run, world: World) -> None:
    world.company()
    world.certificate(None, consumer_email=EMAIL)
    request_id = ask(world)

    run("deletion_requests")

    assert EMAIL not in json.dumps(request_of(world, request_id)["result"])
