"""Waits that double up to a longest one."""

from datetime import timedelta

import pytest

from econsent_jobs.core.backoff import doubled


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(1, 30), (2, 60), (3, 120), (6, 960), (7, 1_800), (8, 1_800), (1_000_000, 1_800)],
)
def test_each_wait_is_twice_the_one_before_up_to_the_longest(failures: int, seconds: int) -> None:
    assert doubled(failures, first=timedelta(seconds=30), longest=timedelta(minutes=30)) == timedelta(seconds=seconds)


def test_without_a_failure_there_is_no_wait_to_ask_for() -> None:
    with pytest.raises(AssertionError):
        doubled(0, first=timedelta(seconds=30), longest=timedelta(minutes=30))
