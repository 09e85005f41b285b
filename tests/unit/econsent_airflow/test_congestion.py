"""How many runs in a row left ever older work."""

import pytest

from econsent_airflow.congestion import grown_runs
from econsent_jobs.core.results import JobResult


@pytest.mark.parametrize(
    ("oldest_before", "runs_before", "runs"),
    [
        pytest.param(None, None, 1, id="the first run of all"),
        pytest.param(99, None, 1, id="the run before ended sooner than its limit"),
        pytest.param(99, 1, 2, id="older than the run before"),
        pytest.param(99, 2, 3, id="for the third time"),
        pytest.param(100, 2, 1, id="as old as the run before: it keeps up"),
        pytest.param(101, 2, 1, id="younger"),
    ],
)
def test_grown_runs(oldest_before: int | None, runs_before: int | None, runs: int) -> None:
    before = None if oldest_before is None else {"oldest_seconds": oldest_before}

    assert grown_runs(JobResult(backlog=1, oldest_seconds=100), before, runs_before) == runs
