"""What an endpoint's answers say about the endpoint."""

from datetime import timedelta

import pytest

from econsent_jobs.webhook_delivery_retry.model import Health, Verdict
from econsent_jobs.webhook_delivery_retry.rules.breaker import after, open_for
from tests.unit.webhook_delivery_retry.examples import NOW, health

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def failures(found: Health, count: int, *, each: timedelta = SECOND, first: timedelta = timedelta()) -> Health:
    for number in range(count):
        found = after(found, Verdict(at=NOW + first + number * each, delivered=False), jitter=0)
    return found


def test_four_failures_leave_the_circuit_closed() -> None:
    found = failures(health(), 4)

    assert (found.circuit, found.consecutive_failures, found.first_failure_at) == ("closed", 4, NOW)


def test_the_fifth_opens_it_for_half_a_minute() -> None:
    found = failures(health(), 5)

    assert (found.circuit, found.circuit_opened, found.circuit_until) == ("open", 1, NOW + 4 * SECOND + 30 * SECOND)


def test_one_that_was_under_way_meanwhile_says_nothing_new() -> None:
    found = failures(health(), 6)

    assert (found.circuit_opened, found.circuit_until, found.consecutive_failures) == (1, NOW + 34 * SECOND, 6)


def test_a_probe_that_fails_opens_it_for_twice_as_long() -> None:
    probed = health(circuit="half_open", circuit_until=NOW + MINUTE, circuit_opened=1, consecutive_failures=5, first_failure_at=NOW - HOUR)

    found = after(probed, Verdict(at=NOW, delivered=False), jitter=0)

    assert (found.circuit, found.circuit_opened, found.circuit_until) == ("open", 2, NOW + MINUTE)


def test_a_success_forgets_everything() -> None:
    found = after(failures(health(), 9), Verdict(at=NOW + HOUR, delivered=True), jitter=0)

    assert found == health(last_success_at=NOW + HOUR)


@pytest.mark.parametrize(("opened", "seconds"), [(0, 30), (1, 60), (2, 120), (3, 240), (4, 480), (5, 600), (99, 600)])
def test_it_stays_open_ever_longer_up_to_ten_minutes(opened: int, seconds: int) -> None:
    assert open_for(opened, jitter=0) == timedelta(seconds=seconds)
    assert open_for(opened, jitter=-1) == timedelta(seconds=seconds) * 0.75


@pytest.mark.parametrize(
    ("asked", "until"),
    [(10 * SECOND, 30 * SECOND), (5 * MINUTE, 5 * MINUTE), (12 * HOUR, 10 * MINUTE)],
    ids=["less than its own pause", "as asked", "a whole endpoint waits ten minutes at most"],
)
def test_a_receiver_that_asks_to_be_left_alone_is(asked: timedelta, until: timedelta) -> None:
    found = after(health(), Verdict(at=NOW, delivered=False, hold=asked), jitter=0)

    assert (found.circuit, found.circuit_until) == ("open", NOW + until)


@pytest.mark.parametrize(
    ("failing_for", "status"),
    [
        pytest.param(timedelta(), "enabled", id="the first failure"),
        pytest.param(10 * HOUR, "enabled", id="one bad night"),
        pytest.param(72 * HOUR - SECOND, "enabled", id="not quite 72 hours"),
        pytest.param(72 * HOUR, "disabled_auto", id="72 hours of attempts without one success"),
    ],
)
def test_it_is_disabled_after_72_hours_without_a_success(failing_for: timedelta, status: str) -> None:
    found = after(failures(health(), 1), Verdict(at=NOW + failing_for, delivered=False), jitter=0)

    assert found.status == status


def test_time_without_attempts_disables_nothing() -> None:
    """After a pause its 72 hours have begun anew (a trigger resets the first failure), so one failure says nothing."""
    assert after(health(first_failure_at=None), Verdict(at=NOW + 100 * HOUR, delivered=False), jitter=0).status == "enabled"


def test_one_success_begins_the_72_hours_anew() -> None:
    healed = after(failures(health(), 1), Verdict(at=NOW + 71 * HOUR, delivered=True), jitter=0)

    assert after(healed, Verdict(at=NOW + 73 * HOUR, delivered=False), jitter=0).status == "enabled"


def test_410_disables_at_once() -> None:
    found = after(health(), Verdict(at=NOW, delivered=False, gone=True), jitter=0)

    assert (found.status, found.first_failure_at) == ("disabled_auto", NOW)


@pytest.mark.parametrize("status", ["disabled", "disabled_auto", "deleted"])
def test_an_endpoint_that_is_not_enabled_stays_as_it_is(status: str) -> None:
    found = health(status=status)

    assert after(found, Verdict(at=NOW, delivered=False, gone=True), jitter=0) == found
