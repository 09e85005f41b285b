"""What many histories come to: a crash is a finding like any other, and ends nothing but itself."""

import pytest

from tests.prove.harness.histories import MOST_TOLD, Told, run_histories


def history(seed: int) -> Told:
    if seed == 2:
        raise KeyError("an index that is gone")
    told = Told(wrong=["something is left"] if seed == 3 else [], steps=5)
    told.finished[0] = 1
    return told


def test_a_history_that_crashes_is_wrong_and_the_others_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    told = run_histories(history, range(1, 5))

    assert told.wrong == ["history 2: it crashed (KeyError: 'an index that is gone')", "history 3: something is left"]
    assert (told.finished[0], told.steps) == (3, 15)
    assert "raise KeyError" in capsys.readouterr().err


def test_it_stops_where_enough_is_told() -> None:
    assert len(run_histories(lambda _: history(3), range(100)).wrong) == MOST_TOLD
