"""What is believed of the tracker's report, and what is refused, by name."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from econsent_jobs.certificate_processing.model import Category, ConsentType, Source
from econsent_jobs.certificate_processing.rules.capture import Node, read_capture, read_colour
from econsent_jobs.core.errors import BadItem, ErrorClass

GOOD: dict[str, Any] = {
    "consents": [{"id": "c1", "type": "AUTODIALER", "category": "main-explicit", "value": "I agree", "checked": True, "visible": True}],
    "disclosure": {
        "text": "By clicking you agree.",
        "selector": "#disclosure",
        "rect": {"top": 100.5, "left": 10, "width": 300, "height": 40},
        "style": {
            "display": "block",
            "visibility": "visible",
            "opacity": "1",
            "color": "rgb(51, 51, 51)",
            "backgroundColor": "rgba(255, 255, 255, 0.5)",
            "fontSizePx": 16,
            "fontWeight": "700",
        },
    },
    "viewport": {"width": 1280, "height": 720, "scrollY": 0},
    "form": {"phone": "(202) 555-0123", "email": "ann@example.com", "name": " ", "zip": 12345},
    "partners": ["Example Partner One"],
    "htmlLang": "en-US",
    "submittedAt": "2026-03-01T12:00:00.123Z",
}


def changed(change: Callable[[dict[str, Any]], Any]) -> str:
    report = deepcopy(GOOD)
    change(report)
    return json.dumps(report)


def put(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(report: Any) -> None:
        for step in path[:-1]:
            report = report[step]
        report[path[-1]] = value

    return change


def test_a_good_report_is_read_whole() -> None:
    capture = read_capture(json.dumps(GOOD), source=Source.SESSION)

    assert capture.consents[0].type is ConsentType.AUTODIALER
    assert capture.consents[0].category is Category.MAIN_EXPLICIT
    assert capture.page is not None
    assert capture.page.style.background == (255, 255, 255, 0.5)
    assert (capture.page.style.font_weight, capture.page.style.opacity) == (700, 1.0)
    assert capture.form == {"phone": "(202) 555-0123", "email": "ann@example.com"}, "empty is absent, other fields are not ours"
    assert capture.submitted_at is not None
    assert capture.submitted_at.microsecond == 123_000


def test_sources_without_a_page_need_none() -> None:
    capture = read_capture(json.dumps({"consents": GOOD["consents"], "disclosure": {"text": "x"}}), source=Source.META)
    assert (capture.page, capture.partners, capture.html_lang, capture.form, capture.submitted_at) == (None, [], None, {}, None)


STYLE = ("disclosure", "style")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (put("consents", 0, "type", value="FAX"), "capture.consents[0].type is 'FAX', one of text, email, call"),
        (put("consents", 0, "category", value="tertiary"), "one of main-implied, main-explicit"),
        (put("consents", 0, "id", value=7), "capture.consents[0].id is 7, text is needed"),
        (put("consents", 0, "visible", value="yes"), "capture.consents[0].visible is 'yes', true or false is needed"),
        (put("consents", 0, "checked", value=1), "capture.consents[0].checked is 1, true or false"),
        (put("consents", value="all"), "capture.consents is 'all', a list is needed"),
        (put("consents", value=[None]), "capture.consents[0] is None, an object is needed"),
        (put("consents", value=[GOOD["consents"][0]] * 201), "capture.consents has 201 entries, at most 200"),
        (put("disclosure", value=[]), "capture.disclosure is a list, an object is needed"),
        (put("disclosure", "text", value=None), "capture.disclosure.text is None, text is needed"),
        (put("disclosure", "rect", "width", value="abc"), "capture.disclosure.rect.width is 'abc', a number is needed"),
        (put("disclosure", "rect", "width", value=-1), "a number from 0"),
        (put("disclosure", "rect", "top", value=1e300), "a number from -1e+07 to 1e+07"),
        (put("disclosure", "rect", "top", value=10**400), "capture.disclosure.rect.top is a number of more than 18 digits"),
        (put("disclosure", "rect", "top", value=10**18), "capture.disclosure.rect.top is 1000000000000000000, a number from"),
        (put("disclosure", "rect", "top", value=10**18 + 1), "capture.disclosure.rect.top is a number of more than 18 digits"),
        (put("disclosure", "rect", "top", value=float("nan")), "capture.disclosure.rect.top is nan"),
        (put("disclosure", "rect", "top", value=True), "capture.disclosure.rect.top is True, a number"),
        (put(*STYLE, "opacity", value="half"), "capture.disclosure.style.opacity is 'half', a number"),
        (put(*STYLE, "opacity", value="1.5"), "a number from 0 to 1"),
        (put(*STYLE, "opacity", value=-0.5), "capture.disclosure.style.opacity is -0.5, a number from 0 to 1"),
        (put(*STYLE, "fontWeight", value="heavy"), "capture.disclosure.style.fontWeight is 'heavy'"),
        (put(*STYLE, "fontSizePx", value=10_000), "a number from 0 to 9999"),
        (put(*STYLE, "color", value="rgb(300, 0, 0)"), "capture.disclosure.style.color is 'rgb(300, 0, 0)', a colour such as"),
        (put("form", value="x"), "capture.form is a str, an object is needed"),
        (put("form", "phone", value=2025550123), "capture.form.phone is a int, text is needed"),
        (put("form", "email", value={}), "capture.form.email is a dict, text is needed"),
        (put("partners", value=["x", 7]), "capture.partners[1] is 7, text is needed"),
        (put("htmlLang", value=7), "capture.htmlLang is 7, text is needed"),
        (put("submittedAt", value="yesterday"), "capture.submittedAt is 'yesterday', an ISO 8601 time is needed"),
        (put("submittedAt", value="2026-03-01T12:00:00"), "an ISO 8601 time with its zone"),
        (put("disclosure", "text", value="a\0b"), "capture.disclosure.text holds a NUL"),
        (put("disclosure", "text", value="a\ud800b"), "capture.disclosure.text holds a NUL or half a character"),
        (put("disclosure", "text", value="x" * 1_000_001), "has 1000001 characters, at most 1000000"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(change: Callable[[dict[str, Any]], None], sentence: str) -> None:
    with pytest.raises(BadItem) as refusal:
        read_capture(changed(change), source=Source.SESSION)
    assert sentence in refusal.value.reason
    assert refusal.value.error_class is ErrorClass.DATA


@pytest.mark.parametrize(
    "report",
    [
        pytest.param("[]", id="a list"),
        pytest.param("null", id="nothing"),
        pytest.param('{"a": ' + "9" * 5_000 + "}", id="more digits than Python reads"),
        pytest.param("[" * 200_000 + "]" * 200_000, id="deeper than Python goes"),
    ],
)
def test_what_is_no_report_at_all(report: str) -> None:
    with pytest.raises(BadItem, match=r"^data: |the capture"):
        read_capture(report, source=Source.SESSION)


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("rgb(1, 2, 3)", (1, 2, 3, 1.0)),
        ("RGBA(1,2,3,.25)", (1, 2, 3, 0.25)),
        ("rgb(1 2 3 / 50%)", (1, 2, 3, 0.5)),
        ("#fff", (255, 255, 255, 1.0)),
        ("#33333380", (51, 51, 51, 128 / 255)),
        ("transparent", (0, 0, 0, 0.0)),
    ],
)
def test_colours(text: str, colour: tuple[int, int, int, float]) -> None:
    assert read_colour(Node(text, "colour")) == colour


@pytest.mark.parametrize(
    "text", ["", "red-ish", "rgb(1,2)", "rgb(-1,2,3)", "rgb(1,2,256)", "rgba(1,2,3,1.1)", "#12345", "#ggg", "rgb(1,2,3"]
)
def test_impossible_colours(text: str) -> None:
    with pytest.raises(BadItem, match="a colour such as"):
        read_colour(Node(text, "colour"))


def test_what_python_cannot_read_says_why() -> None:
    with pytest.raises(BadItem) as refusal:
        read_capture("{", source=Source.SESSION)

    assert refusal.value.reason == "the capture cannot be read: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"


@pytest.mark.parametrize(("written", "weight"), [("normal", 400), ("bold", 700), ("650", 650), (350, 350)])
def test_font_weights(written: object, weight: int) -> None:
    page = read_capture(changed(put(*STYLE, "fontWeight", value=written)), source=Source.SESSION).page

    assert page is not None
    assert page.style.font_weight == weight
