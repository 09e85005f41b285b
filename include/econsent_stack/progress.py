"""What a person sees while the stack starts: one line a step, with its time, and a sign of life for a step that takes long."""

import io
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

FIRST_SIGN_SECONDS: Final = 2.0
NEXT_SIGN_SECONDS: Final = 5.0


class Progress:
    """Says everything twice: to the terminal, and with the time into ``log``."""

    def __init__(self, log: Path | None = None) -> None:
        self._log = log
        self._started = time.monotonic()
        self._lock = threading.Lock()

    def log_to(self, log: Path) -> None:
        """Write to ``log`` from now on."""
        self._log = log

    def say(self, text: str) -> None:
        """Say one line, on the terminal and in the log."""
        with self._lock:
            self._print(text)
            if self._log is not None:
                with suppress(OSError), self._log.open("a", encoding="utf-8") as file:  # a full disk must not keep it from stopping
                    file.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {text.strip()}\n")

    def show(self, text: str) -> None:
        """Say one line on the terminal only: a password belongs into no log."""
        with self._lock:
            self._print(text)

    @staticmethod
    def _print(text: str) -> None:
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except OSError:  # the terminal is gone; the stack goes on, and its log has the line
            sys.stdout = io.StringIO()

    @contextmanager
    def step(self, what: str) -> Generator[None]:
        """Announce ``what`` when it is done, with its time; every few seconds until then, say that it still goes on."""
        started = time.monotonic()
        done = threading.Event()
        sign = threading.Thread(target=self._sign_of_life, args=(what, started, done), daemon=True)
        sign.start()
        try:
            yield
        except BaseException:
            done.set()
            sign.join()
            raise
        done.set()
        sign.join()
        self.say(f"  {what:<58} {time.monotonic() - started:5.1f} s")

    def _sign_of_life(self, what: str, started: float, done: threading.Event) -> None:
        wait_seconds = FIRST_SIGN_SECONDS
        while not done.wait(wait_seconds):
            self.say(f"  … still: {what} ({time.monotonic() - started:.0f} s)")
            wait_seconds = NEXT_SIGN_SECONDS

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._started
