"""The words in which every job reports."""

import pytest

from econsent_jobs.core.errors import ErrorClass
from econsent_jobs.core.results import JobResult


def test_adds_up_and_keeps_the_later_backlog() -> None:
    first = JobResult(
        examined=3, changed=1, quarantined=1, failed=1, causes={ErrorClass.DATA: 1, ErrorClass.S3_WRITE: 1}, backlog=9, mended={"stale": 1}
    )
    second = JobResult(
        examined=2, skipped=1, quarantined=1, causes={ErrorClass.DATA: 1}, backlog=4, oldest_seconds=60, mended={"missing": 2, "stale": 2}
    )

    assert first + second == JobResult(
        examined=5,
        changed=1,
        skipped=1,
        quarantined=2,
        failed=1,
        causes={ErrorClass.DATA: 2, ErrorClass.S3_WRITE: 1},
        backlog=4,
        oldest_seconds=60,
        mended={"missing": 2, "stale": 3},
    )


def test_every_item_is_accounted_for() -> None:
    with pytest.raises(AssertionError, match="examined 2, but 1 accounted for"):
        JobResult(examined=2, changed=1)
    with pytest.raises(AssertionError, match="more causes than items"):
        JobResult(examined=1, changed=1, causes={ErrorClass.DATA: 1})


def test_reads_as_one_line() -> None:
    result = JobResult(
        examined=3, changed=1, quarantined=2, backlog=4, oldest_seconds=61, causes={ErrorClass.INTEGRITY: 1, ErrorClass.DATA: 1}
    )
    assert str(result) == "examined=3 changed=1 skipped=0 quarantined=2 failed=0 backlog=4 oldest_seconds=61 causes=data:1,integrity:1"
    assert str(JobResult()).endswith("failed=0 backlog=0")
    assert str(JobResult(mended={"stale": 1, "content": 3})).endswith("backlog=0 mended=content:3,stale:1")


@pytest.mark.parametrize(
    ("examined", "failed", "expected"),
    [
        pytest.param(10, 5, False, id="half is not more than half"),
        pytest.param(9, 5, True, id="more than half, and enough of them"),
        pytest.param(4, 4, False, id="all, but too few to mean anything"),
    ],
)
def test_a_run_fails_past_its_share(examined: int, failed: int, expected: bool) -> None:
    assert JobResult(examined=examined, failed=failed, changed=examined - failed).past_share(0.5, at_least=5) is expected


def test_a_share_of_zero_means_any() -> None:
    assert JobResult(examined=100, failed=1, changed=99).past_share(0, at_least=1)
    assert not JobResult(examined=100, quarantined=1, changed=99).past_share(0, at_least=1)
