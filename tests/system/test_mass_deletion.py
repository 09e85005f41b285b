"""The mass-delete guard in a running Airflow: a run waits for a second person, and only what that person approved is deleted."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from econsent_stack.stores import open_stores
from tests.integration.retention_enforcement.world import World
from tests.system.browsing import send_json, token
from tests.system.running import Up, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

DAG = "/api/v2/dags/retention_enforcement"
TOO_MANY = 1_001
APPROVED, REFUSED = "mass-approved", "mass-refused"
UNANSWERED = "mass-unanswered"
PERSON_READS_SECONDS = 5
"""An answer within a second of the question finds the worker that asked still ending, and Airflow then asks a second time."""
WHO_STARTS, WHO_APPROVES = "watch", "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the DAG, asked for over Airflow's own API."""

    up: Up
    path: str

    def state(self, task_id: str) -> str | None:
        status, found = self.up.request(f"{self.path}/taskInstances/{task_id}", token=token(self.up, WHO_APPROVES))
        assert status == 200
        return found["state"]

    def wait_for_question(self) -> None:
        wait_for(lambda: self.state("approve") == "awaiting_input", what="the question")

    def question(self) -> dict[str, Any]:
        status, found = self.up.request(f"{self.path}/taskInstances/approve/-1/hitlDetails", token=token(self.up, WHO_APPROVES))
        assert status == 200
        return found

    def answer(self, user: str, *chosen: str) -> None:
        chosen_options = {"chosen_options": chosen, "params_input": {}}
        status, text = send_json(self.up, f"{self.path}/taskInstances/approve/-1/hitlDetails", chosen_options, user=user, method="PATCH")
        assert status == 200, text


@pytest.fixture(scope="module")
def world(up: Up) -> Iterator[World]:
    with open_stores(up.stack()) as stores:
        yield World(database=stores.database, client=stores.archive, bucket=stores.archive_bucket, efs=stores.efs_base)


def company_with_too_many(world: World, company_id: str) -> None:
    """A company with one deletion more due than a day may have."""
    world.company(company_id)
    certificate_pk = world.expired_certificate(days=8, status="expired", company_id=company_id)
    for _ in range(TOO_MANY):
        world.marked(company_id=company_id, certificate_pk=certificate_pk, guarded=True)


def started(up: Up, user: str) -> Run:
    status, text = send_json(up, f"{DAG}/dagRuns", {"logical_date": None}, user=user)
    assert status == 200, text
    return Run(up=up, path=f"{DAG}/dagRuns/{quote(json.loads(text)['dag_run_id'])}")


def states(world: World, company_id: str) -> dict[str, int]:
    found = world.database.execute(
        "SELECT state, count(*) FROM econsent.storage_objects WHERE company_id = %s GROUP BY state", [company_id]
    ).fetchall()
    return dict(found)


def answers(world: World) -> dict[str, tuple[str, str]]:
    rows = world.rows("mass_deletions", "company_id", "decision", "decided_by", order="company_id")
    return {company_id: (decision, decided_by) for company_id, decision, decided_by in rows}


def test_nothing_goes_until_a_second_person_agrees_and_then_only_that(up: Up, world: World) -> None:
    company_with_too_many(world, APPROVED)
    company_with_too_many(world, REFUSED)
    run = started(up, WHO_STARTS)
    run.wait_for_question()

    question = run.question()
    assert {APPROVED, REFUSED} < set(question["options"])
    assert f"{TOO_MANY} deletions are due and 0 went today" in question["body"]
    assert states(world, APPROVED) == states(world, REFUSED) == {"expired": TOO_MANY}

    time.sleep(PERSON_READS_SECONDS)
    run.answer(WHO_APPROVES, APPROVED)

    wait_for(lambda: run.state("conclude") == "success", what="the end of the run")
    assert states(world, APPROVED) == {"deleted": TOO_MANY}
    assert states(world, REFUSED) == {"expired": TOO_MANY}
    assert answers(world) == {APPROVED: ("approved", WHO_APPROVES), REFUSED: ("refused", WHO_APPROVES)}
    told = world.rows("audit_log", "company_id", "action", "user", order="audit_id", category="organization")
    assert (APPROVED, "retention.mass_deletion_approved", WHO_APPROVES) in told
    assert (REFUSED, "retention.mass_deletion_declined", WHO_APPROVES) in told


def test_what_nobody_answers_is_refused(up: Up, world: World) -> None:
    company_with_too_many(world, UNANSWERED)
    run = started(up, WHO_STARTS)
    run.wait_for_question()

    hours_left = four_hours_pass(up)

    assert 3.9 < hours_left <= 4
    wait_for(lambda: run.state("conclude") == "success", what="the end of the run")
    assert states(world, UNANSWERED) == {"expired": TOO_MANY}
    assert answers(world)[UNANSWERED] == ("refused", "nobody: unanswered for four hours")


def four_hours_pass(up: Up) -> float:
    """Let Airflow's scheduler find the question's time over; return how many hours it still had."""
    with psycopg.connect(up.stack().postgres_url("airflow"), autocommit=True) as airflow:
        waiting = "dag_id = 'retention_enforcement' AND state = 'awaiting_input'"
        row = airflow.execute(f"SELECT extract(epoch FROM trigger_timeout - now()) / 3600 FROM task_instance WHERE {waiting}").fetchone()
        assert row is not None
        airflow.execute(f"UPDATE task_instance SET trigger_timeout = now() WHERE {waiting}")
    return float(row[0])
