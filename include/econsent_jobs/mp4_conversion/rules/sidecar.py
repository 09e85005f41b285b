"""What lies beside a video: which frame shows which events, and the hashes by which anybody can check that it is what it claims to be."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from econsent_jobs.core.canonical_json import timestamp_text
from econsent_jobs.mp4_conversion.model import FPS, STEP_MS, Canvas, Plan, Recording, Session
from econsent_jobs.mp4_conversion.rules.plan import grid

SCHEMA: Final = "econsent-video-1"


def sidecar(
    session: Session,
    recording: Recording,
    plan: Plan,
    canvas: Canvas,
    *,
    video: tuple[int, str],
    poster_sha256: str,
    blocked: Mapping[str, int],
    tools: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the document. ``video``: its size in bytes and its hash; ``blocked``: requests that the page would have made, by address."""
    return {
        "schema": SCHEMA,
        "companyId": session.key.company_id,
        "sessionId": session.key.session_id,
        "propertyId": session.property_id,
        "certificateIds": [certificate.certificate_id for certificate in session.certificates],
        "recording": {
            "sha256": recording.sha256,
            "bytes": recording.size_bytes,
            "events": recording.events,
            "promotedSnapshot": recording.promoted,
            "clampedTimes": recording.clamped,
            "dropped": dict(sorted(recording.dropped.items())),
        },
        "video": {
            "sha256": video[1],
            "bytes": video[0],
            "width": canvas.width,
            "height": canvas.height,
            "pageHeight": canvas.page_height,
            "fps": FPS,
            "frames": plan.frames,
            "durationMs": plan.frames * STEP_MS,
            "startedAt": moment(recording.started_ms),
        },
        "poster": {"sha256": poster_sha256, "frame": plan.poster_frame},
        "chapters": [{"frame": chapter.frame, "title": chapter.title} for chapter in plan.chapters],
        "frames": frames_of_events(recording),
        "blockedRequests": dict(sorted(blocked.items())),
        "tools": dict(tools),
    }


def frames_of_events(recording: Recording) -> Sequence[Sequence[int]]:
    """Return ``[frame, first event, last event]`` for each frame that shows an event for the first time; events are counted from 0."""
    frames = grid(recording)
    spans: dict[int, list[int]] = {}
    for entry in recording.entries:
        frame = frames.frame_of(entry.at_ms)
        span = spans.setdefault(frame, [frame, entry.event, entry.event])
        span[1], span[2] = min(span[1], entry.event), max(span[2], entry.event)
    return [spans[frame] for frame in sorted(spans)]


def moment(at_ms: float) -> str:
    return timestamp_text(datetime.fromtimestamp(at_ms / 1000, UTC))
