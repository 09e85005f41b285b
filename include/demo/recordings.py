"""Real rrweb recordings, and any number of further ones derived from them.

The three in ``data/`` were recorded with rrweb 2.2.2 from one synthetic page: a lead form, filled in quickly (form10, 10 s),
again and again (form60, 60 s) and with long pauses (idle300, 5 min). A derived recording has the same events in the same order.
What differs: all times by one shift, the page's address, its language, consent text and seller, and what is typed.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

Event = dict[str, Any]
Name = Literal["form10", "form60", "idle300"]

NAMES: Final[tuple[Name, ...]] = ("form10", "form60", "idle300")
FULL_SNAPSHOT, INCREMENTAL, META = 2, 3, 4  # rrweb's event types
MOUSE_INTERACTION, INPUT = 2, 5  # sources of incremental events
CLICK: Final = 2  # a kind of mouse interaction

RECORDED_SELLER: Final = "SunSave Solar"
RECORDED_CONSENT: Final = "By checking this box I give"
SUBMIT_BUTTON: Final = "go"  # ids of elements in the recorded page
FIELDS: Final = ("fn", "ln", "em", "ph", "st")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One of the recordings to derive from. ``submitted_ms`` and ``duration_ms`` count from its first event.

    ``fields`` maps the rrweb node id of an input to the id of its element, ``longest`` to the number of characters typed there.
    """

    name: Name
    events: tuple[Event, ...]
    started_ms: int
    submitted_ms: int
    duration_ms: int
    fields: Mapping[int, str]
    longest: Mapping[int, int]
    passwords: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What a derived recording tells instead. ``started_ms`` is in Unix milliseconds.

    ``typed`` maps the element ids of FIELDS to what is typed there.
    """

    started_ms: int
    href: str
    language_code: str
    seller: str
    disclosure: str
    disclosure_css: str
    typed: Mapping[str, str]


@cache
def recording(name: Name) -> Recording:
    """Load one of the recordings to derive from."""
    packed = (files("demo") / "data" / f"{name}.json.gz").read_bytes()
    return study(name, json.loads(gzip.decompress(packed)))


def study(name: Name, events: list[Event]) -> Recording:
    """Find out what deriving needs to know. Raises StopIteration for a recording without a full snapshot or a submission."""
    snapshot = next(event for event in events if event["type"] == FULL_SNAPSHOT)
    nodes = list(walk(snapshot["data"]["node"]))
    ids = {node["id"]: node["attributes"]["id"] for node in nodes if "id" in node.get("attributes", {})}
    button = next(node for node, identifier in ids.items() if identifier == SUBMIT_BUTTON)
    inputs = [event["data"] for event in events if is_incremental(event, INPUT)]
    started = events[0]["timestamp"]
    clicks = (event["timestamp"] for event in reversed(events) if is_click(event, button))
    return Recording(
        name=name,
        events=tuple(events),
        started_ms=started,
        submitted_ms=next(clicks) - started,
        duration_ms=events[-1]["timestamp"] - started,
        fields={node: identifier for node, identifier in ids.items() if identifier in FIELDS},
        longest={data["id"]: max(len(other["text"]) for other in inputs if other["id"] == data["id"]) for data in inputs},
        passwords=frozenset(node["id"] for node in nodes if node.get("attributes", {}).get("type") == "password"),
    )


def derive(source: Recording, story: Story) -> Iterator[Event]:
    """Yield the events of a further recording, one for each of the source's, without changing those."""
    shift = story.started_ms - source.started_ms
    for event in source.events:
        yield {"type": event["type"], "data": retold(event, source, story), "timestamp": event["timestamp"] + shift}


def retold(event: Event, source: Recording, story: Story) -> Any:
    """Return the data of one event as the story has it."""
    data = event["data"]
    if event["type"] == META:
        return {**data, "href": story.href}
    if event["type"] == FULL_SNAPSHOT:
        return {**data, "node": retold_node(data["node"], story)}
    if is_incremental(event, INPUT):
        return {**data, "text": retold_text(data, source, story)}
    return data


def retold_text(data: Mapping[str, Any], source: Recording, story: Story) -> str:
    """Return what stands in an input by now: in proportion as much of the new text as of the old. Passwords stay masked."""
    node, text = data["id"], data["text"]
    if node in source.passwords:
        return "*" * len(text)
    if node not in source.fields:
        return text
    new = story.typed.get(source.fields[node], "")
    return new[: -(-len(text) * len(new) // source.longest[node])] if text else ""


def retold_node(node: Mapping[str, Any], story: Story) -> dict[str, Any]:
    """Return a copy of a node of the page, and of all below it, in the story's language and by its seller."""
    copy = dict(node)
    if "textContent" in node:
        copy["textContent"] = node["textContent"].replace(RECORDED_SELLER, story.seller)
    if node.get("tagName") == "html":
        copy["attributes"] = {**node["attributes"], "lang": story.language_code}
    children = node.get("childNodes")
    if not children:
        return copy
    if len(children) == 1 and children[0].get("textContent", "").startswith(RECORDED_CONSENT):
        copy["attributes"] = {**node["attributes"], "style": story.disclosure_css, "data-consent-type": "main-explicit"}
        copy["childNodes"] = [{**children[0], "textContent": story.disclosure}]
    else:
        copy["childNodes"] = [retold_node(child, story) for child in children]
    return copy


def encode(events: Iterable[Event]) -> Iterator[bytes]:
    """Yield the bytes of a recording file, event by event: one uncompressed JSON array."""
    opening = b"["
    for event in events:
        yield opening + json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        opening = b","
    yield b"]" if opening == b"," else b"[]"


def walk(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a node of a full snapshot and all nodes below it, in the page's order."""
    yield node
    for child in node.get("childNodes", ()):
        yield from walk(child)


def is_incremental(event: Event, source: int) -> bool:
    return event["type"] == INCREMENTAL and event["data"]["source"] == source


def is_click(event: Event, node: int) -> bool:
    return is_incremental(event, MOUSE_INTERACTION) and event["data"]["type"] == CLICK and event["data"]["id"] == node
