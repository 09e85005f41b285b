"""Why a delivery stands where it stands."""

from datetime import timedelta
from typing import Any

import pytest

from econsent_jobs.webhook_delivery_retry.model import SUCCESSES, Outcome
from econsent_jobs.webhook_delivery_retry.rules.explanation import WORDS, Attempt, Way, explain
from tests.unit.webhook_delivery_retry.examples import NOW

MINUTE = timedelta(minutes=1)


def way(**changes: Any) -> Way:
    values: dict[str, Any] = {
        "event_type": "consent.granted",
        "subject_id": "EC-session-1",
        "occurred_at": NOW - 20 * MINUTE,
        "endpoint_id": "wh-1",
        "endpoint_status": "enabled",
        "circuit": "closed",
        "circuit_until": None,
        "consecutive_failures": 0,
        "paused_until": None,
        "disabled_at": None,
        "status": "retrying",
        "attempts": 4,
        "max_attempts": 16,
        "next_attempt_at": NOW + 5 * MINUTE,
        "last_error_class": "http_delivery",
        "last_error": "the TLS handshake failed",
        "created_at": NOW - 20 * MINUTE,
        "read_at": NOW,
    }
    return Way(**values | changes)


def attempt(**changes: Any) -> Attempt:
    values: dict[str, Any] = {
        "attempt_no": 4,
        "started_at": NOW - 3 * MINUTE,
        "duration_ms": 250,
        "outcome": Outcome.TLS,
        "status_code": None,
        "resolved_ip": "93.184.216.34",
        "error": "the TLS handshake failed",
        "backoff_seconds": 480,
        "jitter_percent": 6,
        "retry_after_seconds": None,
    }
    return Attempt(**values | changes)


def last_line(found: Way, *attempts: Attempt) -> str:
    return explain(found, attempts)[-1].text


def test_the_sentence_of_the_specification() -> None:
    said = "next attempt at 14:05 because attempt 4 failed with a TLS error at 13:57: 8 min backoff, +6 % jitter"
    assert last_line(way(), attempt()) == said


def test_a_delivery_s_way_is_told_in_order() -> None:
    assert [str(line) for line in explain(way(), [attempt()])][:3] == [
        "2026-03-02 13:40:00 UTC  consent.granted of EC-session-1 occurred",
        "2026-03-02 13:40:00 UTC  queued for wh-1",
        "2026-03-02 13:57:00 UTC  attempt 4 at 93.184.216.34: tls after 250 ms (the TLS handshake failed)",
    ]


def test_what_there_is_not_is_not_told() -> None:
    silent = attempt(resolved_ip=None, error=None, outcome=Outcome.HTTP_ERROR, status_code=500)

    assert [line.text for line in explain(way(subject_id=None), [silent])][:3] == [
        "consent.granted occurred",
        "queued for wh-1",
        "attempt 4: http_error 500 after 250 ms",
    ]


