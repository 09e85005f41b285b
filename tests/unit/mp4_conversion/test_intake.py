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


def test_the_whole_recording() -> None:
    """Every field of what a recording comes to, with all that is counted on the way."""
    events = [
        meta(0, width=800, height=600),
        snapshot(10),
        "no event",
        {"type": 9, "timestamp": 1, "data": {}},
        {"type": 9, "timestamp": 1, "data": {}},
        incremental(300, 4, width=900, height=500),
        typed(200),
        incremental(400, 1, positions=[{"x": 1, "y": 2, "id": 3, "timeOffset": -50}, {"x": 4, "y": 5, "id": 6, "timeOffset": 0}]),
        clicked(500),
    ]

    found = taken(events)

    assert (found.sha256, found.size_bytes, found.events, found.clamped, found.promoted) == ("0" * 64, 1, 9, 0, None)
    assert (found.width, found.height, found.consent_clicks_ms) == (900, 600, [])
    assert found.dropped == {"no object": 1, "unknown type": 2}
    assert [(page.at_ms - STARTED_MS, page.href, page.width, page.height) for page in found.pages] == [
        (0, "https://example.com/a", 800, 600),
        (300, "", 900, 500),
    ]
    assert [(each.at_ms - STARTED_MS, each.kind, each.x, each.y, each.node, each.line, each.event) for each in found.entries] == [
        (0, Kind.PAGE, 0, 0, 0, 0, 0),
        (10, Kind.PAGE, 0, 0, 0, 1, 1),
        (200, Kind.PAGE, 0, 0, 0, 3, 6),
        (300, Kind.PAGE, 0, 0, 0, 2, 5),
        (350, Kind.MOVE, 1, 2, 3, 4, 7),
        (400, Kind.MOVE, 4, 5, 6, 5, 7),
        (500, Kind.CLICK, 5, 6, 100, 6, 8),
    ]
    assert (found.started_ms - STARTED_MS, found.duration_ms) == (0, 500)


def test_what_is_left_out_is_told_with_the_most_frequent_first() -> None:
    with pytest.raises(BadItem, match=r"none of the recording's 3 events can be replayed \(2 x no object, 1 x no type\)"):
        taken([{"timestamp": 1}, "a", "b"])


def test_consent_is_asked_for_in_what_is_added_too() -> None:
    asks = {"type": 2, "id": 500, "tagName": "label", "attributes": {"data-consent-type": "x"}, "childNodes": []}
    added = incremental(
        100, 0, adds=[{"parentId": 3, "node": asks}, {"parentId": 3, "node": "no node"}], removes=[], texts=[], attributes=[]
    )
    moves = incremental(150, 1, positions=[{"x": 1, "y": 1, "id": 500}])

    found = taken([meta(), snapshot(), added, moves, clicked(300, 500), clicked(200, 500), clicked(400, 100)])

    assert found.consent_clicks_ms == [STARTED_MS + 200, STARTED_MS + 300]


def test_a_click_at_a_wrong_time_is_moved_with_its_event() -> None:
    asks = {"data-consent-type": "main-explicit"}

    found = taken([meta(), snapshot(**asks), typed(100), clicked(5 * HOUR, 101), typed(200)])

    assert (found.consent_clicks_ms, found.clamped, found.duration_ms) == ([STARTED_MS + 100], 1, 200)


@pytest.mark.parametrize(
    ("times", "expected", "moved"),
    [
        pytest.param([0, HOUR, 2 * HOUR], None, 0, id="an hour is near"),
        pytest.param([0, HOUR + 1, 0], [0, 0, 0], 1, id="a millisecond more is far"),
        pytest.param([0, 9 * HOUR, 9 * HOUR, 9 * HOUR, 1], [0, 0, 0, 0, 1], 3, id="three alone"),
        pytest.param([0, 9 * HOUR, 9 * HOUR, 9 * HOUR, 9 * HOUR, 1], None, 0, id="four are a part of it"),
        pytest.param([0, 9 * HOUR, HOUR], [0, 0, HOUR], 1, id="its neighbours lie an hour apart"),
        pytest.param([0, 9 * HOUR, HOUR + 1], None, 0, id="they do not belong together"),
        pytest.param([0, 9 * HOUR, 1, 9 * HOUR, 2], [0, 0, 1, 1, 2], 2, id="twice"),
        pytest.param([0, 9 * HOUR, 19 * HOUR, 1], None, 0, id="two that do not lie together"),
        pytest.param([DAY + 1, 0, 0], [0, 0, 0], 1, id="the first one lies too far from the middle"),
        pytest.param([DAY, 0, 0], None, 0, id="as far as a recording may last"),
        pytest.param([0, 0, 0, DAY + 1], [0, 0, 0, 0], 1, id="the last one lies too far"),
    ],
)
def test_which_clock_readings_are_wrong(times: list[float], expected: list[float] | None, moved: int) -> None:
    assert steady(times, longest_ms=DAY) == (expected or times, moved)


def test_bounds_are_still_allowed() -> None:
    events = [meta(width=800, height=600), snapshot(), *[typed(at * HOUR / 2) for at in range(1, 5)]]

    assert taken(events, Bounds(events=6, pixels=480_000, duration_ms=int(2 * HOUR))).events == 6
    with pytest.raises(BadItem, match="800 x 600 pixels, a video has at most 479999"):
        taken(events, Bounds(pixels=479_999))
    with pytest.raises(BadItem, match=r"lasts 2\.0 hours, a video lasts at most 1"):
        taken(events, Bounds(duration_ms=int(HOUR)))


def test_without_a_meta_event_a_resize_still_counts() -> None:
    found = taken([snapshot(), incremental(50, 4, width=300, height=900)])

    assert [(page.at_ms - STARTED_MS, page.href, page.width, page.height) for page in found.pages] == [
        (10, "", 1280, 720),
        (50, "", 300, 900),
    ]
    assert (found.width, found.height) == (300, 900)
