"""How much is posted under one hold of a lock: a sentence a row. Wanted are 80 ms."""

import pytest

from econsent_jobs.wallet_reconciliation.rules.slices import next_slice


@pytest.mark.parametrize(
    ("size", "seconds", "expected"),
    [
        pytest.param(1_000, 0.08, 1_000, id="just right stays"),
        pytest.param(1_000, 0.16, 500, id="twice as long: half as many"),
        pytest.param(1_000, 0.04, 2_000, id="half as long: twice as many"),
        pytest.param(1_000, 0.001, 2_000, id="it never more than doubles"),
        pytest.param(4_000, 0.01, 5_000, id="never above the largest"),
        pytest.param(1_000, 8.0, 100, id="never below the smallest"),
        pytest.param(1_000, 0.0, 2_000, id="a clock that did not move"),
        pytest.param(1_000, -0.1, 2_000, id="nor one that was set back"),
        pytest.param(1_000, 0.12, 666, id="a part of an entry is not posted"),
        pytest.param(30, 0.04, 100, id="a small slice grows to the smallest at once"),
    ],
)
def test_next_slice(size: int, seconds: float, expected: int) -> None:
    assert next_slice(size, seconds, wanted_seconds=0.08, smallest=100, largest=5_000) == expected
