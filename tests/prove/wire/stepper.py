"""Two workers that go on call by call, in the order that whoever drives them says. It stands where a switchboard stands, one a worker."""

import threading
from collections.abc import Callable
from typing import Final

PATIENCE_SECONDS: Final = 60.0


class Stepper:
    """Holds each call of one worker until it may pass."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._permits = 0
        self.waiting = False
        self.labels: list[str] = []

    def begin(self) -> None:
        """Forget the worker before."""
        with self._changed:
            self._permits, self.waiting, self.labels = 0, False, []

    def carry(self, server: str, label: str, *, forward: Callable[[], bytes], hang_up: Callable[[], None]) -> bytes | None:
        """Let one call pass when its time has come; return the server's answer."""
        with self._changed:
            self.waiting = True
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._permits > 0, PATIENCE_SECONDS), f"nobody let {label} pass"
            self._permits -= 1
            self.waiting = False
            self.labels.append(f"{server}: {label}")
        return forward()

    def let_pass(self) -> None:
        """The call that waits may go; ``waiting`` is true again when the next one has come."""
        with self._changed:
            assert self.waiting
            self._permits, self.waiting = 1, False
            self._changed.notify_all()

    def is_waiting(self, *, seconds: float) -> bool:
        """Whether a call waits, at the latest after ``seconds``."""
        with self._changed:
            return self._changed.wait_for(lambda: self.waiting, seconds)
