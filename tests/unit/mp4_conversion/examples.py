"""Recordings in short: what a test says counts, the rest is filled in."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from econsent_jobs.mp4_conversion.model import Bounds, Entry, Key, Kind, Page, Recording, Session
from econsent_jobs.mp4_conversion.rules.intake import Intake

STARTED_MS = 1_772_000_000_000.0
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def taken(events: Iterable[Any], bounds: Bounds | None = None) -> Recording:
    """Take a recording in."""
    intake = Intake(bounds or Bounds())
    for event in events:
        intake.add(event)
    return intake.finish(sha256="0" * 64, size_bytes=1)


def meta(at_ms: float = 0, *, href: str = "https://example.com/a", width: int = 800, height: int = 600) -> dict[str, Any]:
    return {"type": 4, "timestamp": STARTED_MS + at_ms, "data": {"href": href, "width": width, "height": height}}


def snapshot(at_ms: float = 10, *, body_nodes: int = 20, **attributes: Any) -> dict[str, Any]:
    children = [{"type": 2, "id": 100 + number, "tagName": "p", "attributes": attributes, "childNodes": []} for number in range(body_nodes)]
    body = {"type": 2, "id": 3, "tagName": "body", "attributes": {}, "childNodes": children}
    html = {"type": 2, "id": 2, "tagName": "html", "attributes": {}, "childNodes": [body]}
    node = {"type": 0, "id": 1, "childNodes": [html]}
    return {"type": 2, "timestamp": STARTED_MS + at_ms, "data": {"node": node, "initialOffset": {"top": 0, "left": 0}}}


def incremental(at_ms: float, source: int, **data: Any) -> dict[str, Any]:
    return {"type": 3, "timestamp": STARTED_MS + at_ms, "data": {"source": source, **data}}


def typed(at_ms: float) -> dict[str, Any]:
    return incremental(at_ms, 5, id=100, text="x", isChecked=False)


def clicked(at_ms: float, node: int = 100) -> dict[str, Any]:
    return incremental(at_ms, 2, type=2, id=node, x=5, y=6)


def entry(at_ms: float, kind: Kind, *, node: int = 0, x: float = 0, y: float = 0) -> Entry:
    return Entry(STARTED_MS + at_ms, kind, x, y, node, 0, 0)


def recording(*entries: Entry, pages: Iterable[Page] = (), **changes: Any) -> Recording:
    usual: dict[str, Any] = {
        "sha256": "0" * 64,
        "size_bytes": 1,
        "events": len(entries),
        "width": 800,
        "height": 600,
        "consent_clicks_ms": [],
        "dropped": {},
        "clamped": 0,
        "promoted": None,
    }
    return Recording(entries=entries, pages=list(pages), **(usual | changes))


def a_session(**changes: Any) -> Session:
    usual: dict[str, Any] = {
        "key": Key("comp-abc", "sess/1"),
        "property_id": "prop-456",
        "retention_status": "retained",
        "started_at": NOW - timedelta(minutes=60),
        "last_chunk_at": NOW - timedelta(minutes=50),
        "closed_at": NOW - timedelta(minutes=50),
        "page_url": None,
        "recording_path": None,
        "recording_sha256": "0" * 64,
        "certificates": [],
        "unfinished_certificates": 0,
        "retain_until": NOW + timedelta(days=365),
        "archived": None,
        "read_at": NOW,
    }
    return Session(**(usual | changes))
