"""What of a recording is replayed, in which order, and what no video can be made of."""

from typing import Any

import pytest

from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.mp4_conversion.model import Bounds, Kind
from econsent_jobs.mp4_conversion.rules.events import Refused, admit
from econsent_jobs.mp4_conversion.rules.intake import steady
from tests.unit.mp4_conversion.examples import STARTED_MS, clicked, incremental, meta, snapshot, taken, typed

HOUR = 3_600_000.0
DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        pytest.param("text", "no object", id="a string"),
        pytest.param(None, "no object", id="null"),
        pytest.param({"type": 3, "timestamp": None, "data": {}}, "no timestamp", id="no time"),
        pytest.param({"type": 3, "timestamp": "1772000000000", "data": {}}, "no timestamp", id="a time in a string"),
        pytest.param({"type": 3, "timestamp": True, "data": {}}, "no timestamp", id="a time that is true"),
        pytest.param({"type": 3, "timestamp": -1, "data": {}}, "no timestamp", id="a time before all times"),
        pytest.param({"type": 3, "timestamp": float("inf"), "data": {}}, "no timestamp", id="an endless time"),
        pytest.param({"timestamp": 1, "data": {}}, "no type", id="no type"),
        pytest.param({"type": 77, "timestamp": 1, "data": {}}, "unknown type", id="an unknown type"),
        pytest.param({"type": 3, "timestamp": 1}, "no data", id="no data"),
        pytest.param({"type": 4, "timestamp": 1, "data": {"width": 0, "height": 5}}, "a page without a size", id="no width"),
        pytest.param({"type": 4, "timestamp": 1, "data": {"width": 10**9, "height": 5}}, "a page without a size", id="too wide"),
        pytest.param({"type": 2, "timestamp": 1, "data": {"node": None}}, "a full snapshot without nodes", id="no node"),
        pytest.param(incremental(0, 99), "unknown source", id="an unknown source"),
        pytest.param(incremental(0, 3, id=1, x="left", y=0), "an event without its numbers", id="a scroll to nowhere"),
        pytest.param(incremental(0, 1, positions=[{"x": 1}]), "a move without positions", id="a move to nowhere"),
        pytest.param(incremental(0, 0, adds="all"), "adds that are no list", id="a mutation of nothing"),
    ],
)
def test_what_the_replayer_would_stop_at_does_not_reach_it(event: Any, reason: str) -> None:
    with pytest.raises(Refused, match=f"^{reason}$"):
        list(admit(event))


@pytest.mark.parametrize(
    ("event", "kinds"),
    [
        pytest.param(meta(), [Kind.PAGE], id="a page's address and size"),
        pytest.param(snapshot(), [Kind.PAGE], id="a full snapshot"),
        pytest.param(typed(0), [Kind.PAGE], id="typing"),
        pytest.param(clicked(0), [Kind.CLICK], id="a click"),
        pytest.param(incremental(0, 2, type=7, id=1, x=1, y=1), [Kind.TOUCH], id="a finger comes down"),
        pytest.param(incremental(0, 2, type=9, id=1, x=1, y=1), [Kind.LIFT], id="and goes up"),
        pytest.param(incremental(0, 2, type=5, id=1), [Kind.PAGE], id="a focus has no place"),
        pytest.param(incremental(0, 1, positions=[{"x": 1, "y": 1, "id": 1, "timeOffset": -9}] * 3), [Kind.MOVE] * 3, id="three moves"),
        pytest.param(incremental(0, 6, positions=[{"x": 1, "y": 1, "id": 1}]), [Kind.SWIPE], id="a finger moves"),
        pytest.param({"type": 5, "timestamp": 1, "data": {"tag": "x"}}, [Kind.NOTHING], id="a mark of the page's own"),
    ],
)
def test_what_an_event_does_to_the_picture(event: Any, kinds: list[Kind]) -> None:
    assert [admitted.kind for admitted in admit(event)] == kinds


def test_each_position_of_a_batch_is_an_event_at_its_own_time() -> None:
    positions = [{"x": 1, "y": 2, "id": 9, "timeOffset": -400}, {"x": 3, "y": 4, "id": 9, "timeOffset": 0}]

    first, second = admit(incremental(500, 1, positions=positions))

    assert (first.at_ms, second.at_ms) == (STARTED_MS + 100, STARTED_MS + 500)
    assert first.event["data"]["positions"] == [{"x": 1, "y": 2, "id": 9, "timeOffset": 0}]


