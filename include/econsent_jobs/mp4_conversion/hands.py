"""Several browsers draw one video's pictures at once, each its stretches of them, and they are handed on in their order.

Whoever is to draw applies every event, also those of the others' stretches, so what is drawn does not depend on who draws it. Waiting for
a browser is all that a thread does here: lease, time and memory are looked after by the thread that takes the pictures.
"""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from queue import Empty, Full, Queue
from typing import Final

STRETCH: Final = 16  # pictures in a row that one browser draws
AHEAD: Final = 2 * STRETCH  # pictures that a browser may be ahead of the encoder
LOOK_SECONDS: Final = 0.5


class Stopped(Exception):
    """Nobody waits for the pictures any more."""


def go_on(stop: threading.Event) -> None:
    """Raise Stopped once ``stop`` is set."""
    if stop.is_set():
        raise Stopped


class Hand(threading.Thread):
    """Draws its share in a thread of its own."""

    def __init__(self, pictures: Iterator[bytes], stop: threading.Event) -> None:
        super().__init__(name="hand", daemon=True)
        self._pictures, self._stop_asked = pictures, stop
        self._ready: Queue[bytes | BaseException | None] = Queue(AHEAD)

    def run(self) -> None:
        try:
            for picture in self._pictures:
                self._put(picture)
            self._put(None)
        except BaseException as error:  # noqa: BLE001  it is raised where the picture is waited for
            with suppress(Stopped):
                self._put(error)

    def take(self, pulse: Callable[[], None]) -> bytes | None:
        """Wait for the next picture of this share; None after the last one. Raises what drawing it raised, and what ``pulse`` raises."""
        while True:
            pulse()
            with suppress(Empty):
                drawn = self._ready.get(timeout=LOOK_SECONDS)
                if isinstance(drawn, BaseException):
                    raise drawn
                return drawn

    def _put(self, drawn: bytes | BaseException | None) -> None:
        while not self._stop_asked.is_set():
            with suppress(Full):
                self._ready.put(drawn, timeout=LOOK_SECONDS)
                return
        raise Stopped


def share_of(place: int, *, shares: int) -> int:
    """Return whose the picture at ``place`` of the plan is."""
    return place // STRETCH % shares


@contextmanager
def in_turn(
    drawn: Sequence[Iterator[bytes]], *, pictures: int, stop: threading.Event, pulse: Callable[[], None]
) -> Generator[Iterator[bytes]]:
    """Let each draw its share, and yield all ``pictures`` in their order. At the end nobody draws any more.

    ``stop`` is set then: whoever waits for a browser has to look at it at least once a second. Every share is drawn to its end before the
    last picture's iterator ends.
    """
    hands = [Hand(share, stop) for share in drawn]

    def ordered() -> Generator[bytes]:
        for place in range(pictures):
            picture = hands[share_of(place, shares=len(hands))].take(pulse)
            assert picture is not None, f"{place} of {pictures} pictures were drawn"
            yield picture
        for hand in hands:
            assert hand.take(pulse) is None, "more pictures were drawn than are planned"

    for hand in hands:
        hand.start()
    try:
        yield ordered()
    finally:
        stop.set()
        for hand in hands:
            hand.join()
