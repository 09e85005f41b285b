"""A run asks the garbage collector to look rarely, and leaves it as it was."""

import gc

from econsent_jobs.core.collecting import COLLECTED_AFTER, rarely_collected


def test_the_collector_is_as_before_when_a_run_has_ended() -> None:
    before = gc.get_threshold()

    with rarely_collected():
        assert gc.get_threshold() == COLLECTED_AFTER
        assert gc.get_freeze_count() > 0

    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
