"""``./econsent webhooks`` on the real database."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from econsent_jobs.core.results import JobResult
from econsent_jobs.webhook_delivery_retry.commands import COMMANDS
from econsent_stack.stack import Stack
from econsent_verify.webhook_delivery_retry_checks.records import Database as Verified
from econsent_verify.webhook_delivery_retry_checks.records import connect
from econsent_verify.webhook_delivery_retry_checks.walk import Scope, verify
from tests.integration.webhook_delivery_retry.given import KEYS, Given
from tests.prove.webhooks.receivers import Laboratory, answering, healthy

Run = Callable[..., JobResult]
Command = Callable[..., int]


@pytest.fixture
def command(stack: Stack, database: psycopg.Connection[Any], laboratory: Laboratory) -> Command:
    """Run the command with the Connections that a running stack has."""
    info = conninfo_to_dict(stack.postgres_url(database.info.dbname, user="econsent_webhook_delivery_retry"))
    environment = {
        "AIRFLOW_CONN_ECONSENT_WEBHOOK_DELIVERY_RETRY_DATABASE": json.dumps(
            {
                "host": info["host"],
                "port": info["port"],
                "login": info["user"],
                "password": info["password"],
                "schema": info["dbname"],
            }
        ),
        "AIRFLOW_CONN_ECONSENT_WEBHOOK_KEY": json.dumps({"login": KEYS["key_id"], "password": KEYS["key"].decode()}),
        "AIRFLOW_CONN_ECONSENT_WEBHOOKS": json.dumps({"extra": {"allow_loopback": True, "ca_file": str(laboratory.authority_file)}}),
    }

    def command(*words: str) -> int:
        return COMMANDS["webhooks"](list(words), environment)

    return command


def dead_letter(given: Given, run: Run, url: str) -> str:
    """Make one delivery a dead letter, its endpoint enabled again, and return its id."""
    given.endpoint("wh-1", url)
    given.event()
    run()
    given.database.execute("UPDATE econsent.webhook_endpoints SET status = 'enabled'")
    (delivery,) = given.deliveries()
    assert delivery["status"] == "exhausted"
    return str(delivery["delivery_id"])


def test_a_dead_letter_is_replayed_in_the_same_row(
    given: Given, run: Run, command: Command, laboratory: Laboratory, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver = laboratory.open("mended", answering(410))
    delivery_id = dead_letter(given, run, f"https://localhost:{receiver.port}/")
    receiver.behave_as(healthy)

    assert command("replay", delivery_id, "--dry-run") == 0
    assert given.deliveries()[0]["status"] == "exhausted"
    assert command("replay", delivery_id, "--by", "ada@econsent.example") == 0
    assert run().changed == 1

    (delivery,) = given.deliveries()
    assert (str(delivery["delivery_id"]), delivery["attempts"], delivery["max_attempts"]) == (delivery_id, 2, 17)
    assert [received.delivery_id for received in receiver.received] == [delivery_id] * 2
    (audit,) = given.rows("SELECT * FROM econsent.audit_log WHERE action = 'webhook.replayed'")
    assert (audit["user"], audit["details"]["deliveries"]) == ("ada@econsent.example", 1)
    assert "1 deliveries are due now" in capsys.readouterr().out


def test_the_verifier_knows_what_a_person_sent_again(
    given: Given, run: Run, command: Command, laboratory: Laboratory, stack: Stack, database: psycopg.Connection[Any]
) -> None:
    receiver = laboratory.open("mended", answering(500))
    given.endpoint("wh-1", f"https://localhost:{receiver.port}/")
    given.events(2)
    assert run().failed == 2
    receiver.behave_as(healthy)

    assert command("recover", "--endpoint", "wh-1", "--since", "2020-01-01") == 0
    assert run().changed == 2
    assert command("replay", "--endpoint", "wh-1", "--status", "delivered") == 0
    assert run().changed == 2

    with connect(stack.postgres_url(database.info.dbname, user="econsent_verify")) as connection:
        report = verify(Verified(connection), scope=Scope(loopback=True))
    assert report.findings == []
    assert report.attempts == 6


@pytest.mark.parametrize(
    ("choice", "matches"),
    [
        (["--endpoint", "wh-1"], True),
        (["--endpoint", "wh-2"], False),
        (["--company", "acme"], True),
        (["--event", "consent.granted"], True),
        (["--event", "consent.revoked"], False),
        (["--since", "2020-01-01T00:00Z"], True),
        (["--since", "2999-01-01"], False),
        (["--company", "acme", "--status", "exhausted"], True),
        (["--company", "acme", "--status", "delivered"], False),
    ],
)
def test_deliveries_are_chosen(
    given: Given, run: Run, command: Command, laboratory: Laboratory, choice: list[str], matches: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver = laboratory.open("gone", answering(410))
    delivery_id = dead_letter(given, run, f"https://localhost:{receiver.port}/")

    assert command("list", *choice) == 0
    assert (delivery_id in capsys.readouterr().out) is matches
    assert command("replay", *choice) == (0 if matches else 1)
    assert (given.deliveries()[0]["status"] == "retrying") is matches


def test_a_dropped_body_is_a_named_refusal(
    given: Given, run: Run, command: Command, laboratory: Laboratory, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver = laboratory.open("gone", answering(410))
    delivery_id = dead_letter(given, run, f"https://localhost:{receiver.port}/")
    given.database.execute("UPDATE econsent.webhook_events SET body = NULL")

    assert command("replay", delivery_id) == 1
    assert "its body was dropped" in capsys.readouterr().out
    assert given.deliveries()[0]["status"] == "exhausted"


def test_everybody_s_dead_letters_are_not_replayed_by_mistake(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("replay") == 1
    assert "Say which" in capsys.readouterr().err


def test_a_mended_endpoint_is_recovered(given: Given, run: Run, command: Command, laboratory: Laboratory) -> None:
    receiver = laboratory.open("mended", answering(410))
    given.endpoint("wh-1", f"https://localhost:{receiver.port}/")
    given.events(3)
    run()
    assert given.endpoint_row("wh-1")["status"] == "disabled_auto"
    receiver.behave_as(healthy)

    assert command("recover", "--endpoint", "wh-1", "--since", "2020-01-01") == 0
    assert run().changed == 3
    assert given.endpoint_row("wh-1")["status"] == "enabled"
    assert len(given.rows("SELECT * FROM econsent.audit_log WHERE action = 'webhook.recovered'")) == 1


def test_an_owner_s_disabled_endpoint_is_not_recovered(given: Given, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    given.endpoint("wh-1", "https://hooks.example.com/", status="disabled")

    assert command("recover", "--endpoint", "wh-1", "--since", "2020-01-01") == 1
    assert "by its owner's will" in capsys.readouterr().err


def test_explain_tells_attempts_and_what_comes_next(
    given: Given, run: Run, command: Command, laboratory: Laboratory, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver = laboratory.open("down", answering(503, b"Ada Example is not here"))
    given.endpoint("wh-1", f"https://localhost:{receiver.port}/")
    given.event()
    run()

    assert command("explain", str(given.deliveries()[0]["delivery_id"])) == 0

    out = capsys.readouterr().out
    assert "attempt 1 at 127.0.0.1: http_error 503 after" in out
    assert "because attempt 1 failed with an HTTP error" in out
    assert "1 min backoff" in out
    assert "Ada" not in out


def test_a_test_delivery_is_sent_and_stored_nowhere(
    given: Given, command: Command, laboratory: Laboratory, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver = laboratory.open("good", healthy)
    given.endpoint("wh-1", f"https://localhost:{receiver.port}/")

    assert command("send-test", "--endpoint", "wh-1") == 0

    (received,) = receiver.received
    assert received.headers["x-econsent-event"] == "webhook.test"
    assert capsys.readouterr().out.startswith("success 200 by 127.0.0.1 in ")
    assert given.deliveries() == []
    assert command("send-test", "--endpoint", "nobody") == 1
