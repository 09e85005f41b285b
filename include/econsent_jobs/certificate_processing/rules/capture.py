"""Reading the tracker's report. It comes from a browser, so nothing in it is believed before it is checked."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar, cast

from econsent_jobs.certificate_processing.model import Capture, Category, ConsentElement, ConsentType, Page, Rect, Source, Style
from econsent_jobs.core.errors import BadItem, ErrorClass

MOST_CONSENTS: Final = 200
MOST_PARTNERS: Final = 5_000
LONGEST_TEXT: Final = 1_000_000  # characters; a page's whole text fits
NUMBER: Final = r"([+-]?(?:\d+\.?\d*|\.\d+))"
RGB: Final = re.compile(rf"rgba?\(\s*{NUMBER}\s*[,\s]\s*{NUMBER}\s*[,\s]\s*{NUMBER}\s*(?:[,/]\s*{NUMBER}(%?)\s*)?\)")
HEX: Final = re.compile(r"#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
UNKEEPABLE: Final = re.compile("[\0\ud800-\udfff]")
WEIGHTS: Final[Mapping[str, int]] = {"normal": 400, "bold": 700}

Member = TypeVar("Member", ConsentType, Category)
Rgba = tuple[int, int, int, float]


class Node:
    """A place in the report, which knows its own name, so that an error says where. Every reader raises BadItem (data).

    What stands at a ``personal`` place is never shown: errors go into logs.
    """

    def __init__(self, value: Any, path: str, *, personal: bool = False) -> None:
        self.value = value
        self.path = path
        self.personal = personal

    def refuse(self, needed: str) -> BadItem:
        return BadItem(ErrorClass.DATA, f"{self.path} is {shown(self.value, personal=self.personal)}, {needed} is needed")

    def child(self, name: str) -> "Node":
        fields = self.value
        if not isinstance(fields, dict):
            raise self.refuse("an object")
        return Node(cast("dict[str, Any]", fields).get(name), f"{self.path}.{name}", personal=self.personal)

    def items(self, *, most: int) -> Sequence["Node"]:
        entries: object = [] if self.value is None else self.value
        if not isinstance(entries, list):
            raise self.refuse("a list")
        values = cast("list[Any]", entries)
        if len(values) > most:
            raise BadItem(ErrorClass.DATA, f"{self.path} has {len(values)} entries, at most {most} are allowed")
        return [Node(value, f"{self.path}[{number}]") for number, value in enumerate(values)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.refuse("text")
        if len(self.value) > LONGEST_TEXT:
            raise BadItem(ErrorClass.DATA, f"{self.path} has {len(self.value)} characters, at most {LONGEST_TEXT} are allowed")
        if UNKEEPABLE.search(self.value):
            raise BadItem(ErrorClass.DATA, f"{self.path} holds a NUL or half a character, which no document can keep")
        return self.value

    def optional_text(self) -> str | None:
        return None if self.value is None else self.text()

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.refuse("true or false")
        return self.value

    def optional_flag(self) -> bool | None:
        return None if self.value is None else self.flag()

    def number(self, *, least: float = -1e7, most: float = 1e7) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.refuse("a number")
        if not least <= self.value <= most:  # NaN lies nowhere
            raise self.refuse(f"a number from {least:g} to {most:g}")
        return float(self.value)

    def member(self, kind: type[Member]) -> Member:
        try:
            return kind(self.text().strip().lower())
        except ValueError as error:
            raise self.refuse(f"one of {', '.join(kind)}") from error

    def time(self) -> datetime | None:
        if self.value is None:
            return None
        try:
            at = datetime.fromisoformat(self.text())
        except ValueError as error:
            raise self.refuse("an ISO 8601 time") from error
        if at.tzinfo is None:
            raise self.refuse("an ISO 8601 time with its zone")
        return at


def shown(value: Any, *, personal: bool) -> str:
    """Show what stands in the report, as far as a sentence can hold it, and of personal data only what kind it is."""
    if personal:
        return f"a {type(value).__name__}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**18:
        return "a number of more than 18 digits"  # Python refuses to print thousands of them
    return repr(value)[:60] if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"


def read_json(text: str, *, what: str) -> Any:
    """Parse JSON that PostgreSQL accepted. Raises BadItem (data) for what only Python refuses: thousands of digits or of levels."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadItem(ErrorClass.DATA, f"{what} cannot be read: {str(error)[:120]}") from error


