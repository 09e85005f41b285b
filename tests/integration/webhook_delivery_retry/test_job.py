"""Each sentence of what the job does, on the real database and over real TLS."""

import hashlib
import hmac
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from threading import Event
from typing import Any
from uuid import uuid4

import pytest

from econsent_jobs.core.errors import TransientError
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.webhook_delivery_retry import deliver_webhooks
from tests.integration.webhook_delivery_retry.given import SECRET, Given
from tests.prove.webhooks.receivers import LOOPBACK, Behaviour, Laboratory, Line, Receiver, answering, healthy

Run = Callable[..., JobResult]


def url_of(receiver: Receiver, path: str = "/hook") -> str:
    return f"https://localhost:{receiver.port}{path}"


@pytest.fixture
def good(laboratory: Laboratory) -> Receiver:
    return laboratory.open("good", healthy)


def test_an_event_arrives_once_at_each_endpoint_that_subscribed_to_it(given: Given, run: Run, laboratory: Laboratory) -> None:
    every = laboratory.open("every", healthy)
    some = laboratory.open("some", healthy)
    other = laboratory.open("other", healthy)
    given.endpoint("wh-every", url_of(every))
    given.endpoint("wh-some", url_of(some), events=["consent.granted"])
    given.endpoint("wh-other", url_of(other), events=["consent.revoked"])
    given.event("consent.granted")

    first, second = run(), run()

    assert (first.examined, first.changed, first.backlog) == (2, 2, 0)
    assert second == JobResult()
    assert [len(receiver.received) for receiver in (every, some, other)] == [1, 1, 0]
    assert [(row["endpoint_id"], row["status"], row["attempts"]) for row in given.deliveries()] == [
        ("wh-every", "delivered", 1),
        ("wh-some", "delivered", 1),
    ]


def test_the_documented_signature_covers_the_raw_body(given: Given, run: Run, good: Receiver) -> None:
    given.endpoint("wh-1", url_of(good))
    body = '{"event":"consent.granted", "timestamp":"2026-03-02T14:00:00.123Z",  "data":{"consumerName":"Zoë"}}'.encode()
    given.event(body=body)

    run()

    (received,) = good.received
    (delivery,) = given.deliveries()
    assert received.method == "POST"
    assert received.body == body
    assert received.headers["x-econsent-signature"] == "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert received.headers["x-econsent-event"] == "consent.granted"
    assert received.headers["x-econsent-timestamp"] == "2026-03-02T14:00:00.123Z"
    assert received.headers["x-econsent-delivery"] == str(delivery["delivery_id"])
    assert received.headers["x-econsent-attempt"] == "1"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["user-agent"] == "eConsent-Webhooks/1.0"
    assert "x-econsent-signature-next" not in received.headers


def test_a_failure_waits_and_is_tried_again_with_the_same_id_and_bytes(given: Given, run: Run, laboratory: Laboratory) -> None:
    receiver = laboratory.open("mended", answering(500, b"out of order"))
    given.endpoint("wh-1", url_of(receiver))
    given.event()

    failed = run()
    (waiting,) = given.deliveries()
    (attempt,) = given.attempts()
    receiver.behave_as(healthy)
    given.make_due()
    mended = run()

    assert (failed.failed, failed.changed, failed.causes) == (1, 0, {"http_delivery": 1})
    assert (waiting["status"], waiting["attempts"], waiting["last_status_code"]) == ("retrying", 1, 500)
    assert (attempt["outcome"], attempt["status_code"], attempt["response_excerpt"]) == ("http_error", 500, "out of order")
    assert (str(attempt["resolved_ip"]), attempt["run_id"], attempt["backoff_seconds"]) == ("127.0.0.1", "run-1", 60)
    ended = attempt["started_at"] + timedelta(milliseconds=attempt["duration_ms"])
    assert timedelta(seconds=44) < waiting["next_attempt_at"] - ended < timedelta(seconds=76)
    assert (mended.changed, mended.failed) == (1, 0)
    first, second = receiver.received
    assert (first.body, first.delivery_id) == (second.body, second.delivery_id)
    assert (first.headers["x-econsent-attempt"], second.headers["x-econsent-attempt"]) == ("1", "2")
    assert first.headers["x-econsent-signature"] == second.headers["x-econsent-signature"]


def test_many_events_arrive_in_their_order_at_one_endpoint_of_one_connection(given: Given, run: Run, good: Receiver) -> None:
    given.endpoint("wh-1", url_of(good), max_in_flight=1)
    given.events(60)

    result = run(Limits(batch_size=10, run_seconds=60))

    assert (result.changed, result.backlog) == (60, 0)
    in_order = [str(row["delivery_id"]) for row in given.deliveries()]
    assert [received.delivery_id for received in good.received] == in_order
    assert good.connects == 1