@pytest.mark.parametrize(
    ("events", "told"),
    [
        pytest.param([], "has 0 events", id="none"),
        pytest.param([meta()], "has 1 events", id="one"),
        pytest.param(["a", "b"], r"none of the recording's 2 events can be replayed \(2 x no object\)", id="none that is one"),
        pytest.param([meta(), typed(5)], "no full snapshot", id="no snapshot"),
        pytest.param(
            [meta(), snapshot(), *[typed(hours * HOUR + n) for hours in (1, 30) for n in range(5)]],
            "lasts 30.0 hours, a video lasts at most 24",
            id="long",
        ),
        pytest.param([meta(width=16_000, height=2_000), snapshot()], "16000 x 2000 pixels", id="large"),
    ],
)
def test_what_no_video_can_be_made_of(events: list[Any], told: str) -> None:
    with pytest.raises(BadItem, match=told) as refusal:
        taken(events)
    assert refusal.value.error_class is ErrorClass.DATA


def test_too_many_events_are_refused_while_they_come() -> None:
    with pytest.raises(BadItem, match="more than 3 events"):
        taken([meta(), snapshot(), typed(1), typed(2)], Bounds(events=3))


def test_events_are_put_in_the_order_of_their_times_and_equal_ones_stay() -> None:
    found = taken([meta(), snapshot(10), typed(300), typed(100), typed(100)])

    assert [entry.event for entry in found.entries] == [0, 1, 3, 4, 2]


@pytest.mark.parametrize(
    ("times", "expected", "moved"),
    [
        pytest.param([0, 10, 500], [0, 10, 500], 0, id="as they are"),
        pytest.param([0, 10, 198 * DAY, 20], [0, 10, 10, 20], 1, id="one far ahead"),
        pytest.param([0, 10, -5 * HOUR, 20], [0, 10, 10, 20], 1, id="one far behind"),
        pytest.param([0, 9 * HOUR, 9 * HOUR + 5, 10], [0, 0, 0, 10], 2, id="two together"),
        pytest.param([0, 1, 10 * HOUR, 10 * HOUR + 1, 10 * HOUR + 2, 10 * HOUR + 3], None, 0, id="a long pause is one"),
        pytest.param([0, 1, 2, 10 * HOUR], None, 0, id="a last event after a long pause"),
        pytest.param([0, 1, 2, 3, 50 * DAY], [0, 1, 2, 3, 3], 1, id="a last event after months"),
        pytest.param(
            [5, 50 * DAY, 50 * DAY + 1, 50 * DAY + 2], [50 * DAY, 50 * DAY, 50 * DAY + 1, 50 * DAY + 2], 1, id="a first one of 1970"
        ),
        pytest.param([7, 7, 7], [7, 7, 7], 0, id="all equal"),
        pytest.param([7], [7], 0, id="one"),
    ],
)
def test_a_single_broken_clock_reading_is_put_between_its_neighbours(times: list[float], expected: list[float] | None, moved: int) -> None:
    assert steady(times, longest_ms=DAY) == (expected or times, moved)


@pytest.mark.parametrize(
    ("nodes", "promoted", "first_line"),
    [
        pytest.param([10, 30], None, 1, id="the first is whole: ten nodes"),
        pytest.param([9, 10], 3, 3, id="nine are too few, and a later one has ten"),
        pytest.param([9, 9], None, 1, id="none is whole: the first stays"),
    ],
)
def test_snapshot_promotion(nodes: list[int], promoted: int | None, first_line: int) -> None:
    """Documented: docs/certificates/session-replay. The original times are kept."""
    found = taken([meta(), snapshot(10, body_nodes=nodes[0]), typed(20), snapshot(900, body_nodes=nodes[1]), typed(1_000)])

    assert found.promoted == promoted
    assert [(entry.at_ms - STARTED_MS, entry.line) for entry in found.entries][1] == (10, first_line)
    assert [(entry.at_ms - STARTED_MS, entry.line) for entry in found.entries][3] == (900, 3)


def test_a_click_on_what_asks_for_consent_is_known() -> None:
    asks = {"data-consent-type": "main-explicit"}

    found = taken([meta(), snapshot(**asks), clicked(400, node=101), clicked(700, node=3), typed(900)])

    assert found.consent_clicks_ms == [STARTED_MS + 400]


def test_without_a_meta_event_the_page_has_the_usual_size() -> None:
    found = taken([snapshot(), typed(50)])

    assert (found.width, found.height, found.pages[0].href) == (1280, 720, "")


def test_nodes_without_end_are_left_out() -> None:
    deep: dict[str, Any] = {"type": 2, "id": 9, "tagName": "p", "attributes": {}, "childNodes": []}
    for _ in range(2_000):
        deep = {"type": 2, "id": 9, "tagName": "p", "attributes": {}, "childNodes": [deep]}
    bottomless = {"type": 2, "timestamp": STARTED_MS, "data": {"node": {"type": 0, "id": 1, "childNodes": [deep]}}}

    assert taken([meta(), snapshot(), bottomless, typed(50)]).dropped == {"nodes nested too deep": 1}
