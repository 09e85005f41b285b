"""Whose trouble it is when nobody is reached."""

from typing import Any, Final
from uuid import UUID

import pytest

from econsent_jobs.webhook_delivery_retry.lane import Lane, unreached
from econsent_jobs.webhook_delivery_retry.model import Outcome
from econsent_jobs.webhook_delivery_retry.rules.way_out import UNREACHED, Unreached, WayOut, judge
from tests.unit.webhook_delivery_retry.examples import attempted
from tests.unit.webhook_delivery_retry.test_flow import ready

FIVE: Final = tuple(Unreached(place=f"{name}.example.com", at=100.0 + place) for place, name in enumerate("abcde"))
NEVER: Final = float("-inf")


@pytest.mark.parametrize(
    ("seen", "values", "expected"),
    [
        pytest.param((), {"under_way": 9}, WayOut.OPEN, id="nothing failed"),
        pytest.param(FIVE, {"under_way": 0}, WayOut.BROKEN, id="five places and nobody else"),
        pytest.param(FIVE[:4], {"under_way": 0}, WayOut.OPEN, id="four places may fail together"),
        pytest.param((FIVE[0],) * 50, {"under_way": 0}, WayOut.OPEN, id="fifty attempts at one place"),
        pytest.param(FIVE, {"under_way": 1, "now": 102.4}, WayOut.DOUBTFUL, id="somebody may still answer"),
        pytest.param(FIVE[:1], {"under_way": 1, "now": 102.4}, WayOut.DOUBTFUL, id="so may the others of one"),
        pytest.param(FIVE, {"under_way": 1, "now": 102.5}, WayOut.BROKEN, id="nobody answered within the patience"),
        pytest.param(FIVE[:4], {"under_way": 1, "now": 102.5}, WayOut.OPEN, id="four, and the patience is over"),
        pytest.param(FIVE, {"under_way": 0, "reached_at": 100.0}, WayOut.OPEN, id="somebody answered as the first failed"),
        pytest.param(FIVE, {"under_way": 0, "reached_at": 99.9}, WayOut.BROKEN, id="somebody answered before that"),
        pytest.param(FIVE, {"under_way": 1, "now": 101.0, "patience_seconds": 1.0}, WayOut.BROKEN, id="a shorter patience"),
    ],
)
def test_the_way_out_is_broken_when_nobody_is_reached(seen: tuple[Unreached, ...], values: dict[str, Any], expected: WayOut) -> None:
    assert judge(seen, **{"reached_at": NEVER, "now": 104.0, **values}) is expected


@pytest.mark.parametrize("outcome", sorted(Outcome))
def test_every_answer_and_every_connection_shows_that_there_is_a_way(outcome: Outcome) -> None:
    lane = Lane(places=50, stalled_places=200)
    lane.take(ready(1))
    (started,) = lane.startable(now=0)

    lane.end(started, attempted(outcome=outcome), now=7.0)

    assert (lane.reached_at == 7.0) is (outcome not in UNREACHED | {Outcome.BLOCKED})


def test_only_receivers_that_answered_well_lately_can_tell() -> None:
    lane = Lane(places=50, stalled_places=200)
    for number, proven in enumerate((True, False)):
        lane.take(ready(number, f"wh-{number}", proven=proven))
    for each in lane.startable(now=0):
        lane.end(each, attempted(outcome=Outcome.CONNECT), now=1.0)

    (doubtful,) = lane.doubtful()

    assert doubtful.ready.claimed.delivery_id == UUID(int=0)
    assert unreached(doubtful) == Unreached(place="hooks.example.com", at=1.0)


def test_what_is_doubtful_stays_in_hand_and_keeps_its_endpoint_back() -> None:
    lane = Lane(places=50, stalled_places=200)
    lane.take(ready(1, proven=True))
    (started,) = lane.startable(now=0)
    lane.end(started, attempted(outcome=Outcome.DNS), now=1.0)

    assert lane.take_ended(but=lane.doubtful()) == []
    assert (lane.in_hand, lane.paces["wh-1"].room()) == (1, 0)
    assert [each.ready.claimed.delivery_id for each in lane.take_ended()] == [UUID(int=1)]
    assert lane.in_hand == 0
