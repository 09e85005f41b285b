"""A recording, taken in event by event: what is replayed, in which order, and what is wrong with it.

Events are put in the order of their times; one whose time lies hours away from those before and after it is put between them, because a
single broken clock reading would otherwise make a video of days. Where the first full snapshot was taken before the page was there, the
first later one with at least ten nodes is shown in its place (documented: docs/certificates/session-replay).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, cast

from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.mp4_conversion.model import Bounds, Entry, Kind, Page, Recording
from econsent_jobs.mp4_conversion.rules.events import FULL_SNAPSHOT, INCREMENTAL, Admitted, Json, Refused, admit
from econsent_jobs.mp4_conversion.rules.nodes import ENOUGH_BODY_NODES, TooDeep, body_nodes, prepare

FAR_MS: Final = 3_600_000.0  # two events further apart than this are either a long pause, or one of them is wrong
MOST_ALONE: Final = 3  # so many events in a row with such times are wrong; more of them are a part of the recording
USUAL_SIZE: Final = (1280, 720)


class Snapshot(NamedTuple):
    line: int
    event: int
    body_nodes: int


class Intake:
    """Takes events one by one, hands back what is to be spooled, and says in the end what the recording is."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._entries: list[Entry] = []
        self._pages: list[Page] = []
        self._snapshots: list[Snapshot] = []
        self._asking: set[int] = set()
        self._consent_clicks: list[int] = []
        self._dropped: Counter[str] = Counter()
        self._events = 0
        self._has_meta = False

    def add(self, event: Any) -> list[Json]:
        """Take the recording's next event; return the events to replay for it, often none. Raises BadItem past the bound."""
        number, self._events = self._events, self._events + 1
        if self._events > self._bounds.events:
            raise BadItem(ErrorClass.DATA, f"the recording has more than {self._bounds.events} events, which is too many for a video")
        try:
            admitted = list(admit(event))
            for each in admitted:
                self._look_into(each, number)
        except Refused as reason:
            self._dropped[str(reason)] += 1
            return []
        except TooDeep:
            self._dropped["nodes nested too deep"] += 1
            return []
        for each in admitted:
            if each.kind is Kind.CLICK and each.node in self._asking:
                self._consent_clicks.append(len(self._entries))
            self._entries.append(Entry(each.at_ms, each.kind, each.x, each.y, each.node, len(self._entries), number))
        return [each.event for each in admitted]

    def _look_into(self, admitted: Admitted, number: int) -> None:
        event = admitted.event
        if admitted.snapshot:
            node = event["data"]["node"]
            self._asking |= prepare(node)
            self._snapshots.append(Snapshot(len(self._entries), number, body_nodes(node)))
        elif event["type"] == INCREMENTAL and "adds" in event["data"]:
            for added in event["data"]["adds"]:
                if isinstance(added.get("node"), dict):
                    self._asking |= prepare(added["node"])
        if admitted.page is not None:
            self._pages.append(admitted.page)
            self._has_meta |= event["type"] not in {FULL_SNAPSHOT, INCREMENTAL}

    def finish(self, *, sha256: str, size_bytes: int) -> Recording:
        """Return the recording. Raises BadItem (data), with a named reason, for one that no video can be made of."""
        if self._events < 2:
            raise BadItem(ErrorClass.DATA, f"the recording has {self._events} events, at least 2 are needed for a video")
        if not self._entries:
            raise BadItem(ErrorClass.DATA, f"none of the recording's {self._events} events can be replayed ({told(self._dropped)})")
        if not self._snapshots:
            raise BadItem(ErrorClass.DATA, "the recording holds no full snapshot of its page, so there is nothing to show")
        times, clamped = steady([entry.at_ms for entry in self._entries], longest_ms=self._bounds.duration_ms)
        clicks = [times[line] for line in self._consent_clicks]
        entries = [entry._replace(at_ms=at_ms) for entry, at_ms in zip(self._entries, times, strict=True)]
        promoted = self._promote(entries)
        entries.sort(key=lambda entry: entry.at_ms)
        recording = Recording(
            sha256=sha256,
            size_bytes=size_bytes,
            events=self._events,
            entries=entries,
            pages=self._pages_in_order(entries[0].at_ms),
            width=max([page.width for page in self._pages] or [USUAL_SIZE[0]]),
            height=max([page.height for page in self._pages] or [USUAL_SIZE[1]]),
            consent_clicks_ms=sorted(clicks),
            dropped=dict(self._dropped),
            clamped=clamped,
            promoted=promoted,
        )
        check_bounds(recording, self._bounds)
        return recording

    def _promote(self, entries: list[Entry]) -> int | None:
        """Show the promoted snapshot where the first one stood; it is applied again at its own time, which it keeps."""
        first = self._snapshots[0]
        if first.body_nodes >= ENOUGH_BODY_NODES:
            return None
        better = next((each for each in self._snapshots[1:] if each.body_nodes >= ENOUGH_BODY_NODES), None)
        if better is None:
            return None
        entries[first.line] = entries[first.line]._replace(line=better.line)
        return better.event

    def _pages_in_order(self, started_ms: float) -> Sequence[Page]:
        """Without a Meta event the page has the usual size, and no address that anybody knows."""
        pages = sorted(self._pages, key=lambda page: page.at_ms)
        return pages if self._has_meta else [Page(started_ms, "", *USUAL_SIZE), *pages]


def steady(times: Sequence[float], *, longest_ms: float) -> tuple[list[float], int]:
    """Return the times with those that stand alone moved to their neighbours', and how many were moved.

    A run of at most three times that lies more than an hour from the one before it and from the one after it, while those two lie within
    an hour of each other, is wrong. At the very start or end nothing tells a wrong time from a long pause, so there only a time counts as
    wrong that lies further from the middle one than a recording may last.
    """
    kept, clamped, at, middle = list(times), 0, 0, sorted(times)[len(times) // 2]
    while at < len(kept):
        before = kept[at - 1] if at else None
        if before is not None and abs(kept[at] - before) <= FAR_MS:
            at += 1
            continue
        end = end_of_run(kept, at)
        after = kept[end] if end < len(kept) else None
        if end - at <= MOST_ALONE and is_wrong(abs(kept[at] - middle) > longest_ms, before=before, after=after):
            anchor = before if before is not None else cast("float", after)
            clamped += end - at
            kept[at:end] = [anchor] * (end - at)
        at = max(at + 1, end)
    return kept, clamped


def end_of_run(times: Sequence[float], start: int) -> int:
    """Return where the times that lie near each other, from ``start`` on, end."""
    end = start + 1
    while end < len(times) and abs(times[end] - times[end - 1]) <= FAR_MS:
        end += 1
    return end


def is_wrong(astray: bool, *, before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return astray and before is not after
    return abs(after - before) <= FAR_MS


def check_bounds(recording: Recording, bounds: Bounds) -> None:
    """Raise BadItem (data) for a video that would be too long or too large, with the limit and what was found."""
    if recording.duration_ms > bounds.duration_ms:
        hours = recording.duration_ms / 3_600_000
        raise BadItem(ErrorClass.DATA, f"the recording lasts {hours:.1f} hours, a video lasts at most {bounds.duration_ms / 3_600_000:.0f}")
    if recording.width * recording.height > bounds.pixels:
        raise BadItem(
            ErrorClass.DATA,
            f"the recorded page has {recording.width} x {recording.height} pixels, a video has at most {bounds.pixels}",
        )


def told(counts: Counter[str]) -> str:
    return ", ".join(f"{count} x {reason}" for reason, count in counts.most_common())