def read_capture(report: str, *, source: Source) -> Capture:
    """Parse and check the report. Raises BadItem (data) with the place, what stands there, and what is needed."""
    root = Node(read_json(report, what="the capture"), "capture")
    disclosure = root.child("disclosure")
    return Capture(
        consents=[read_consent(node) for node in root.child("consents").items(most=MOST_CONSENTS)],
        disclosure=disclosure.child("text").text(),
        page=read_page(disclosure, root.child("viewport")) if source is Source.SESSION else None,
        form=read_form(Node(root.child("form").value, "capture.form", personal=True)),
        partners=[node.text() for node in root.child("partners").items(most=MOST_PARTNERS)],
        html_lang=root.child("htmlLang").optional_text(),
        submitted_at=root.child("submittedAt").time(),
    )


def read_consent(node: Node) -> ConsentElement:
    return ConsentElement(
        id=node.child("id").text(),
        type=node.child("type").member(ConsentType),
        category=node.child("category").member(Category),
        value=node.child("value").text(),
        checked=node.child("checked").optional_flag(),
        visible=node.child("visible").flag(),
    )


def read_page(disclosure: Node, viewport: Node) -> Page:
    rect, style = disclosure.child("rect"), disclosure.child("style")
    return Page(
        rect=Rect(
            top=rect.child("top").number(),
            left=rect.child("left").number(),
            width=rect.child("width").number(least=0),
            height=rect.child("height").number(least=0),
        ),
        style=Style(
            display=style.child("display").text(),
            visibility=style.child("visibility").text(),
            opacity=read_css_number(style.child("opacity"), most=1),
            colour=read_colour(style.child("color")),
            background=read_colour(style.child("backgroundColor")),
            colour_text=style.child("color").text(),
            background_text=style.child("backgroundColor").text(),
            font_size_px=style.child("fontSizePx").number(least=0, most=9_999),
            font_weight=read_weight(style.child("fontWeight")),
        ),
        viewport_width=viewport.child("width").number(least=0),
        viewport_height=viewport.child("height").number(least=0),
    )


def read_form(node: Node) -> Mapping[str, str]:
    """Read the three fields that are hashed; other fields are the form's own business. An empty field is an absent one."""
    if node.value is None:
        return {}
    fields = {name: node.child(name).optional_text() for name in ("email", "name", "phone")}
    return {name: text for name, text in fields.items() if text and text.strip()}


def read_css_number(node: Node, *, most: float) -> float:
    """Read a number that getComputedStyle gives as text, such as ``"0.5"``."""
    if isinstance(node.value, str):
        try:
            return Node(float(node.value), node.path).number(least=0, most=most)
        except ValueError as error:
            raise node.refuse("a number") from error
    return node.number(least=0, most=most)


def read_weight(node: Node) -> int:
    if isinstance(node.value, str) and node.value in WEIGHTS:
        return WEIGHTS[node.value]
    return int(read_css_number(node, most=1_000))


def read_colour(node: Node) -> Rgba:
    """Read a computed colour: ``rgb()``, ``rgba()``, ``#rgb``, ``#rgba``, ``#rrggbb`` or ``#rrggbbaa``.

    A channel that no screen can show is refused rather than clamped: it means that the report is not what a browser computed.
    """
    text = node.text().strip().lower()
    if text == "transparent":
        return 0, 0, 0, 0.0
    if found := HEX.fullmatch(text):
        digits = found[1] if len(found[1]) > 4 else "".join(digit * 2 for digit in found[1])
        red, green, blue = (int(digits[start : start + 2], 16) for start in (0, 2, 4))
        return red, green, blue, int(digits[6:8] or "ff", 16) / 255
    if found := RGB.fullmatch(text):
        red, green, blue = (float(channel) for channel in found.groups()[:3])
        alpha = 1.0 if found[4] is None else float(found[4]) / (100 if found[5] else 1)
        if all(0 <= channel <= 255 for channel in (red, green, blue)) and 0 <= alpha <= 1:
            return round(red), round(green), round(blue), alpha
    raise node.refuse("a colour such as rgb(51, 51, 51) or #333333")