@pytest.mark.parametrize(
    ("changes", "attempts", "said"),
    [
        pytest.param({"status": "delivered"}, [], "delivered", id="done"),
        pytest.param({"status": "cancelled"}, [], "cancelled: the endpoint was deleted", id="cancelled"),
        pytest.param({"status": "pending", "next_attempt_at": NOW}, [], "due now", id="the first attempt is due"),
        pytest.param(
            {"status": "exhausted", "last_error": "the receiver answered 500"},
            [],
            "a dead letter (http_delivery: the receiver answered 500); ./econsent webhooks replay puts it back",
            id="dead letter",
        ),
        pytest.param({"status": "delivering"}, [], "in hand; if its worker was lost it is due again at 14:05", id="in hand"),
        pytest.param(
            {},
            [attempt(outcome=Outcome.HTTP_ERROR, status_code=429, retry_after_seconds=3_600, jitter_percent=5)],
            "next attempt at 14:05 because attempt 4 failed with an HTTP error at 13:57: the receiver asked for 1 h, +5 %",
            id="the receiver asked",
        ),
        pytest.param(
            {"status": "pending", "next_attempt_at": NOW, "circuit": "open", "circuit_until": NOW + MINUTE, "consecutive_failures": 7},
            [],
            "due now; but the endpoint's circuit is open until 14:01: 7 failures in a row",
            id="the circuit is open",
        ),
        pytest.param(
            {"status": "pending", "next_attempt_at": NOW, "paused_until": NOW + timedelta(days=1)},
            [],
            "due now; but the endpoint is paused until 2026-03-03 14:00",
            id="paused",
        ),
        pytest.param(
            {"status": "pending", "next_attempt_at": NOW, "endpoint_status": "disabled_auto", "disabled_at": NOW - MINUTE},
            [],
            "due now; but the endpoint is disabled_auto since 13:59, and keeps its queue until it is enabled again",
            id="disabled",
        ),
    ],
)
def test_the_last_line_says_what_happens_next(changes: dict[str, Any], attempts: list[Attempt], said: str) -> None:
    assert last_line(way(**changes), *attempts) == said


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"backoff_seconds": None}, ""),
        ({"backoff_seconds": 45, "jitter_percent": -6}, ": 45 s backoff, -6 % jitter"),
        ({"backoff_seconds": 59}, ": 59 s backoff, +6 % jitter"),
        ({"backoff_seconds": 60}, ": 1 min backoff, +6 % jitter"),
        ({"backoff_seconds": 61}, ": 61 s backoff, +6 % jitter"),
        ({"backoff_seconds": 3_600}, ": 1 h backoff, +6 % jitter"),
        ({"backoff_seconds": 5_400}, ": 90 min backoff, +6 % jitter"),
        ({"backoff_seconds": 43_200}, ": 12 h backoff, +6 % jitter"),
    ],
)
def test_a_wait_is_told_as_people_say_it(changes: dict[str, Any], text: str) -> None:
    said = "next attempt at 14:05 because attempt 4 failed with a TLS error at 13:57"
    assert last_line(way(), attempt(**changes)) == f"{said}{text}"


@pytest.mark.parametrize("held", [{"endpoint_status": "disabled"}, {"paused_until": NOW}, {"circuit": "open", "circuit_until": NOW}])
def test_what_is_over_holds_nothing_back(held: dict[str, Any]) -> None:
    said = last_line(way(next_attempt_at=NOW, **held))

    kept = "due now; but the endpoint is disabled, and keeps its queue until it is enabled again"
    assert said == (kept if "endpoint_status" in held else "due now")


def test_a_success_is_no_reason_to_wait() -> None:
    assert last_line(way(next_attempt_at=NOW), attempt(outcome=Outcome.SUCCESS)) == "due now"


def test_every_failure_has_its_words() -> None:
    """Written down a second time: they are what an operator reads."""
    assert {
        Outcome.HTTP_ERROR: "an HTTP error",
        Outcome.GONE: "410, gone",
        Outcome.REDIRECT: "a redirect",
        Outcome.BLOCKED: "a blocked address",
        Outcome.DNS: "a DNS error",
        Outcome.DNS_TIMEOUT: "a DNS time-out",
        Outcome.CONNECT: "a connection error",
        Outcome.CONNECT_TIMEOUT: "a time-out of the connection",
        Outcome.TLS: "a TLS error",
        Outcome.TLS_NAME: "a TLS certificate for another name",
        Outcome.TLS_EXPIRED: "an expired TLS certificate",
        Outcome.TLS_UNTRUSTED: "an untrusted TLS certificate",
        Outcome.TLS_TIMEOUT: "a time-out of the TLS handshake",
        Outcome.NO_ANSWER: "no answer in time",
        Outcome.SLOW_BODY: "an answer that did not end in time",
        Outcome.HEADERS_TOO_LARGE: "headers that are too large",
        Outcome.INVALID_HTTP: "an invalid answer",
        Outcome.RESET: "a broken connection",
    } == WORDS
    assert set(WORDS) == set(Outcome) - SUCCESSES
