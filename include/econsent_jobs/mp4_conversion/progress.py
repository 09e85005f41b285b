"""How far a conversion is, and whether it may go on."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from econsent_jobs.core.errors import ErrorClass, TransientError
from econsent_jobs.mp4_conversion.model import FPS, Bounds
from econsent_jobs.mp4_conversion.workplace import Workplace

MEMORY_SECONDS: Final = 5.0  # between two looks


@dataclass(slots=True, kw_only=True)
class Progress:
    """``pulse`` is called at least once a second while anything runs; it calls ``beat``, which may raise to end the conversion."""

    bounds: Bounds
    place: Workplace
    beat: Callable[["Progress"], None]
    began: float
    frames: int = 0
    done: int = 0
    measured_at: float = 0.0

    def pulse(self) -> None:
        """Raise TransientError (timeout, render) past the time or the memory that one conversion may take."""
        now = time.monotonic()
        if now - self.began > self.bounds.seconds:
            raise TransientError(
                ErrorClass.TIMEOUT, f"the video was not done after {self.bounds.seconds:g} s (frame {self.done} of {self.frames})"
            )
        if now - self.measured_at > MEMORY_SECONDS:
            self.look_at_memory()
        self.beat(self)

    def look_at_memory(self) -> None:
        """Raise TransientError (render) when browser and ffmpeg take more memory than one conversion may."""
        used, self.measured_at = self.place.memory_bytes(), time.monotonic()
        if used > self.bounds.memory_bytes:
            raise TransientError(
                ErrorClass.RENDER,
                f"the browser took {used // 1024**2} MB for this recording, at most {self.bounds.memory_bytes // 1024**2} are allowed",
            )

    @property
    def percent(self) -> int:
        return min(99, 100 * self.done // self.frames) if self.frames else 0

    @property
    def times_real_time(self) -> float:
        return self.done / FPS / max(0.001, time.monotonic() - self.began)
