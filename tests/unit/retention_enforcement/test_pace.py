"""How many objects a batch of deletions takes."""

import pytest

from econsent_jobs.retention_enforcement.rules.pace import FIRST, next_size


@pytest.mark.parametrize(
    ("size", "seconds", "expected"),
    [
        pytest.param(250, 1, 500, id="quick: twice as many"),
        pytest.param(500, 3.9, 1_000, id="still quick"),
        pytest.param(499, 0, 998, id="no rounding up"),
        pytest.param(501, 0, 1_000, id="never more than a thousand"),
        pytest.param(1_000, 1, 1_000, id="a thousand stays a thousand"),
        pytest.param(500, 4, 500, id="four seconds are right"),
        pytest.param(500, 4.5, 500, id="so is what is between"),
        pytest.param(500, 10, 500, id="so are ten"),
        pytest.param(500, 10.1, 250, id="slow: half as many"),
        pytest.param(501, 60, 250, id="whole objects"),
        pytest.param(51, 60, 25, id="half of fifty-one"),
        pytest.param(49, 60, 25, id="never fewer than twenty-five"),
        pytest.param(25, 60, 25, id="twenty-five stays twenty-five"),
    ],
)
def test_a_batch_is_as_large_as_a_hold_can_wait_for(size: int, seconds: float, expected: int) -> None:
    assert next_size(size, seconds=seconds) == expected


def test_quick_batches_grow_to_what_one_request_takes_and_slow_ones_shrink_to_the_least() -> None:
    up, down = [FIRST], [FIRST]
    for _ in range(5):
        up.append(next_size(up[-1], seconds=0.1))
        down.append(next_size(down[-1], seconds=30))

    assert up == [250, 500, 1_000, 1_000, 1_000, 1_000]
    assert down == [250, 125, 62, 31, 25, 25]