def test_no_more_than_an_endpoint_s_limit_is_under_way(given: Given, run: Run, good: Receiver) -> None:
    given.endpoint("wh-1", url_of(good), max_in_flight=3)
    given.events(90)

    assert run().changed == 90
    assert 1 < good.most_at_once <= 3


def test_two_lanes_share_the_queue(given: Given, make_tools: Any, laboratory: Laboratory) -> None:
    """No receiver answers before both lanes have work in hand; a third one that is only counted keeps either from taking every endpoint."""
    both_work = Event()
    receivers = [laboratory.open(f"r{number}", healthy_after(both_work)) for number in range(8)]
    for number, receiver in enumerate(receivers):
        given.endpoint(f"wh-{number}", url_of(receiver))
    given.events(50)
    limits = Limits(batch_size=20, run_seconds=60)

    lanes = [make_tools(linger_seconds=1), make_tools(linger_seconds=1)]
    with make_tools().store.present(), ThreadPoolExecutor(2) as pool:
        ending = [pool.submit(deliver_webhooks, tools=tools, limits=limits) for tools in lanes]
        while lanes_at_work(given) < len(lanes) and not any(lane.done() for lane in ending):
            both_work.wait(0.02)
        both_work.set()
        results = [lane.result() for lane in ending]

    assert sum(result.changed for result in results) == 400
    assert all(result.changed for result in results)
    assert {len(receiver.received) for receiver in receivers} == {50}


def test_endpoints_that_fail_crowd_no_proven_one_out_of_the_lanes_shares(given: Given, make_tools: Any) -> None:
    """Forty that have failed for long are due first; between them, two lanes have every one that answers well, and some of the others."""
    for number in range(44):
        fails = number >= 4
        given.endpoint(f"wh-{number}", "https://receiver.example/")
        since = "first_failure_at" if fails else "last_success_at"
        given.database.execute(f"UPDATE econsent.webhook_endpoints SET {since} = now() WHERE endpoint_id = %s".encode(), [f"wh-{number}"])
    given.events(2)
    first, second = make_tools().store, make_tools().store
    first.fan_out(limit=10, given_up_after=timedelta(days=30))
    given.database.execute(
        "UPDATE econsent.webhook_deliveries AS d SET next_attempt_at = now() - interval '1 hour'"
        " FROM econsent.webhook_endpoints AS w WHERE w.endpoint_id = d.endpoint_id AND w.first_failure_at IS NOT NULL"
    )

    with first.present(), second.present():
        rooms = {"limit": 50, "new_room": 2, "failing_room": 2, "lease_seconds": 60.0}
        claimed = [each.endpoint_id for store in (first, second) for each in store.claim(token=uuid4(), paces={}, **rooms)]

    assert len(claimed) == len(set(claimed)) == 8
    assert {"wh-0", "wh-1", "wh-2", "wh-3"} <= set(claimed)


def test_when_nobody_at_all_is_reached_no_attempt_counts_and_the_run_says_why(given: Given, run: Run) -> None:
    for number, port in enumerate(closed_ports(6)):
        proven_endpoint(given, f"wh-{number}", f"https://127.0.0.1:{port}/")
    given.events(2)

    with pytest.raises(TransientError, match="look at this machine's way out"):
        run()

    assert given.attempts() == []
    assert {(row["status"], row["attempts"], row["lost_leases"], row["lease_token"]) for row in given.deliveries()} == {
        ("pending", 0, 0, None)
    }
    assert {given.endpoint_row(f"wh-{number}")["consecutive_failures"] for number in range(6)} == {0}


def test_while_somebody_is_reached_the_others_failures_are_their_own(given: Given, run: Run, good: Receiver) -> None:
    for number, port in enumerate(closed_ports(6)):
        proven_endpoint(given, f"wh-{number}", f"https://127.0.0.1:{port}/")
    proven_endpoint(given, "wh-good", url_of(good))
    given.event()

    result = run()

    assert (result.changed, result.failed) == (1, 6)
    assert sorted(row["outcome"] for row in given.attempts()) == ["connect"] * 6 + ["success"]


