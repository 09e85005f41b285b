"""When a certificate is ripe, when a session is over, when it is tried again, and what its lock may be."""

from datetime import datetime, timedelta

import pytest

from econsent_jobs.certificate_processing.model import Source
from econsent_jobs.certificate_processing.rules import lifecycle
from econsent_jobs.certificate_processing.rules.lifecycle import archivable, check_consent_time, is_over, retry_delay, ripe_at
from econsent_jobs.core.errors import BadItem, ErrorClass
from tests.unit.certificate_processing.examples import NOW, a_pending, a_session


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.mark.parametrize(
    ("closed_at", "last_chunk_at", "expected"),
    [
        pytest.param(NOW, NOW, NOW - minutes(10), id="closed: at once"),
        pytest.param(None, NOW, NOW + minutes(2), id="two quiet minutes after the last chunk"),
        pytest.param(None, NOW + minutes(19), NOW + minutes(20), id="chunks keep coming: half an hour after the submission"),
        pytest.param(None, None, NOW + minutes(20), id="no chunk at all: half an hour too"),
    ],
)
def test_ripe_at(closed_at: datetime | None, last_chunk_at: datetime | None, expected: datetime) -> None:
    pending = a_pending(submitted_at=NOW - minutes(10), session=a_session(closed_at=closed_at, last_chunk_at=last_chunk_at))
    assert ripe_at(pending) == expected


def test_without_a_session_there_is_nothing_to_wait_for() -> None:
    assert ripe_at(a_pending(source=Source.META, source_ref="lead-1", session=None, submitted_at=NOW)) == NOW


@pytest.mark.parametrize(
    ("closed_at", "last_chunk_at", "over"),
    [
        pytest.param(NOW, NOW, True, id="the platform closed it"),
        pytest.param(None, NOW - minutes(30), True, id="half an hour without a chunk"),
        pytest.param(None, NOW - minutes(29.9), False, id="just before"),
        pytest.param(None, None, True, id="never a chunk, and begun an hour ago"),
    ],
)
def test_is_over(closed_at: datetime | None, last_chunk_at: datetime | None, over: bool) -> None:
    assert is_over(a_session(closed_at=closed_at, last_chunk_at=last_chunk_at, started_at=NOW - minutes(60)), now=NOW) is over


@pytest.mark.parametrize(("attempts", "minutes_until"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (1_000, 60)])
def test_retry_delay_doubles_up_to_an_hour(attempts: int, minutes_until: float) -> None:
    assert retry_delay(attempts) == minutes(minutes_until)


def test_a_consent_of_the_future_is_no_consent() -> None:
    check_consent_time(a_pending(consent_at=NOW + minutes(5), read_at=NOW))
    with pytest.raises(BadItem, match="lies in the future") as refusal:
        check_consent_time(a_pending(consent_at=NOW + minutes(5) + timedelta(microseconds=1), read_at=NOW))
    assert refusal.value.error_class is ErrorClass.DATA


def test_a_lock_must_lie_ahead_and_below_the_ceiling() -> None:
    ceiling = NOW + timedelta(days=365)
    assert archivable(a_pending(retain_until=ceiling, lock_ceiling_at=ceiling, read_at=NOW))
    assert not archivable(a_pending(retain_until=NOW, lock_ceiling_at=ceiling, read_at=NOW))
    with pytest.raises(BadItem, match="more than seven years") as refusal:
        archivable(a_pending(retain_until=ceiling + timedelta(seconds=1), lock_ceiling_at=ceiling, read_at=NOW))
    assert refusal.value.error_class is ErrorClass.INTEGRITY


def test_the_bounds_are_those_of_the_runbook() -> None:
    assert (lifecycle.MOST_ATTEMPTS, lifecycle.MOST_LOST_LEASES) == (8, 3)
