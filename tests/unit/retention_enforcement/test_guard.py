"""How much of a company may be deleted in one day: all that is due, or nothing."""

from datetime import timedelta

import pytest

from econsent_jobs.retention_enforcement.rules.guard import ANSWER_WITHIN, Allowed, allowance, check

NONE_OF_THEM = "a day may go without the approval of a second person, so none of them does"


@pytest.mark.parametrize(
    ("whole", "expected"),
    [
        (0, 1_000),
        (1, 1_000),
        (19_999, 1_000),
        (20_000, 1_000),
        (20_019, 1_000),
        (20_020, 1_001),
        (20_039, 1_001),
        (20_040, 1_002),
        (1_000_000, 50_000),
    ],
)
def test_a_day_may_take_a_thousand_or_five_percent(whole: int, expected: int) -> None:
    assert allowance(whole) == expected


@pytest.mark.parametrize(
    ("whole", "gone_today", "selected"),
    [
        pytest.param(5_000, 0, 0, id="nothing is due"),
        pytest.param(5_000, 0, 1_000, id="exactly the allowance"),
        pytest.param(5_000, 999, 1, id="over all runs of the day"),
        pytest.param(5_000, 1_000, 0, id="the day is used up, and nothing more is due"),
        pytest.param(20_020, 0, 1_001, id="exactly five percent"),
        pytest.param(20_020, 1_000, 1, id="exactly five percent over all runs"),
        pytest.param(500, 0, 500, id="a small company's all"),
    ],
)
def test_what_the_allowance_covers_goes(whole: int, gone_today: int, selected: int) -> None:
    for approved in (False, True):
        found = check(whole=whole, gone_today=gone_today, selected=selected, approved=approved)

        assert found == Allowed(count=selected, sentence="")


@pytest.mark.parametrize(
    ("whole", "gone_today", "selected", "numbers"),
    [
        pytest.param(5_000, 0, 1_001, "1001 deletions are due and 0 went today, of 5000 objects: at most 1000", id="one more: none"),
        pytest.param(5_000, 1_000, 1, "1 deletions are due and 1000 went today, of 5000 objects: at most 1000", id="the day is used up"),
        pytest.param(5_000, 2_000, 7, "7 deletions are due and 2000 went today, of 5000 objects: at most 1000", id="after an approval"),
        pytest.param(20_020, 1_000, 2, "2 deletions are due and 1000 went today, of 20020 objects: at most 1001", id="five percent"),
        pytest.param(5_000, 0, 5_000, "5000 deletions are due and 0 went today, of 5000 objects: at most 1000", id="everything"),
    ],
)
def test_of_more_none_goes_unless_a_second_person_agreed(whole: int, gone_today: int, selected: int, numbers: str) -> None:
    refused, agreed = (check(whole=whole, gone_today=gone_today, selected=selected, approved=approved) for approved in (False, True))

    assert refused == Allowed(count=0, sentence=f"{numbers} {NONE_OF_THEM}")
    assert agreed == Allowed(count=selected, sentence="")


def test_unanswered_for_four_hours_means_refused() -> None:
    assert timedelta(hours=4) == ANSWER_WITHIN
