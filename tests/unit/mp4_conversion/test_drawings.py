"""Only calls that draw, with plain values, come through: a recording names what is called in the page that makes the video."""

from typing import Any

import pytest

from econsent_jobs.mp4_conversion.rules.drawings import commands_of
from econsent_jobs.mp4_conversion.rules.events import Refused, admit

BLOB = {"rr_type": "Blob", "data": [{"rr_type": "ArrayBuffer", "base64": "AAAA"}], "type": "image/webp"}
BITMAP = {"rr_type": "ImageBitmap", "args": [BLOB]}


def call(name: Any, *values: Any, **more: Any) -> dict[str, Any]:
    return {"property": name, "args": list(values), **more}


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        pytest.param(call("moveTo", 1, 2.5), {"call": "moveTo", "with": [1, 2.5]}, id="a call"),
        pytest.param(call("stroke"), {"call": "stroke", "with": []}, id="a call without values"),
        pytest.param(call("fillText", "words", 3, 4), {"call": "fillText", "with": ["words", 3, 4]}, id="words"),
        pytest.param(call("arc", 1, 1, 5, 0, 6, True), {"call": "arc", "with": [1, 1, 5, 0, 6, True]}, id="a truth value"),
        pytest.param(call("setLineDash", [4, 2]), {"call": "setLineDash", "with": [[4, 2]]}, id="a list of numbers"),
        pytest.param(call("lineWidth", 4, setter=True), {"set": "lineWidth", "to": 4}, id="a setting"),
        pytest.param(call("strokeStyle", "#124", setter=True), {"set": "strokeStyle", "to": "#124"}, id="a colour"),
        pytest.param(call("drawImage", BITMAP, 0, 0), {"call": "drawImage", "with": [{"base64": "AAAA"}, 0, 0]}, id="a bitmap"),
    ],
)
def test_what_draws_is_repeated(command: dict[str, Any], kept: dict[str, Any]) -> None:
    assert commands_of({"type": 0, **command}) == [kept]
    assert commands_of({"type": 0, "commands": [command, command]}) == [kept, kept]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(call("constructor", "x"), id="the constructor"),
        pytest.param(call("__proto__", 1, setter=True), id="the prototype"),
        pytest.param(call("getImageData", 0, 0, 1, 1), id="a call that reads"),
        pytest.param(call("canvas", 1, setter=True), id="another property"),
        pytest.param(call("stroke", 1, setter=True), id="a call that is set"),
        pytest.param(call("lineWidth", 4), id="a setting that is called"),
        pytest.param(call("lineWidth", 4, 5, setter=True), id="a setting with two values"),
        pytest.param(call("lineWidth", [4], setter=True), id="a setting with a list"),
        pytest.param(call("fillStyle", BITMAP, setter=True), id="a setting with a bitmap"),
        pytest.param(call("moveTo", {"rr_type": "HTMLImageElement", "src": "https://example.com/"}, 1), id="an object"),
        pytest.param(call("moveTo", None, 1), id="nothing for a number"),
        pytest.param(call("setLineDash", ["x"]), id="a list of words"),
        pytest.param(call("drawImage", {"rr_type": "HTMLImageElement", "src": "https://example.com/a.png"}, 0, 0), id="an address"),
        pytest.param(call("drawImage", 1, 0, 0), id="a number for a bitmap"),
        pytest.param(call("drawImage", BITMAP, "0", 0), id="a word for a place"),
        pytest.param(call("drawImage"), id="no bitmap"),
        pytest.param(call("drawImage", {**BITMAP, "args": [BLOB, BLOB]}, 0, 0), id="two blobs"),
        pytest.param(call("drawImage", {**BITMAP, "args": [{**BLOB, "rr_type": "File"}]}, 0, 0), id="another kind of blob"),
        pytest.param(call("drawImage", {**BITMAP, "args": [{**BLOB, "data": [{"base64": 7}]}]}, 0, 0), id="bytes that are a number"),
        pytest.param(call(7), id="a number for a name"),
        pytest.param({"property": "stroke"}, id="no list of values"),
        pytest.param({"property": "stroke", "args": "x"}, id="values that are no list"),
        pytest.param("stroke", id="no object"),
    ],
)
def test_anything_else_is_left_out(command: Any) -> None:
    assert commands_of({"type": 0, "commands": [command]}) == []


@pytest.mark.parametrize("data", [{"type": 1, **call("stroke")}, {"type": 0, "commands": "x"}, {**call("stroke")}, {"type": None}])
def test_webgl_and_what_is_no_list_are_not_repeated(data: dict[str, Any]) -> None:
    assert commands_of(data) == []


def test_an_event_keeps_its_drawing_and_nothing_else() -> None:
    drawn = {"source": 9, "id": 7, "type": 0, "commands": [call("stroke"), call("eval", "x")], "more": "words"}

    (admitted,) = admit({"type": 3, "timestamp": 5, "data": drawn})

    assert admitted.event["data"] == {"source": 9, "id": 7, "commands": [{"call": "stroke", "with": []}]}


def test_an_event_of_which_nothing_can_be_drawn_is_counted_as_left_out() -> None:
    with pytest.raises(Refused, match="a drawing that cannot be repeated"):
        list(admit({"type": 3, "timestamp": 5, "data": {"source": 9, "id": 7, "type": 1, "commands": [call("stroke")]}}))
    with pytest.raises(Refused, match="without its numbers"):
        list(admit({"type": 3, "timestamp": 5, "data": {"source": 9, "type": 0, **call("stroke")}}))
