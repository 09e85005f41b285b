"""``./econsent retention``: what people ask, and what they are told."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement import enforce
from econsent_jobs.retention_enforcement.commands import retention
from econsent_jobs.retention_enforcement.job import COMPANY_STEPS
from econsent_jobs.retention_enforcement.plan import plan
from econsent_jobs.retention_enforcement.tools import Tools
from econsent_stack.stack import Stack
from econsent_verify.retention_enforcement import main as verify
from tests.integration.retention_enforcement.world import COMPANY, World, now

Run = Callable[..., JobResult]
LIMITS = Limits(batch_size=100, run_seconds=60)


@pytest.fixture
def environment(stack: Stack, world: World, audit_bucket: str) -> dict[str, str]:
    """What the running stack would name, with this test's database and buckets."""
    named = dict(stack.environment())
    for role in ("RETENTION_ENFORCEMENT", "VERIFY"):
        connection = json.loads(named[f"AIRFLOW_CONN_ECONSENT_{role}_DATABASE"])
        named[f"AIRFLOW_CONN_ECONSENT_{role}_DATABASE"] = json.dumps(connection | {"schema": world.database.info.dbname})
    named["AIRFLOW_VAR_ECONSENT_ARCHIVE_BUCKET"] = world.bucket
    named["AIRFLOW_VAR_ECONSENT_AUDIT_BUCKET"] = audit_bucket
    named["AIRFLOW_VAR_ECONSENT_EFS_BASE"] = str(world.efs)
    return named


def test_explain_says_keep_or_delete_and_by_which_rule(environment: dict[str, str], world: World, capsys: Any) -> None:
    world.company()
    world.marked(object_key="due.json")
    world.object(object_key="kept.json", certificate_pk=world.certificate(None), retain_until=now() + timedelta(days=9))

    assert retention(["explain", "due.json"], environment) == 0
    assert "delete, by default: It is deleted: the last certificate that needs it ends on" in capsys.readouterr().out
    assert retention(["explain", "kept.json"], environment) == 0
    assert "keep, by default: It is kept:" in capsys.readouterr().out
    assert retention(["explain", "nothing"], environment) == 1
    assert "Nothing stored is named nothing" in capsys.readouterr().err


def test_a_night_without_changes_does_exactly_what_its_plan_says(make_tools: Callable[..., Tools], world: World) -> None:
    """The same steps, companies, rules, objects and bytes, and the plan itself changes nothing."""
    world.company(auto_retention_enabled=True, auto_retention_mode="certificates")
    world.company("beta")
    world.session("retains")
    world.certificate("retains")
    world.session("over", started_at=now() - timedelta(days=91))
    world.session("over", started_at=now() - timedelta(days=91), company_id="beta")
    world.marked(body=b"12345")
    world.marked(company_id="beta")
    held = world.marked(certificate_pk=world.expired_certificate(days=8, status="expired", certificate_id="EC-held"))
    world.hold("certificate", "EC-held")
    pk = world.expired_certificate()
    world.object(certificate_pk=pk)
    before = (world.versions(), world.states(), world.rows("sessions", "retention_status", order="session_id"))

    planned = plan(make_tools(dry=True), limits=LIMITS)

    assert (world.versions(), world.states(), world.rows("sessions", "retention_status", order="session_id")) == before
    assert world.tombstones() == []
    tools = make_tools()
    for step in COMPANY_STEPS:
        enforce(step, tools=tools, limits=LIMITS)
    assert dict(tools.tally.objects) == dict(planned.objects)
    assert dict(tools.tally.size_bytes) == dict(planned.size_bytes)
    assert planned.objects["purge_objects", COMPANY, "delete default"] == 1
    assert planned.size_bytes["purge_objects", COMPANY, "delete default"] == 5
    assert planned.objects["archive", COMPANY, "archive"] == 1, "what is retained tonight is archived tonight"
    assert world.states()[held] == "stored"


def test_a_plan_of_another_night_is_printed(environment: dict[str, str], world: World, capsys: Any) -> None:
    world.company()
    world.session("over", started_at=now() - timedelta(days=85))
    later = (now() + timedelta(days=10)).date().isoformat()

    assert retention(["plan", "--json"], environment) == 0
    assert capsys.readouterr().out == ""
    assert retention(["plan", "--date", later, "--json"], environment) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["step"], line["company"], line["what"], line["objects"], line["bytes"]) == (
        "expire_sessions",
        COMPANY,
        "mark default",
        1,
        3,
    )
    assert world.rows("sessions", "retention_status", order="session_id") == [("unretained",)]


