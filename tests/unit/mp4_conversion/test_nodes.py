"""What of a page's nodes is counted, asks for consent, or cannot be shown as it was."""

from typing import Any
from urllib.parse import unquote

import pytest

from econsent_jobs.mp4_conversion.rules.nodes import DEEPEST, TooDeep, body_nodes, box, prepare


def node(identifier: int, tag: str, *children: Any, **attributes: Any) -> dict[str, Any]:
    return {"type": 2, "id": identifier, "tagName": tag, "attributes": attributes, "childNodes": list(children)}


def nested(levels: int) -> dict[str, Any]:
    found = node(0, "p")
    for _ in range(levels):
        found = node(0, "p", found)
    return found


def test_nodes_below_the_body_are_counted() -> None:
    page = {
        "type": 0,
        "id": 1,
        "childNodes": [node(2, "html", node(3, "head", node(9, "style")), node(4, "body", node(5, "p", node(6, "b"))))],
    }

    assert body_nodes(page) == 2
    assert body_nodes(node(1, "html", node(2, "head"))) == 0
    assert body_nodes(node(1, "body")) == 0


def test_as_many_levels_as_a_page_may_have() -> None:
    assert prepare(nested(DEEPEST)) == frozenset()
    with pytest.raises(TooDeep):
        prepare(nested(DEEPEST + 1))


def test_what_asks_for_consent_is_known_with_all_that_is_in_it() -> None:
    asks = {"data-consent-type": "main"}
    page = node(1, "form", node(2, "label", node(3, "b"), "text", None, **asks), node(4, "p"), {**node(5, "i", **asks), "id": "x"})

    assert prepare(page) == {2, 3}
    assert prepare({"id": 7, "attributes": "none", "childNodes": {}}) == frozenset()


@pytest.mark.parametrize(
    ("tag", "attributes", "source"),
    [
        pytest.param("canvas", {"rr_dataURL": "data:image/png;base64,AA"}, "data:image/png;base64,AA", id="a canvas as it was"),
        pytest.param("canvas", {"rr_dataURL": 5}, box("canvas"), id="a canvas without its state"),
        pytest.param("canvas", {}, box("canvas"), id="a canvas that nobody painted"),
        pytest.param("video", {"poster": "data:image/png;base64,BB"}, "data:image/png;base64,BB", id="a video's poster"),
        pytest.param("video", {"poster": "https://a/b.png"}, box("video"), id="a poster that would be fetched"),
        pytest.param("video", {"poster": True}, box("video"), id="a poster that is none"),
    ],
)
def test_what_scripts_would_paint_becomes_a_picture(tag: str, attributes: dict[str, Any], source: str) -> None:
    kept = {"class": "c", "id": "i", "style": "s", "width": 1, "height": 2, "rr_width": "3px", "rr_height": "4px"}
    found = node(1, tag, node(2, "source"), **kept, **attributes, onclick="x", autoplay="")

    prepare(found)

    assert found == {"type": 2, "id": 1, "tagName": "img", "attributes": kept | {"src": source}, "childNodes": []}


def test_other_nodes_stay_as_they_are() -> None:
    found = node(1, "img", src="data:x", poster="data:y", rr_dataURL="data:z")

    prepare(found)

    assert found == node(1, "img", src="data:x", poster="data:y", rr_dataURL="data:z")


def test_the_box_says_what_it_stands_for() -> None:
    kind, _, picture = box("canvas").partition(",")

    assert kind == "data:image/svg+xml"
    assert " " not in picture
    assert unquote(picture) == (
        "<svg xmlns='http://www.w3.org/2000/svg' width='320' height='180'><rect width='320' height='180' fill='#333'/>"
        "<text x='160' y='96' fill='#fff' font-family='sans-serif' font-size='20' text-anchor='middle'>canvas</text></svg>"
    )
