"""The interaction chain: what the consumer did on the page, each step hashed onto the one before."""

import hashlib
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from econsent_jobs.certificate_processing.model import Interaction

MOST_LINKS: Final = 500
UNIT_SEPARATOR: Final = "\x1f"

INCREMENTAL: Final = 3
MOUSE_MOVE, MOUSE_INTERACTION, SCROLL, INPUT, TOUCH_MOVE, DRAG = 1, 2, 3, 5, 6, 12
MOVES: Final[Mapping[int, str]] = {MOUSE_MOVE: "mouse-move", TOUCH_MOVE: "touch-move", DRAG: "drag"}
MOUSE_INTERACTIONS: Final = (
    "mouse-up",
    "mouse-down",
    "click",
    "context-menu",
    "double-click",
    "focus",
    "blur",
    "touch-start",
    "touch-move-departed",
    "touch-end",
    "touch-cancel",
)  # rrweb's MouseInteractions, in the order of its numbers


class ChainCollector:
    """Takes rrweb events one by one and keeps the interactions until the submission, the last 500 of them.

    ``until_ms`` is the submission by the recorder's own clock, in Unix milliseconds; None keeps everything. A move batch, which rrweb
    writes every half second, counts as one checkpoint at its last position.
    """

    def __init__(self, *, until_ms: int | None) -> None:
        self._until_ms = until_ms
        self._links: deque[Interaction] = deque(maxlen=MOST_LINKS)
        self._seq = 0

    def add(self, event: Mapping[str, Any]) -> None:
        """Look at one event; what is no interaction, or comes after the submission, is passed over."""
        interaction = interaction_of(event)
        if interaction is None:
            return
        kind, target, t = interaction
        if self._until_ms is not None and t > self._until_ms:
            return
        self._seq += 1
        self._links.append(Interaction(seq=self._seq, type=kind, target=target, t=t))

    @property
    def links(self) -> Sequence[Interaction]:
        return tuple(self._links)


def interaction_of(event: Mapping[str, Any]) -> tuple[str, int, int] | None:
    """Return kind, target node and Unix milliseconds of an interaction, None for every other event."""
    data, t = event.get("data"), milliseconds(event.get("timestamp"))
    if event.get("type") != INCREMENTAL or not isinstance(data, dict) or t is None:
        return None
    fields = cast("dict[str, Any]", data)
    source, target = fields.get("source"), fields.get("id")
    if source in MOVES:
        positions = fields.get("positions")
        last = cast("list[Any]", positions)[-1] if isinstance(positions, list) and positions else None
        kind, target = MOVES[source], cast("dict[str, Any]", last).get("id") if isinstance(last, dict) else None
    elif source == MOUSE_INTERACTION:
        number = fields.get("type")
        kind = MOUSE_INTERACTIONS[number] if isinstance(number, int) and 0 <= number < len(MOUSE_INTERACTIONS) else "unknown"
    elif source in {SCROLL, INPUT}:
        kind = "scroll" if source == SCROLL else "input"
    else:
        return None
    return (kind, target, t) if isinstance(target, int) and not isinstance(target, bool) and -1 <= target < 2**53 else None


def milliseconds(t: object) -> int | None:
    """Return ``t`` as whole Unix milliseconds; None for what is no number, NaN, or past the range that JSON holds exactly."""
    return int(t) if isinstance(t, int | float) and not isinstance(t, bool) and 0 <= t < 2**53 else None


def chain_head(session_id: str, links: Sequence[Interaction]) -> str:
    """Return the hex head of the chain.

    ``h0 = sha256(session_id)``; ``h_n = sha256(h_(n-1) || seq US type US target US t)``, over the 32 raw bytes of the hash before and the
    UTF-8 text of the link, numbers in decimal, US the unit separator U+001F.
    """
    head = hashlib.sha256(session_id.encode()).digest()
    for link in links:
        head = hashlib.sha256(head + UNIT_SEPARATOR.join(map(str, link)).encode()).digest()
    return head.hex()
