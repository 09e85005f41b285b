"""Recordings and sessions for the tests: small ones, so that a video takes a second or two."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psycopg

from demo.insert import insert_session
from demo.visits import Visit
from econsent_jobs.core.canonical_json import sha256_hex

STARTED_MS = 1_772_000_000_000
Event = dict[str, Any]


def meta(at_ms: float = 0, *, href: str = "https://example.com/form", width: int = 320, height: int = 240) -> Event:
    return {"type": 4, "timestamp": STARTED_MS + at_ms, "data": {"href": href, "width": width, "height": height}}


def node(identifier: int, tag: str, *children: Event, **attributes: Any) -> Event:
    return {"type": 2, "id": identifier, "tagName": tag, "attributes": attributes, "childNodes": list(children)}


def text(identifier: int, words: str) -> Event:
    return {"type": 3, "id": identifier, "textContent": words}


def full_snapshot(*body: Event, at_ms: float = 10, head: Iterable[Event] = ()) -> Event:
    page = node(2, "html", node(3, "head", *head), node(4, "body", *body))
    document = {"type": 0, "id": 1, "childNodes": [page]}
    return {"type": 2, "timestamp": STARTED_MS + at_ms, "data": {"node": document, "initialOffset": {"top": 0, "left": 0}}}


def change_text(at_ms: float, identifier: int, words: str) -> Event:
    changed = {"source": 0, "adds": [], "removes": [], "attributes": [], "texts": [{"id": identifier, "value": words}]}
    return {"type": 3, "timestamp": STARTED_MS + at_ms, "data": changed}


def change_attributes(at_ms: float, identifier: int, **attributes: Any) -> Event:
    changed = {"source": 0, "adds": [], "removes": [], "attributes": [{"id": identifier, "attributes": attributes}], "texts": []}
    return {"type": 3, "timestamp": STARTED_MS + at_ms, "data": changed}


def click(at_ms: float, identifier: int, *, x: int = 20, y: int = 20) -> Event:
    return {"type": 3, "timestamp": STARTED_MS + at_ms, "data": {"source": 2, "type": 2, "id": identifier, "x": x, "y": y}}


def move(at_ms: float, *places: tuple[int, int, int, int]) -> Event:
    """Each place: milliseconds before ``at_ms`` (negative), x, y and the node."""
    positions = [{"timeOffset": offset, "x": x, "y": y, "id": identifier} for offset, x, y, identifier in places]
    return {"type": 3, "timestamp": STARTED_MS + at_ms, "data": {"source": 1, "positions": positions}}


def small_recording() -> list[Event]:
    """A page of a heading and a paragraph that says yes after a second, and ends after 1.5 s."""
    page = full_snapshot(node(5, "h1", text(6, "Hello")), node(7, "p", text(8, "not yet")))
    return [
        meta(),
        page,
        move(600, (-100, 30, 40, 5), (0, 60, 50, 7)),
        change_text(1_000, 8, "yes"),
        click(1_200, 7),
        change_text(1_500, 8, "end"),
    ]


def written(events: Iterable[Mapping[str, Any]]) -> bytes:
    return json.dumps(list(events)).encode()


def retain(
    database: psycopg.Connection[Any], efs: Path, contents: bytes, *, seed: int = 1, company_id: str = "demo-01", **columns: Any
) -> Visit:
    """Insert a closed session with this recording, and retain it, as the Retain API does."""
    named = {"recording_sha256": sha256_hex(contents), "recording_bytes": len(contents)} | columns
    visit = insert_session(database, efs, seed=seed, company_id=company_id, recording=contents, **named)
    retain_session(database, visit)
    return visit


def retain_session(database: psycopg.Connection[Any], visit: Visit) -> None:
    database.execute(
        "UPDATE econsent.sessions SET retention_status = 'retained', retained_at = now(), rrweb_to_video_status = 'pending'"
        " WHERE company_id = %s AND session_id = %s",
        [visit.session.company_id, visit.session.session_id],
    )
