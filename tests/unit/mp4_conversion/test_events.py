"""What exactly reaches the replayer of one event, and which numbers are none."""

from typing import Any

import pytest

from econsent_jobs.mp4_conversion.model import Kind, Page
from econsent_jobs.mp4_conversion.rules.events import Admitted, Refused, admit

AT = 1_000.0


def event(kind: Any, data: Any = None, *, at: Any = AT) -> dict[str, Any]:
    return {"type": kind, "timestamp": at, "data": data, "delay": 5}


def incremental(source: Any, **data: Any) -> dict[str, Any]:
    return event(3, {"source": source, **data})


def kept(source: int, **data: Any) -> dict[str, Any]:
    return {"type": 3, "timestamp": AT, "data": {"source": source, **data}}


@pytest.mark.parametrize("kind", [0, 1, 5, 6])
def test_what_is_not_seen_only_tells_the_time(kind: int) -> None:
    told = Admitted(AT, Kind.NOTHING, 0, 0, 0, {"type": kind, "timestamp": AT, "data": {}}, None, snapshot=False)

    assert list(admit(event(kind, {"href": "x"}))) == [told]
    assert list(admit(event(kind, None))) == [told]


@pytest.mark.parametrize(
    ("data", "page"),
    [
        pytest.param({"href": "https://a/", "width": 800, "height": 600, "x": 1}, Page(AT, "https://a/", 800, 600), id="as it is"),
        pytest.param({"href": 5, "width": 0.5 + 1, "height": 1}, Page(AT, "", 2, 1), id="no address, and a part of a pixel"),
        pytest.param({"width": 16_384, "height": 16_384}, Page(AT, "", 16_384, 16_384), id="the largest"),
    ],
)
def test_a_pages_address_and_size(data: dict[str, Any], page: Page) -> None:
    replayed = {"type": 4, "timestamp": AT, "data": {"href": page.href, "width": page.width, "height": page.height}}

    assert list(admit(event(4, data))) == [Admitted(AT, Kind.PAGE, 0, 0, 0, replayed, page, snapshot=False)]


@pytest.mark.parametrize("size", [0, 0.5, 16_384.5, -1, True, "800", None, float("nan"), 2**53 + 2])
def test_a_size_that_is_none(size: Any) -> None:
    for data in ({"width": size, "height": 600}, {"width": 800, "height": size}):
        with pytest.raises(Refused, match=r"^a page without a size$"):
            list(admit(event(4, data)))
        with pytest.raises(Refused):
            list(admit(incremental(4, **data)))


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        pytest.param({"top": 3, "left": 4}, {"top": 3, "left": 4}, id="scrolled"),
        pytest.param({"top": "3"}, {"top": 0, "left": 0}, id="no numbers"),
        pytest.param(None, {"top": 0, "left": 0}, id="none"),
    ],
)
def test_a_full_snapshot(offset: Any, expected: dict[str, int]) -> None:
    node = {"type": 0, "childNodes": []}
    replayed = {"type": 2, "timestamp": AT, "data": {"node": node, "initialOffset": expected}}

    assert list(admit(event(2, {"node": node, "initialOffset": offset}))) == [
        Admitted(AT, Kind.PAGE, 0, 0, 0, replayed, None, snapshot=True)
    ]


def test_a_mutation_is_cleaned_of_what_is_no_node() -> None:
    mutation = incremental(0, adds=[{"node": 1}, 5, None], texts=[{"id": 2}], removes=["x"])

    (found,) = admit(mutation)

    assert found == Admitted(
        AT,
        Kind.PAGE,
        0,
        0,
        0,
        kept(0, adds=[{"node": 1}], texts=[{"id": 2}], removes=[], attributes=[]),
        None,
        snapshot=False,
    )


@pytest.mark.parametrize(
    ("source", "data"),
    [(3, {"id": 1, "x": 2, "y": 3}), (5, {"id": 1, "text": "a"}), (8, {"anything": 1}), (16, {}), (7, {"type": 1})],
)
def test_what_changes_the_page(source: int, data: dict[str, Any]) -> None:
    assert list(admit(incremental(source, **data))) == [Admitted(AT, Kind.PAGE, 0, 0, 0, kept(source, **data), None, snapshot=False)]


