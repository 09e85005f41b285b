"""A conversion's way in dated lines, for a person who asks where a video is. Pure: it words what one read of the database saw."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from econsent_jobs.core.dated_lines import Line, clock_text
from econsent_jobs.core.errors import ErrorClass
from econsent_jobs.mp4_conversion.rules import lifecycle

ADVICE: Final[Mapping[ErrorClass, str]] = {
    ErrorClass.DATA: "What the page recorded cannot become a video: tell the customer; retry it only when the right file is back",
    ErrorClass.INTEGRITY: "Find out who changed the file or the object, and overwrite nothing; retry it only when the right file is back",
    ErrorClass.TIMEOUT: "Read the workers' logs of that time, then retry it",
    ErrorClass.RENDER: "Look at the browser and at ffmpeg by ./econsent doctor, then retry it",
    ErrorClass.S3_WRITE: "When S3 takes objects again, retry it",
    ErrorClass.CONFIG: "Set right what the sentence names, then retry it",
    ErrorClass.UNKNOWN: "When the shared file system answers again, retry it",
}
RETRY: Final = "./econsent videos retry {session_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One conversion as one moment saw it. Fields are named after the statement's columns; times are aware UTC.

    ``stored_objects``: kind, key, version_id, state, bytes. ``audit_entries``: at (ISO 8601), action, user, details.
    """

    company_id: str
    session_id: str
    status: str
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempts: int
    lost_leases: int
    next_attempt_at: datetime
    lease_token: UUID | None
    leased_until: datetime | None
    progress_percent: int | None
    source_sha256: str | None
    source_events: int | None
    promoted_snapshot_index: int | None
    width: int | None
    height: int | None
    duration_ms: int | None
    dropped_events: int | None
    blocked_requests: int | None
    render_ms: int | None
    encode_ms: int | None
    tool_versions: Mapping[str, Any] | None
    error_class: str | None
    last_error: str | None
    retention_status: str
    retained_at: datetime | None
    closed_at: datetime | None
    read_at: datetime
    stored_objects: Sequence[Mapping[str, Any]] | None
    audit_entries: Sequence[Mapping[str, Any]] | None


def explain(way: Way) -> list[Line]:
    """Return the steps so far, oldest first, and as the last line where it stands now and what happens next."""
    steps = sorted([*began(way), *entries(way), *made(way)], key=lambda line: line.at)
    return [*steps, Line(at=way.read_at, text=stands(way))]


def began(way: Way) -> Iterator[Line]:
    if way.closed_at is not None:
        yield Line(at=way.closed_at, text="session closed: its recording is complete")
    if way.retained_at is not None:
        yield Line(at=way.retained_at, text="session retained: it gets a video")
    yield Line(at=way.queued_at, text="queued")


def entries(way: Way) -> Iterator[Line]:
    """What the audit trail says of earlier failures and of persons who put it back."""
    for entry in way.audit_entries or []:
        details: Mapping[str, Any] = entry["details"]
        at = datetime.fromisoformat(entry["at"])
        if entry["action"] == "video.requeued":
            yield Line(at=at, text=f"put back into the queue by {entry['user']}")
        else:
            yield Line(at=at, text=f"failed: {details.get('error_class')}: {details.get('reason')}")


def made(way: Way) -> Iterator[Line]:
    if way.status != "completed" or way.finished_at is None or way.duration_ms is None:
        return
    seconds = ((way.render_ms or 0) + (way.encode_ms or 0)) / 1000
    speed = f", {way.duration_ms / 1000 / seconds:.1f} x real time" if seconds else ""
    yield Line(
        at=way.finished_at,
        text=f"made: {way.duration_ms / 1000:.1f} s, {way.width} x {way.height}, {way.source_events} events, in {seconds:.1f} s{speed}",
    )
    if way.promoted_snapshot_index is not None:
        yield Line(at=way.finished_at, text=f"its first snapshot was incomplete: event {way.promoted_snapshot_index} is shown in its place")
    if way.dropped_events:
        yield Line(at=way.finished_at, text=f"{way.dropped_events} events could not be replayed; the sidecar says why")
    if way.blocked_requests:
        yield Line(at=way.finished_at, text=f"{way.blocked_requests} requests of the page were blocked, so what they fetch is not shown")
    for stored in way.stored_objects or []:
        text = f"stored: {stored['kind']} {stored['key']}, {stored['bytes']} bytes, version {stored['version_id']}, {stored['state']}"
        yield Line(at=way.finished_at, text=text)


def stands(way: Way) -> str:
    """Say in one sentence where it stands and what happens next."""
    if way.status == "completed":
        return f"completed: nothing is left to do; its session is {way.retention_status}"
    if way.status == "failed":
        known = way.error_class in set(ErrorClass)
        advice = ADVICE.get(ErrorClass(way.error_class), "Mend what the sentence names") if known else "Tell an engineer"
        return f"failed: {way.error_class}: {way.last_error}. {advice}: {RETRY.format(session_id=way.session_id)}"
    if way.lease_token is not None and way.leased_until is not None:
        worker = f"the worker of lease {str(way.lease_token)[:8]}"
        if way.leased_until > way.read_at:
            return f"being made: {way.progress_percent or 0} % done; {worker} holds it until {clock_text(way.leased_until)}"
        return (
            f"claimed, but the lease ran out at {clock_text(way.leased_until)}: {worker} died or stands still, and the next run takes it up"
        )
    due = f"at {clock_text(way.next_attempt_at)}" if way.next_attempt_at > way.read_at else "now"
    if way.attempts:
        return (
            f"waits: try {way.attempts} of {lifecycle.MOST_ATTEMPTS} failed ({way.error_class}: {way.last_error}); it is tried again {due}"
        )
    return f"waits: the next free lane takes it up {due}"
