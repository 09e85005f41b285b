"""Which frames a video consists of, and which of them need the browser.

The grid has ten frames a second. A frame shows every event up to its own time, so a change is visible within a tenth of a second. The
page is captured only where it may look different: at an event other than a move, and at a move that brings the pointer over another
node, because pages may answer that by their styles. Pointer and clock are drawn by the encoder, which costs no capture.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.mp4_conversion.model import STEP_MS, Bounds, Canvas, Capture, Chapter, Entry, Kind, Plan, Pointer, Recording

PRESS_FRAMES: Final = 4  # a click's ring is shown so long
SMALLEST_SIDE: Final = 160  # the clock has to fit, and 23 letters of 6 dots with its margins are 150
MOVES: Final = frozenset({Kind.MOVE, Kind.SWIPE})
STILL: Final = frozenset({Kind.PAGE, Kind.NOTHING})


class Grid(NamedTuple):
    """The frames of one video: as many as begin within the recording, each a tenth of a second after the one before."""

    started_ms: float
    frames: int

    def frame_of(self, at_ms: float) -> int:
        """Return the first frame that shows what happened at ``at_ms``. What comes in the last part of a frame is shown by the last one."""
        return max(0, min(self.frames - 1, math.ceil((at_ms - self.started_ms) / STEP_MS)))


def grid(recording: Recording) -> Grid:
    return Grid(recording.started_ms, math.floor(recording.duration_ms / STEP_MS) + 1)


def canvas(recording: Recording, *, footer_height: int) -> Canvas:
    """The largest page that the recording reaches, made even; phones stay phones."""
    width, height = (max(SMALLEST_SIDE, side + side % 2) for side in (recording.width, recording.height))
    return Canvas(width=width, page_height=height, height=height + footer_height)


def plan(recording: Recording, chapters: Sequence[Chapter], *, bounds: Bounds) -> Plan:
    """Return what is done for the video. Raises BadItem (data) when it needs more captures than are allowed."""
    frames = grid(recording)
    captures = plan_captures(recording.entries, frames)
    if len(captures) > bounds.captures:
        raise BadItem(ErrorClass.DATA, f"the video needs {len(captures)} pictures of the page, at most {bounds.captures} are allowed")
    pointers = plan_pointers(recording.entries, frames)
    fed = {capture.frame for capture in captures} | {pointer.frame for pointer in pointers} | {0, frames.frames - 1}
    return Plan(
        frames=frames.frames,
        captures=captures,
        fed=sorted(fed | set(ticks(frames))),
        pointers=pointers,
        chapters=chapters,
        poster_frame=poster_frame(chapters, captures),
    )


def plan_captures(entries: Sequence[Entry], frames: Grid) -> list[Capture]:
    """Return the captures in order; frame 0 always is one."""
    changed: set[int] = {0}
    hovered: int | None = None
    for entry in entries:
        if entry.kind is Kind.NOTHING or (entry.kind in MOVES and entry.node == hovered):
            continue
        if entry.kind in MOVES:
            hovered = entry.node
        changed.add(frames.frame_of(entry.at_ms))
    times = [frames.frame_of(entry.at_ms) for entry in entries]
    return [Capture(frame, bisect_right(times, frame)) for frame in sorted(changed)]


def plan_pointers(entries: Sequence[Entry], frames: Grid) -> list[Pointer]:
    """Return where the pointer is, by the frames at which that changes. A click's ring goes after some frames, a finger's when it lifts."""
    shown: dict[int, Pointer] = {}
    last = Pointer(0, 0, 0, arrow=False, ring=False)
    ring_until: int | None = None
    for entry in entries:
        if entry.kind in STILL:
            continue
        frame = frames.frame_of(entry.at_ms)
        if ring_until is not None and frame >= ring_until:
            shown[ring_until] = last = last._replace(frame=ring_until, ring=False)
            ring_until = None
        if entry.kind is not Kind.MOVE:
            ring_until = frame + PRESS_FRAMES if entry.kind is Kind.CLICK else None
        shown[frame] = last = pointed(last, entry, frame)
    if ring_until is not None:
        shown[ring_until] = last._replace(frame=ring_until, ring=False)
    return [shown[frame] for frame in sorted(shown) if frame < frames.frames]


def pointed(last: Pointer, entry: Entry, frame: int) -> Pointer:
    """Return the pointer after one event: a mouse is an arrow, with a ring when it clicks; a finger is a ring as long as it is down."""
    arrow = entry.kind is Kind.MOVE or (entry.kind is Kind.CLICK and last.arrow)
    ring = last.ring if entry.kind is Kind.MOVE else entry.kind is not Kind.LIFT
    return Pointer(frame, round(entry.x), round(entry.y), arrow, ring)


def ticks(frames: Grid) -> list[int]:
    """Return the first frame of each second of the clock on the wall."""
    first = math.floor(frames.started_ms / 1000) + 1
    last = math.floor((frames.started_ms + (frames.frames - 1) * STEP_MS) / 1000)
    return [frames.frame_of(second * 1000) for second in range(first, last + 1)]


def poster_frame(chapters: Sequence[Chapter], captures: Sequence[Capture]) -> int:
    """The picture for the dashboard: the consent where there is one, else the middle of what happened."""
    consents = [chapter.frame for chapter in chapters if chapter.title.startswith("Consent")]
    wanted = consents[0] if consents else captures[len(captures) // 2].frame
    return captures[max(0, bisect_right([capture.frame for capture in captures], wanted) - 1)].frame
