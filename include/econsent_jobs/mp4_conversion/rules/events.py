"""One rrweb event at a time: what may be replayed, as what, and what cannot.

The replayer stops without a word at an event that it does not understand, so nothing reaches it that was not looked at here.
rrweb's numbers: type 2 full snapshot, 3 incremental, 4 meta; sources of 3: 0 mutation, 1 mouse move, 2 mouse interaction, 3 scroll,
4 viewport resize, 5 input, 6 touch move, 9 canvas, 12 drag.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeGuard, cast

from econsent_jobs.mp4_conversion.model import Kind, Page
from econsent_jobs.mp4_conversion.rules.drawings import commands_of

Json = Mapping[str, Any]

FULL_SNAPSHOT, INCREMENTAL, META = 2, 3, 4
MUTATION, MOUSE_MOVE, INTERACTION, SCROLL, RESIZE, INPUT, TOUCH_MOVE, CANVAS, DRAG = 0, 1, 2, 3, 4, 5, 6, 9, 12
MOVES: Final = frozenset({MOUSE_MOVE, TOUCH_MOVE, DRAG})
SOURCES: Final = frozenset(range(17))
IGNORED_TYPES: Final = frozenset({0, 1, 5, 6})  # page loaded, custom, plugin: nothing of them is seen
INTERACTIONS: Final[Mapping[int, Kind]] = {2: Kind.CLICK, 4: Kind.CLICK, 7: Kind.TOUCH, 9: Kind.LIFT, 10: Kind.LIFT}
LONGEST_SIDE: Final = 16_384
LARGEST_NUMBER: Final = 2**53  # what a browser's numbers still tell apart
NEEDS: Final[Mapping[int, tuple[str, ...]]] = {
    MUTATION: ("adds", "removes", "texts", "attributes"),
    INTERACTION: ("id",),
    SCROLL: ("id", "x", "y"),
    RESIZE: ("width", "height"),
    INPUT: ("id",),
    CANVAS: ("id",),
}


class Refused(Exception):
    """The event cannot be replayed. The message is a short reason, the same for all events of its kind."""


class Admitted(NamedTuple):
    """What is replayed of one event: a batch of moves becomes one for each of its positions."""

    at_ms: float
    kind: Kind
    x: float
    y: float
    node: int
    event: Json
    page: Page | None
    snapshot: bool


def admit(event: Any) -> Iterator[Admitted]:
    """Yield what is to be replayed of one event of a recording. Raises Refused."""
    if not isinstance(event, dict):
        raise Refused("no object")
    known = cast("dict[str, Any]", event)
    at_ms, kind, data = known.get("timestamp"), known.get("type"), known.get("data")
    if not is_number(at_ms) or at_ms <= 0:
        raise Refused("no timestamp")
    if not isinstance(kind, int) or isinstance(kind, bool):
        raise Refused("no type")
    if kind in IGNORED_TYPES:
        yield nothing(at_ms, kind)
    elif kind not in {FULL_SNAPSHOT, INCREMENTAL, META}:
        raise Refused("unknown type")
    elif not isinstance(data, dict):
        raise Refused("no data")
    elif kind == META:
        yield meta(at_ms, cast("dict[str, Any]", data))
    elif kind == FULL_SNAPSHOT:
        yield snapshot(at_ms, cast("dict[str, Any]", data))
    else:
        yield from incremental(at_ms, cast("dict[str, Any]", data))


def nothing(at_ms: float, kind: int) -> Admitted:
    """It only tells how long the recording is."""
    return Admitted(at_ms, Kind.NOTHING, 0, 0, 0, {"type": kind, "timestamp": at_ms, "data": {}}, None, snapshot=False)


def meta(at_ms: float, data: Json) -> Admitted:
    width, height = side(data.get("width")), side(data.get("height"))
    href = data.get("href")
    page = Page(at_ms, href if isinstance(href, str) else "", width, height)
    kept = {"type": META, "timestamp": at_ms, "data": {"href": page.href, "width": width, "height": height}}
    return Admitted(at_ms, Kind.PAGE, 0, 0, 0, kept, page, snapshot=False)


def snapshot(at_ms: float, data: Json) -> Admitted:
    node, offset = mapping(data.get("node")), mapping(data.get("initialOffset"))
    if not isinstance(node.get("childNodes"), list):
        raise Refused("a full snapshot without nodes")
    top, left = (value if is_number(value) else 0 for value in (offset.get("top"), offset.get("left")))
    kept = {"type": FULL_SNAPSHOT, "timestamp": at_ms, "data": {"node": node, "initialOffset": {"top": top, "left": left}}}
    return Admitted(at_ms, Kind.PAGE, 0, 0, 0, kept, None, snapshot=True)


def incremental(at_ms: float, data: Json) -> Iterator[Admitted]:
    source = data.get("source")
    if not isinstance(source, int) or isinstance(source, bool) or source not in SOURCES:
        raise Refused("unknown source")
    if source in MOVES:
        yield from moves(at_ms, source, data)
        return
    if source == MUTATION:
        data = {**data, **{part: [each for each in array(data, part) if isinstance(each, dict)] for part in NEEDS[MUTATION]}}
    elif any(not is_number(data.get(name)) for name in NEEDS.get(source, ())):
        raise Refused("an event without its numbers")
    elif source == CANVAS:
        data = drawing(data)
    kept = {"type": INCREMENTAL, "timestamp": at_ms, "data": data}
    if source == RESIZE:
        width, height = side(data["width"]), side(data["height"])
        yield Admitted(at_ms, Kind.PAGE, 0, 0, 0, kept, Page(at_ms, "", width, height), snapshot=False)
    elif source == INTERACTION:
        yield interaction(at_ms, kept, data)
    else:
        yield Admitted(at_ms, Kind.PAGE, 0, 0, 0, kept, None, snapshot=False)


def drawing(data: Json) -> Json:
    commands = commands_of(data)
    if not commands:
        raise Refused("a drawing that cannot be repeated")
    return {"source": CANVAS, "id": data["id"], "commands": commands}


def interaction(at_ms: float, event: Json, data: Json) -> Admitted:
    kind, x, y = INTERACTIONS.get(number(data.get("type"))), data.get("x"), data.get("y")
    if kind is not None and is_number(x) and is_number(y):
        return Admitted(at_ms, kind, x, y, int(data["id"]), event, None, snapshot=False)
    return Admitted(at_ms, Kind.PAGE, 0, 0, 0, event, None, snapshot=False)


def moves(at_ms: float, source: int, data: Json) -> Iterator[Admitted]:
    """The replayer jumps to the last position of a batch, so each position is made an event of its own."""
    for position in array(data, "positions"):
        if not isinstance(position, dict):
            raise Refused("a move without positions")
        place = cast("Json", position)
        x, y, offset, node = place.get("x"), place.get("y"), place.get("timeOffset", 0), place.get("id", 0)
        if not (is_number(x) and is_number(y) and is_number(offset) and is_number(node)):
            raise Refused("a move without positions")
        moment = at_ms + offset
        kept = {"x": x, "y": y, "id": node, "timeOffset": 0}
        event = {"type": INCREMENTAL, "timestamp": moment, "data": {"source": source, "positions": [kept]}}
        yield Admitted(moment, Kind.SWIPE if source == TOUCH_MOVE else Kind.MOVE, x, y, int(node), event, None, snapshot=False)


def mapping(value: Any) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def array(data: Json, name: str) -> list[Any]:
    value = data.get(name, [])
    if not isinstance(value, list):
        raise Refused(f"{name} that are no list")
    return cast("list[Any]", value)


def side(value: Any) -> int:
    if not is_number(value) or not 1 <= value <= LONGEST_SIDE:
        raise Refused("a page without a size")
    return math.ceil(value)


def number(value: Any) -> int:
    return value if isinstance(value, int) else -1


def is_number(value: Any) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and abs(value) <= LARGEST_NUMBER
