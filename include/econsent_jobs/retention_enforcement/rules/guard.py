"""The mass-delete guard: more than this a company's rows do not go in one day unless a second person agrees."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

LEAST: Final = 1_000
SHARE_PERCENT: Final = 5
ANSWER_WITHIN: Final = timedelta(hours=4)  # unanswered means refused


def allowance(whole: int) -> int:
    """How many of a company's ``whole`` rows may go on one UTC day, over all runs: the larger of 1,000 and 5 %."""
    return max(LEAST, whole * SHARE_PERCENT // 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """How many guarded deletions may still go now, and the sentence when it is not all of them."""

    count: int
    sentence: str


def check(*, whole: int, gone_today: int, selected: int, approved: bool) -> Allowed:
    """All or nothing: a half-done mass deletion would only hide what the refusal is about.

    ``gone_today``: guarded deletions of this day so far. ``selected``: guarded deletions that are due now, all batches together.
    """
    limit = allowance(whole)
    if approved or gone_today + selected <= limit:
        return Allowed(count=selected, sentence="")
    return Allowed(
        count=0,
        sentence=(
            f"{selected} deletions are due and {gone_today} went today, of {whole} objects: at most {limit} a day may go"
            " without the approval of a second person, so none of them does"
        ),
    )