def closed_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens at."""
    with ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


def proven_endpoint(given: Given, endpoint_id: str, url: str) -> None:
    """An endpoint that answered well a minute ago."""
    given.endpoint(endpoint_id, url)
    given.shift_endpoint(endpoint_id, "last_success_at", timedelta(minutes=1))


def healthy_after(opened: Event) -> Behaviour:
    """Take everything, once ``opened`` is set."""

    def behave(line: Line) -> None:
        while line.read():
            opened.wait(8)
            line.answer(200, b"thank you")

    return behave


def lanes_at_work(given: Given) -> int:
    """How many lanes have deliveries in hand."""
    query = "SELECT count(DISTINCT lease_token) AS lanes FROM econsent.webhook_deliveries WHERE status = 'delivering'"
    return given.rows(query)[0]["lanes"]


def test_only_events_after_an_endpoint_s_creation_and_of_its_company(given: Given, run: Run, good: Receiver) -> None:
    given.company("other")
    given.endpoint("wh-1", url_of(good), created_ago=60)
    given.event(ago=120)
    given.event(company_id="other")
    given.event(ago=30)

    assert run().changed == 1
    assert len(good.received) == 1


@pytest.mark.parametrize("method", ["PUT", "PATCH", "GET"])
def test_other_methods(given: Given, run: Run, good: Receiver, method: str) -> None:
    given.endpoint("wh-1", url_of(good, "/hook?token=1"), http_method=method)
    given.event()

    run()

    (received,) = good.received
    assert received.method == method
    if method == "GET":
        assert received.body == b""
        assert received.path.startswith("/hook?token=1&event=consent.granted&delivery=")
        assert not any("2025550123" in text or "Ada" in text for text in (received.path, *received.headers.values()))
    else:
        assert received.body


def test_in_a_rotation_both_secrets_sign(given: Given, run: Run, good: Receiver) -> None:
    given.endpoint("wh-1", url_of(good), secret="whsec_old")
    given.secret("wh-1", 2, "whsec_new", documented=False, key_id="key-1")
    given.database.execute("UPDATE econsent.webhook_secrets SET ends_at = now() + interval '1 day' WHERE secret_no = 1")
    given.event()

    run()

    (received,) = good.received
    assert received.headers["x-econsent-signature"] == f"sha256={hmac.new(b'whsec_old', received.body, 'sha256').hexdigest()}"
    assert received.headers["x-econsent-signature-next"] == f"sha256={hmac.new(b'whsec_new', received.body, 'sha256').hexdigest()}"


def test_a_secret_of_an_unknown_key_uses_up_no_attempt(given: Given, run: Run, good: Receiver) -> None:
    given.endpoint("wh-1", url_of(good))
    given.database.execute("UPDATE econsent.webhook_secrets SET key_id = 'key-9'")
    given.event()

    result = run()

    (waiting,) = given.deliveries()
    assert (result.failed, result.causes) == (1, {"config": 1})
    assert (waiting["status"], waiting["attempts"], waiting["last_error_class"], waiting["lost_leases"]) == ("pending", 0, "config", 0)
    assert "'key-9'" in waiting["last_error"]
    assert good.received == []


def test_the_fifth_failure_opens_the_circuit_and_the_rest_keep_their_attempts(given: Given, run: Run, laboratory: Laboratory) -> None:
    broken = laboratory.open("broken", answering(500))
    given.endpoint("wh-1", url_of(broken))
    given.events(20)

    result = run()

    row = given.endpoint_row("wh-1")
    assert (result.failed, len(broken.received)) == (5, 5)
    assert (row["circuit"], row["consecutive_failures"], row["circuit_opened"]) == ("open", 5, 1)
    assert [delivery["attempts"] for delivery in given.deliveries()] == [1] * 5 + [0] * 15


def test_a_probe_closes_the_circuit_and_everything_follows(given: Given, run: Run, laboratory: Laboratory) -> None:
    receiver = laboratory.open("mended", answering(500))
    given.endpoint("wh-1", url_of(receiver))
    given.events(20)
    run()
    receiver.behave_as(healthy)
    given.make_due()

    result = run()

    row = given.endpoint_row("wh-1")
    assert result.changed == 20
    assert (row["circuit"], row["consecutive_failures"], row["first_failure_at"]) == ("closed", 0, None)
    assert row["last_success_at"] is not None


def test_410_ends_it_and_disables_the_endpoint(given: Given, run: Run, laboratory: Laboratory) -> None:
    gone = laboratory.open("gone", answering(410))
    given.endpoint("wh-1", url_of(gone))
    given.events(3)

    run()

    row = given.endpoint_row("wh-1")
    assert row["status"] == "disabled_auto"
    assert row["disabled_at"] is not None
    assert [delivery["status"] for delivery in given.deliveries()] == ["exhausted", "pending", "pending"]
    (audit,) = given.rows("SELECT * FROM econsent.audit_log WHERE action = 'webhook.disabled'")
    (mail,) = given.rows("SELECT * FROM econsent.mail_outbox")
    assert (audit["company_id"], audit["category"], audit["details"]["reason"]) == ("acme", "webhooks", "gone")
    assert mail["recipients"] == ["admin@acme.example", "owner@acme.example"]
    assert "410" in mail["body"]


def test_72_hours_without_a_success_disable_and_re_enabling_resumes(given: Given, run: Run, laboratory: Laboratory) -> None:
    broken = laboratory.open("broken", answering(500))
    given.endpoint("wh-1", url_of(broken))
    given.events(4)
    given.shift_endpoint("wh-1", "first_failure_at", timedelta(hours=72, seconds=1))

    run()
    after, waiting = given.endpoint_row("wh-1"), given.deliveries()
    given.make_due()
    idle = run()
    broken.behave_as(healthy)
    given.database.execute("UPDATE econsent.webhook_endpoints SET status = 'enabled' WHERE endpoint_id = 'wh-1'")
    resumed = run()

    assert after["status"] == "disabled_auto"
    assert [delivery["status"] for delivery in waiting].count("pending") == 3
    assert idle == JobResult()
    assert resumed.changed == 4
    assert given.endpoint_row("wh-1")["disabled_at"] is None
    assert len(given.rows("SELECT * FROM econsent.mail_outbox")) == 1


def test_a_paused_endpoint_keeps_its_queue_and_events_join_it(given: Given, run: Run, good: Receiver) -> None:
    given.endpoint("wh-1", url_of(good), paused_until="infinity")
    given.event()

    assert run() == JobResult()
    assert [delivery["status"] for delivery in given.deliveries()] == ["pending"]


def test_the_16th_failure_makes_a_dead_letter(given: Given, run: Run, laboratory: Laboratory) -> None:
    broken = laboratory.open("broken", answering(503))
    given.endpoint("wh-1", url_of(broken))
    given.event()
    run()
    given.database.execute("UPDATE econsent.webhook_deliveries SET attempts = 15")
    given.make_due()

    result = run()

    (delivery,) = given.deliveries()
    assert (result.quarantined, delivery["status"], delivery["attempts"]) == (1, "exhausted", 16)
    assert delivery["last_error"] == "the receiver answered 503"


def test_a_delivery_that_three_workers_were_lost_with_is_not_sent(given: Given, run: Run, good: Receiver) -> None:
    given.endpoint("wh-1", url_of(good))
    given.events(2)
    run()
    given.database.execute(
        "UPDATE econsent.webhook_deliveries SET status = 'delivering', lost_leases = 3, leased_until = now(), next_attempt_at = now()"
        " WHERE delivery_id = %s",
        [given.deliveries()[0]["delivery_id"]],
    )
    good.forget()

    result = run()

    assert (result.quarantined, result.causes) == (1, {"timeout": 1})
    assert given.deliveries()[0]["status"] == "exhausted"
    assert good.received == []


def test_a_lost_lease_is_taken_up_with_the_same_id(given: Given, run: Run, make_tools: Any, good: Receiver) -> None:
    given.endpoint("wh-1", url_of(good))
    given.event()
    given.database.execute("UPDATE econsent.webhook_endpoints SET paused_until = 'infinity'")
    run()
    given.database.execute("UPDATE econsent.webhook_endpoints SET paused_until = NULL")
    given.database.execute(
        "UPDATE econsent.webhook_deliveries SET status = 'delivering', lost_leases = 1, lease_token = gen_random_uuid(),"
        " leased_until = now() - interval '1 s', next_attempt_at = now() - interval '1 s'"
    )

    assert run().changed == 1
    (delivery,) = given.deliveries()
    assert (delivery["status"], delivery["attempts"], delivery["lost_leases"]) == ("delivered", 1, 0)
    assert [received.delivery_id for received in good.received] == [str(delivery["delivery_id"])]


def test_a_rate_limit_holds_over_runs(given: Given, run: Run, good: Receiver) -> None:
    given.endpoint("wh-1", url_of(good), max_per_second=0.001)
    given.events(3)

    first, at_once = run(), run()
    given.shift_endpoint("wh-1", "rate_free_at", timedelta(seconds=1_001))
    later = run()

    assert [result.changed for result in (first, at_once, later)] == [1, 0, 1]
    assert later.backlog == 1


def test_what_the_receiver_asks_for_holds_the_endpoint(given: Given, run: Run, laboratory: Laboratory) -> None:
    busy = laboratory.open("busy", answering(429, Retry_After="7200"))
    given.endpoint("wh-1", url_of(busy))
    given.events(3)

    run()

    (attempt,) = given.attempts()
    first, *others = given.deliveries()
    assert (attempt["retry_after_seconds"], len(busy.received)) == (7_200, 1)
    assert first["next_attempt_at"] - given.now() > timedelta(minutes=119)
    assert {delivery["attempts"] for delivery in others} == {0}
    assert given.endpoint_row("wh-1")["circuit"] == "open"


def test_no_body_and_no_secret_reaches_the_log(given: Given, run: Run, good: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    given.endpoint("wh-1", url_of(good))
    given.endpoint("wh-2", "https://169.254.169.254/")
    given.events(3)

    run()

    text = caplog.text
    assert "became" in text
    assert not any(word in text for word in ("2025550123", "Ada", SECRET, "sha256="))
    assert {attempt["outcome"] for attempt in given.attempts()} == {"success", "blocked"}
