"""What an attempt's outcome means for its delivery."""

from datetime import timedelta
from typing import Any

import pytest

from econsent_jobs.core.errors import ErrorClass
from econsent_jobs.webhook_delivery_retry.model import SUCCESSES, Attempted, Outcome, Settled, Verdict
from econsent_jobs.webhook_delivery_retry.rules.outcomes import outcome_of, retry_no_of, settle, unsendable, verdict_of
from tests.unit.webhook_delivery_retry.examples import NOW, attempted, claimed


def settled(attempt: Attempted, **changes: Any) -> Settled:
    return settle(claimed(**changes), attempt, now=NOW, jitter=0, ago_seconds=1)


@pytest.mark.parametrize(
    ("status", "truncated", "encoded", "outcome"),
    [
        (200, False, False, Outcome.SUCCESS),
        (299, False, False, Outcome.SUCCESS),
        (200, True, False, Outcome.SUCCESS_TRUNCATED),
        (200, True, True, Outcome.SUCCESS_OPAQUE),
        (300, False, False, Outcome.REDIRECT),
        (304, False, False, Outcome.REDIRECT),
        (400, True, True, Outcome.HTTP_ERROR),
        (410, False, False, Outcome.GONE),
        (500, False, False, Outcome.HTTP_ERROR),
        (999, False, False, Outcome.HTTP_ERROR),
    ],
)
def test_a_status_has_its_word(status: int, truncated: bool, encoded: bool, outcome: Outcome) -> None:
    assert outcome_of(status, truncated=truncated, encoded=encoded) is outcome


@pytest.mark.parametrize("outcome", sorted(SUCCESSES))
def test_any_2xx_delivers(outcome: Outcome) -> None:
    attempt = attempted(outcome, status_code=200)
    found = settled(attempt)

    assert found == Settled(claimed=claimed(), status="delivered", attempted=attempt, at=NOW, ago_seconds=1)


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - SUCCESSES - {Outcome.GONE}))
def test_all_failures_count_alike(outcome: Outcome) -> None:
    attempt = attempted(outcome, status_code=None, error="a sentence")
    found = settled(attempt)

    assert found.delay is not None
    assert found.delay.seconds == 60
    said = {"error_class": ErrorClass.HTTP_DELIVERY, "error": "a sentence"}
    assert found == Settled(claimed=claimed(), status="retrying", attempted=attempt, at=NOW, ago_seconds=1, delay=found.delay, **said)


def test_the_jitter_moves_the_wait() -> None:
    waits = [settle(claimed(), attempted(), now=NOW, jitter=jitter, ago_seconds=1).delay for jitter in (-1.0, 1.0)]

    assert [wait.seconds for wait in waits if wait is not None] == [45, 75]


def test_an_answer_without_a_sentence_of_its_own_is_told_by_its_status() -> None:
    assert settled(attempted(status_code=503)).error == "the receiver answered 503"


@pytest.mark.parametrize(
    ("attempts", "max_attempts", "status"),
    [
        pytest.param(14, 16, "retrying", id="after the 15th attempt one retry is left"),
        pytest.param(15, 16, "exhausted", id="after the 15th retry it is a dead letter"),
        pytest.param(16, 32, "retrying", id="a replay gives it 16 more"),
        pytest.param(31, 32, "exhausted", id="and no more than these"),
    ],
)
def test_after_fifteen_retries_it_is_a_dead_letter(attempts: int, max_attempts: int, status: str) -> None:
    assert settled(attempted(), attempts=attempts, max_attempts=max_attempts).status == status


@pytest.mark.parametrize(("attempts", "max_attempts", "number"), [(0, 16, 1), (14, 16, 15), (16, 32, 1), (17, 32, 2), (1, 32, 1)])
def test_a_replay_s_waits_begin_with_the_first_again(attempts: int, max_attempts: int, number: int) -> None:
    assert retry_no_of(claimed(attempts=attempts, max_attempts=max_attempts)) == number


def test_410_ends_it_at_once() -> None:
    attempt = attempted(Outcome.GONE, status_code=410)
    said = {"error_class": ErrorClass.HTTP_DELIVERY, "error": "the receiver answered 410"}
    assert settled(attempt) == Settled(claimed=claimed(), status="exhausted", attempted=attempt, at=NOW, ago_seconds=1, **said)
    assert verdict_of(attempted(Outcome.GONE, status_code=410), at=NOW).gone


@pytest.mark.parametrize(("status", "counts"), [(429, True), (503, True), (500, False), (302, False), (200, False)])
def test_retry_after_counts_on_429_and_503_only(status: int, counts: bool) -> None:
    attempt = attempted(outcome_of(status, truncated=False, encoded=False), status_code=status, retry_after="7200")

    found = settled(attempt)
    assert (found.delay is not None and found.delay.retry_after_seconds == 7_200) is counts
    assert (verdict_of(attempt, at=NOW).hold == timedelta(hours=2)) is counts


@pytest.mark.parametrize(
    ("changes", "error_class", "words"),
    [
        pytest.param(
            {"lost_leases": 3},
            ErrorClass.TIMEOUT,
            "3 workers ended while this delivery was in hand; look at their logs",
            id="it may be what ends workers",
        ),
        pytest.param(
            {"body": None}, ErrorClass.DATA, "the event's body was dropped, so there is nothing left to send", id="nothing to send"
        ),
        pytest.param(
            {"attempts": 16}, ErrorClass.HTTP_DELIVERY, "all 16 attempts were made", id="its attempts were used up by another lane"
        ),
    ],
)
def test_what_must_not_be_sent_is_a_dead_letter_with_its_reason(changes: dict[str, Any], error_class: ErrorClass, words: str) -> None:
    bad = claimed(**changes)

    ended = {"status": "exhausted", "attempted": None, "at": bad.read_at, "ago_seconds": 0}
    assert unsendable(bad) == Settled(claimed=bad, error_class=error_class, error=words, **ended)


def test_an_attempt_that_is_left_may_be_made() -> None:
    assert unsendable(claimed(attempts=15)) is None


def test_a_verdict_says_when_and_what() -> None:
    assert verdict_of(attempted(Outcome.SUCCESS, status_code=200), at=NOW) == Verdict(at=NOW, delivered=True, gone=False, hold=None)
    assert verdict_of(attempted(), at=NOW) == Verdict(at=NOW, delivered=False, gone=False, hold=None)


@pytest.mark.parametrize("lost_leases", [0, 1, 2])
def test_two_lost_workers_are_no_proof(lost_leases: int) -> None:
    assert unsendable(claimed(lost_leases=lost_leases)) is None
