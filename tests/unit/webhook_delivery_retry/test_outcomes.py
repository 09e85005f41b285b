"""What an attempt's outcome means for its delivery."""

from datetime import timedelta
from typing import Any

import pytest

from econsent_jobs.webhook_delivery_retry.model import SUCCESSES, Attempted, Outcome, Settled
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
    found = settled(attempted(outcome, status_code=200))

    assert (found.status, found.delay, found.error) == ("delivered", None, None)


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - SUCCESSES - {Outcome.GONE}))
def test_all_failures_count_alike(outcome: Outcome) -> None:
    found = settled(attempted(outcome, status_code=None, error="a sentence"))

    assert (found.status, found.error_class, found.error) == ("retrying", "http_delivery", "a sentence")
    assert found.delay is not None
    assert found.delay.seconds == 60


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
    assert settled(attempted(Outcome.GONE, status_code=410)).status == "exhausted"
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
        pytest.param({"lost_leases": 3}, "timeout", "3 workers ended", id="it may be what ends workers"),
        pytest.param({"body": None}, "data", "dropped", id="nothing is left to send"),
        pytest.param({"attempts": 16}, "http_delivery", "all 16 attempts", id="its attempts were used up by another lane"),
    ],
)
def test_what_must_not_be_sent_is_a_dead_letter_with_its_reason(changes: dict[str, Any], error_class: str, words: str) -> None:
    found = unsendable(claimed(**changes))

    assert found is not None
    assert (found.status, found.attempted, found.error_class) == ("exhausted", None, error_class)
    assert words in (found.error or "")


@pytest.mark.parametrize("lost_leases", [0, 1, 2])
def test_two_lost_workers_are_no_proof(lost_leases: int) -> None:
    assert unsendable(claimed(lost_leases=lost_leases)) is None
