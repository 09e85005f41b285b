"""The nodes of a snapshot or a mutation: how many a page has, which of them ask for consent, and what cannot be shown as it was.

A canvas is not painted in a page without scripts, and a video has no pictures: the one becomes the image of its last state, the other
its poster, or a box that says what it is.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import quote

Node = Mapping[str, Any]

DEEPEST: Final = 400  # levels; a browser's own parser stops at 512
ENOUGH_BODY_NODES: Final = 10  # documented: docs/certificates/session-replay
CONSENT_ATTRIBUTE: Final = "data-consent-type"  # documented: docs/consent-tracking/installation
CANVAS, VIDEO = "canvas", "video"
KEPT: Final = frozenset({"class", "id", "style", "width", "height", "rr_width", "rr_height"})
BOX: Final = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='320' height='180'><rect width='320' height='180' fill='#333'/>"
    "<text x='160' y='96' fill='#fff' font-family='sans-serif' font-size='20' text-anchor='middle'>{label}</text></svg>"
)


class TooDeep(Exception):
    """The nodes are nested deeper than any page's."""


def walk(node: Node) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield a node and all below it, in no promised order, each with whether an element around it asks for consent. Raises TooDeep."""
    waiting: list[tuple[Any, int, bool]] = [(node, 0, False)]
    while waiting:
        found, depth, asks = waiting.pop()
        if not isinstance(found, dict):
            continue
        if depth > DEEPEST:
            raise TooDeep
        known = cast("dict[str, Any]", found)
        asks = asks or CONSENT_ATTRIBUTE in attributes_of(known)
        yield known, asks
        children = known.get("childNodes")
        if isinstance(children, list):
            waiting += [(child, depth + 1, asks) for child in cast("list[Any]", children)]


def prepare(node: Node) -> frozenset[int]:
    """Make what cannot be replayed into pictures, in place; return the ids of the nodes that ask for consent. Raises TooDeep."""
    asking: set[int] = set()
    for found, asks in walk(node):
        replace_media(found)
        identifier = found.get("id")
        if asks and isinstance(identifier, int):
            asking.add(identifier)
    return frozenset(asking)


def body_nodes(node: Node) -> int:
    """Count the nodes below the body of a full snapshot. Raises TooDeep."""
    for found, _ in walk(node):
        if found.get("tagName") == "body":
            return sum(1 for _ in walk(found)) - 1
    return 0


def replace_media(node: dict[str, Any]) -> None:
    tag, attributes = node.get("tagName"), attributes_of(node)
    if tag == CANVAS and isinstance(attributes.get("rr_dataURL"), str):
        as_image(node, attributes, source=attributes["rr_dataURL"])
    elif tag == CANVAS:
        as_image(node, attributes, source=box("canvas"))
    elif tag == VIDEO:
        poster = attributes.get("poster")
        shown = poster if isinstance(poster, str) and poster.startswith("data:") else box("video")
        as_image(node, attributes, source=shown)


def as_image(node: dict[str, Any], attributes: Node, *, source: str) -> None:
    node["tagName"] = "img"
    node["attributes"] = {name: value for name, value in attributes.items() if name in KEPT} | {"src": source}
    node["childNodes"] = []


def box(label: str) -> str:
    return "data:image/svg+xml," + quote(BOX.format(label=label))


def attributes_of(node: Node) -> Mapping[str, Any]:
    attributes = node.get("attributes")
    return cast("Mapping[str, Any]", attributes) if isinstance(attributes, dict) else {}