@pytest.mark.parametrize(
    ("source", "data", "missing"),
    [(2, {"id": 1}, "id"), (3, {"id": 1, "x": 2, "y": 3}, "y"), (3, {"id": 1, "x": 2, "y": 3}, "id"), (5, {"id": 1}, "id")],
)
def test_what_lacks_its_numbers(source: int, data: dict[str, Any], missing: str) -> None:
    for wrong in (None, "1", True, float("inf")):
        with pytest.raises(Refused, match=r"^an event without its numbers$"):
            list(admit(incremental(source, **(data | {missing: wrong}))))


def test_a_resize_is_a_page_of_another_size() -> None:
    assert list(admit(incremental(4, width=300.2, height=200))) == [
        Admitted(AT, Kind.PAGE, 0, 0, 0, kept(4, width=300.2, height=200), Page(AT, "", 301, 200), snapshot=False)
    ]


@pytest.mark.parametrize(
    ("number", "kind"),
    [(2, Kind.CLICK), (4, Kind.CLICK), (7, Kind.TOUCH), (9, Kind.LIFT), (10, Kind.LIFT)],
)
def test_an_interaction_with_a_place(number: int, kind: Kind) -> None:
    data = {"type": number, "id": 7, "x": 1.5, "y": 2.5}

    assert list(admit(incremental(2, **data))) == [Admitted(AT, kind, 1.5, 2.5, 7, kept(2, **data), None, snapshot=False)]


@pytest.mark.parametrize(
    "data",
    [{"type": 5, "x": 1, "y": 2}, {"type": 2, "x": 1}, {"type": 2, "y": 1}, {"type": "2", "x": 1, "y": 2}, {"x": 1, "y": 2}],
)
def test_an_interaction_without_a_place(data: dict[str, Any]) -> None:
    assert list(admit(incremental(2, id=7, **data))) == [Admitted(AT, Kind.PAGE, 0, 0, 0, kept(2, id=7, **data), None, snapshot=False)]


@pytest.mark.parametrize(("source", "kind"), [(1, Kind.MOVE), (6, Kind.SWIPE), (12, Kind.MOVE)])
def test_each_place_of_a_move_at_its_own_time(source: int, kind: Kind) -> None:
    positions = [{"x": 1, "y": 2, "id": 3.0, "timeOffset": -50}, {"x": 4, "y": 5}]

    assert list(admit(incremental(source, positions=positions))) == [
        Admitted(
            AT + offset,
            kind,
            x,
            y,
            node,
            {
                "type": 3,
                "timestamp": AT + offset,
                "data": {"source": source, "positions": [{"x": x, "y": y, "id": node, "timeOffset": 0}]},
            },
            None,
            snapshot=False,
        )
        for offset, x, y, node in ((-50, 1, 2, 3), (0, 4, 5, 0))
    ]
    assert list(admit(incremental(source))) == []


@pytest.mark.parametrize("missing", ["x", "y", "id", "timeOffset"])
def test_a_move_to_nowhere(missing: str) -> None:
    place = {"x": 1, "y": 2, "id": 3, "timeOffset": 0, missing: "none"}

    for positions in ([place], [5]):
        with pytest.raises(Refused, match=r"^a move without positions$"):
            list(admit(incremental(1, positions=positions)))
    with pytest.raises(Refused, match=r"^positions that are no list$"):
        list(admit(incremental(1, positions={})))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (event(3, {"source": True}), "unknown source"),
        (event(3, {"source": 17}), "unknown source"),
        (event(3, {"source": -1}), "unknown source"),
        (event(3, {}), "unknown source"),
        (event(3, [1]), "no data"),
        (event(True, {}), "no type"),
        (event("3", {}), "no type"),
        (event(7, {}), "unknown type"),
        (event(-1, {}), "unknown type"),
        (event(0, {}, at=0), "no timestamp"),
        (event(0, {}, at=2**53 + 2), "no timestamp"),
        (event(0, {}, at=float("nan")), "no timestamp"),
        (event(2, {"node": {"childNodes": {}}}), "a full snapshot without nodes"),
        (event(2, {"node": [1]}), "a full snapshot without nodes"),
    ],
)
def test_what_is_refused(wrong: Any, reason: str) -> None:
    with pytest.raises(Refused, match=rf"^{reason}$"):
        list(admit(wrong))


def test_the_largest_number_that_a_browser_tells_apart_is_one() -> None:
    (found,) = admit(event(0, at=2**53))

    assert found.at_ms == 2**53
