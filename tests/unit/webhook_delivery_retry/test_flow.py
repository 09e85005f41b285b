"""How one lane shares its room between endpoints."""

from typing import Any
from uuid import UUID

import pytest

from econsent_jobs.webhook_delivery_retry.lane import Lane, Ready
from econsent_jobs.webhook_delivery_retry.model import Outcome, Request
from econsent_jobs.webhook_delivery_retry.rules.flow import Pace, Rooms, rooms
from tests.unit.webhook_delivery_retry.examples import attempted, claimed

REQUEST = Request(method="POST", url="https://hooks.example.com/", headers={}, body=b"{}")


def pace(**changes: Any) -> Pace:
    values: dict[str, Any] = {"max_in_flight": 4, "proven": False, "failing": False}
    return Pace(**values | changes)


def ready(number: int, endpoint_id: str = "wh-1", *, until: float = 100.0, **changes: Any) -> Ready:
    each = claimed(delivery_id=UUID(int=number), endpoint_id=endpoint_id, **changes)
    return Ready(claimed=each, request=REQUEST, sendable_until=until, claimed_at=0)


def test_an_endpoint_begins_with_one_and_successes_open_its_window() -> None:
    found = pace()
    windows = [found.window]
    for _ in range(3):
        found.answered(delivered=True, seconds=0.5)
        windows.append(found.window)

    assert windows == [1, 2, 4, 4]


def test_a_failure_closes_the_window_to_one() -> None:
    found = pace(window=4, proven=True)

    found.answered(delivered=False, seconds=0.1)

    assert (found.window, found.proven, found.failing, found.room()) == (1, False, True, 1)


@pytest.mark.parametrize(
    ("seconds", "ahead"), [(10.0, 0), (0.5, 4), (0.1, 20), (0.001, 32)], ids=["slow", "half a second", "quick", "never more than 32"]
)
def test_what_answers_quickly_has_work_ready(seconds: float, ahead: int) -> None:
    assert pace(window=4, proven=True, mean_seconds=seconds).ahead() == ahead


def test_the_mean_follows_the_newest_answers_slowly() -> None:
    found, means = pace(), list[float | None]()
    for seconds in (1.0, 2.0, 0.2):
        found.answered(delivered=True, seconds=seconds)
        means.append(found.mean_seconds)

    assert means == pytest.approx([1.0, 1.2, 1.0])
    found.answered(delivered=False, seconds=9.0)
    assert found.mean_seconds == pytest.approx(1.0), "how long a failure took says nothing of its answers"


@pytest.mark.parametrize(
    ("changes", "room"),
    [
        pytest.param({}, 1, id="a new one has one"),
        pytest.param({"window": 4}, 4, id="its window"),
        pytest.param({"window": 4, "in_flight": 3}, 1, id="less what is under way"),
        pytest.param({"window": 4, "in_flight": 1, "waiting": 2}, 1, id="and what waits"),
        pytest.param({"window": 4, "in_flight": 4, "waiting": 2}, 0, id="never less than nothing"),
        pytest.param({"window": 4, "proven": True, "mean_seconds": 0.5}, 8, id="and some ahead"),
        pytest.param({"window": 4, "proven": True, "mean_seconds": 0.5, "in_flight": 4, "waiting": 3}, 1, id="of which some is there"),
        pytest.param({"window": 4, "mean_seconds": 0.5}, 4, id="nothing ahead for one that is not proven"),
        pytest.param({"window": 4, "proven": True}, 4, id="nor before its first answer"),
        pytest.param({"window": 4, "unsettled_failures": 1}, 0, id="a failure is not written down yet"),
    ],
)
def test_so_much_is_worth_claiming(changes: dict[str, Any], room: int) -> None:
    assert pace(**changes).room() == room


def test_an_answer_in_no_time_is_no_division_by_nothing() -> None:
    assert pace(window=1, proven=True, mean_seconds=0.0).ahead() == 32


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({"window": 2, "in_flight": 1}, True),
        ({"window": 2, "in_flight": 2}, False),
        ({"window": 2, "stalled": 1}, False),
        ({"window": 2, "unsettled_failures": 1}, False),
    ],
)
def test_one_more_may_begin_while_the_window_is_open(changes: dict[str, Any], may: bool) -> None:
    assert pace(**changes).may_start() is may