def test_a_hold_answers_with_what_was_deleted_and_its_release_needs_two(
    environment: dict[str, str], run: Run, world: World, capsys: Any
) -> None:
    world.company()
    pk = world.expired_certificate(days=8, status="expired", certificate_id="EC-1")
    world.marked(certificate_pk=pk, object_key="gone.json")
    run("purge_objects")
    kept = world.marked()

    assert retention(["hold", COMPANY, "company", COMPANY, "--reason", "a suit", "--by", "counsel"], environment) == 0
    told = capsys.readouterr().out
    assert "the archive itself holds 1 versions" in told
    assert "gone.json" in told
    run("purge_objects")
    assert world.states()[kept] == "stored"
    ((hold,),) = world.rows("legal_holds", "hold_id", order="hold_id")
    assert retention(["release", str(hold), "--by", "counsel"], environment) == 0
    assert retention(["release", str(hold), "--by", "counsel"], environment) == 1
    assert "a second person has to confirm it" in capsys.readouterr().err
    assert retention(["release", str(hold), "--by", "partner"], environment) == 0
    assert "is released" in capsys.readouterr().out
    assert retention(["release", str(hold), "--by", "partner"], environment) == 1
    actions = [action for (action,) in world.rows("audit_log", "action", order="audit_id") if action.startswith("hold.")]
    assert actions == ["hold.placed", "hold.release_asked", "hold.released"]
    assert retention(["hold", "nobody", "company", "nobody", "--reason", "r"], environment) == 1


def test_a_proof_verifies_offline_and_a_changed_one_does_not(
    environment: dict[str, str], run: Run, world: World, capsys: Any, tmp_path: Path
) -> None:
    world.company()
    for number in range(5):
        world.marked(object_key=f"gone-{number}.json")
    run("purge_objects")
    assert retention(["prove", "gone-3.json"], environment) == 1, "no root is stored yet"
    run("seal_log")
    capsys.readouterr()

    assert retention(["prove", "gone-3.json"], environment) == 0

    text = capsys.readouterr().out
    path = tmp_path / "proof.json"
    path.write_text(text)
    assert verify(["--proof", str(path)], {}) == 0
    proof = json.loads(text)
    stored = world.client.get_object(Bucket=proof["rootObject"]["bucket"], Key=proof["rootObject"]["key"])
    assert json.loads(stored["Body"].read())["root"] == proof["root"]
    for changed in ({"leaves": 4}, {"root": "0" * 64}, {"tombstone": proof["tombstone"] | {"bytes": 3}}, {"path": proof["path"][:-1]}):
        path.write_text(json.dumps(proof | changed))
        assert verify(["--proof", str(path)], {}) == 1


def test_the_verifier_is_silent_after_nights_and_loud_after_each_change(
    environment: dict[str, str], run: Run, world: World, capsys: Any
) -> None:
    world.company(auto_retention_enabled=True, auto_retention_mode="all")
    world.session("kept")
    until = (now() + timedelta(days=30)).replace(microsecond=0)
    world.object(certificate_pk=world.certificate(None), retain_until=until, lock_until=until)
    for _ in range(3):
        world.marked()
    run("auto_retain", "archive", "purge_objects", "seal_log", "find_orphans")
    capsys.readouterr()
    assert verify([], environment) == 0, capsys.readouterr().out
    capsys.readouterr()

    changes = {
        "log": "ALTER TABLE econsent.tombstones DISABLE TRIGGER ALL; UPDATE econsent.tombstones SET rule = 'x' WHERE log_no = 1",
        "early": "UPDATE econsent.storage_objects SET retain_until = now() + interval '1 day' WHERE state = 'deleted'",
        "tombstone": "UPDATE econsent.storage_objects SET state = 'stored', deleted_at = NULL WHERE state = 'deleted'",
        "seal": "UPDATE econsent.tombstone_roots SET document = '{}'",
        "missing": "UPDATE econsent.storage_objects SET sha256 = repeat('1', 64) WHERE kind = 'recording'",
        "personal": "UPDATE econsent.certificates SET consumer_name = 'X' WHERE status = 'deleted'",
        "usage": "DELETE FROM econsent.retention_usage_items",
        "hold": "UPDATE econsent.storage_objects SET held_at = now() WHERE state = 'stored'",
        "request": "INSERT INTO econsent.deletion_requests (kind, email, status) VALUES ('consumer', 'x', 'completed')",
    }
    for trouble, statement in changes.items():
        world.database.execute("BEGIN")
        world.database.execute(statement)
        world.database.execute("COMMIT")
        assert verify([], environment) == 1
        assert f"{trouble}:" in capsys.readouterr().out