def test_while_one_is_stalled_no_further_one_joins_it() -> None:
    found = pace(window=4, proven=True, in_flight=1, stalled=1, mean_seconds=0.01)

    assert (found.may_start(), found.room()) == (False, 0)


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        pytest.param({"taken": 0}, Rooms(proven=50, new=25, failing=10), id="nothing under way"),
        pytest.param({"taken": 10, "taken_by_failing": 10}, Rooms(proven=40, new=25, failing=0), id="failing ones have their fifth"),
        pytest.param({"taken": 25, "taken_by_new": 25}, Rooms(proven=25, new=0, failing=10), id="new ones have their half"),
        pytest.param({"taken": 50}, Rooms(proven=0, new=0, failing=0), id="everything is taken"),
        pytest.param({"taken": 0, "stalled": 200}, Rooms(proven=50, new=0, failing=0), id="no places for more that stall"),
        pytest.param({"taken": 0, "stalled": 195}, Rooms(proven=50, new=25, failing=5), id="few places for more that stall"),
    ],
)
def test_places_are_free_for_proven_endpoints_whatever_the_others_do(taken: dict[str, int], expected: Rooms) -> None:
    values = {"taken": 0, "taken_by_new": 0, "taken_by_failing": 0, "stalled": 0, **taken}

    assert rooms(places=50, stalled_places=200, **values) == expected


def test_one_from_each_endpoint_before_a_second_from_any() -> None:
    lane = Lane(places=3, stalled_places=10)
    lane.paces["wh-1"] = pace(window=4, proven=True)
    for each in (ready(1), ready(2), ready(3), ready(4, "wh-2")):
        lane.take(each)

    assert [each.claimed.endpoint_id for each in lane.startable(now=0)] == ["wh-1", "wh-2", "wh-1"]
    assert (lane.waiting, lane.in_hand) == (1, 4)


def test_an_attempt_that_stalls_gives_its_place_back() -> None:
    lane = Lane(places=1, stalled_places=1)
    lane.take(ready(1, "wh-slow"))
    lane.take(ready(2, "wh-quick"))
    (slow,) = lane.startable(now=0)

    assert lane.startable(now=0.9) == []
    lane.note_stalled(now=1.0)
    assert [each.claimed.endpoint_id for each in lane.startable(now=1.0)] == ["wh-quick"]
    lane.end(slow, attempted(Outcome.NO_ANSWER), now=10)
    assert lane.stalled == 0


def test_no_more_stall_than_there_are_places_for() -> None:
    lane = Lane(places=5, stalled_places=2)
    for number in range(5):
        lane.take(ready(number, f"wh-{number}"))
    lane.startable(now=0)

    lane.note_stalled(now=5)

    assert (lane.stalled, lane.rooms()) == (2, Rooms(proven=2, new=0, failing=0))


def test_what_an_endpoint_that_stalls_has_waiting_is_given_back() -> None:
    lane = Lane(places=5, stalled_places=5)
    lane.paces["wh-1"] = pace(window=1, proven=True)
    for number in range(3):
        lane.take(ready(number))
    lane.startable(now=0)

    assert lane.unsendable(now=0.5) == []
    lane.note_stalled(now=1.5)
    assert len(lane.unsendable(now=1.5)) == 2
    assert lane.waiting == 0


def test_what_an_endpoint_that_begins_to_fail_has_waiting_is_given_back() -> None:
    """Its failure is written down first: that may open the circuit, or disable it."""
    lane = Lane(places=5, stalled_places=5)
    lane.paces["wh-1"] = pace(window=1, proven=True)
    for number in range(3):
        lane.take(ready(number, proven=True))
    (started,) = lane.startable(now=0)

    lane.end(started, attempted(), now=1)

    assert (lane.following("wh-1", now=1), lane.startable(now=1), lane.paces["wh-1"].room()) == (None, [], 0)
    assert len(lane.unsendable(now=1)) == 2


def test_no_lease_ends_under_an_attempt() -> None:
    lane = Lane(places=1, stalled_places=5)
    lane.take(ready(1, "wh-1"))
    lane.take(ready(2, "wh-2", until=15.0))
    lane.startable(now=0)

    assert lane.unsendable(now=15.0) == []
    assert [each.claimed.endpoint_id for each in lane.unsendable(now=15.1)] == ["wh-2"]


def test_a_failing_endpoint_with_nothing_in_hand_is_forgotten() -> None:
    """So that a lane's memory does not grow with endpoints that are down."""
    lane = Lane(places=5, stalled_places=5)
    lane.take(ready(1))
    (started,) = lane.startable(now=0)
    lane.end(started, attempted(), now=1)

    lane.take_ended()

    assert (lane.paces, lane.queues, lane.running, lane.in_hand) == ({}, {}, {}, 0)


def test_a_suspect_keeps_its_endpoint_busy_until_it_ended() -> None:
    lane = Lane(places=5, stalled_places=5)
    lane.take(ready(1, lost_leases=1))
    (started,) = lane.startable(now=0)

    assert lane.busy_with_suspects() == ["wh-1"]
    lane.end(started, attempted(Outcome.SUCCESS, status_code=200), now=1)
    lane.take_ended()
    assert lane.suspects == set()
