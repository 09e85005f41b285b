"""ffmpeg turns pictures into the video while they are still being taken.

It reads one stream of Matroska on its standard input with two tracks: the page's pictures, as the browser gave them, and the clock. Both
carry their times in milliseconds, so frames come at varying distances and nothing is encoded twice. Pointer and ring lie in the filter
graph, moved by commands that are written beforehand.
"""

import fcntl
import os
import select
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

import ffmpeg as untyped  # pyright: ignore[reportMissingTypeStubs]  it ships none, and nobody publishes any

from econsent_jobs.core.errors import ErrorClass, TransientError
from econsent_jobs.mp4_conversion.model import STEP_MS, Canvas, Footer, Plan, Pointer
from econsent_jobs.mp4_conversion.rules.chapters import chapters_text
from econsent_jobs.mp4_conversion.rules.footer import clock_text
from econsent_jobs.mp4_conversion.rules.matroska import frame, head
from econsent_jobs.mp4_conversion.rules.sprites import RING_SIZE, arrow_picture, clock_picture, clock_size, ring_picture
from econsent_jobs.mp4_conversion.workplace import Workplace

ffmpeg: Any = untyped
VIDEO: Final = "video.mp4"
ERRORS: Final = "ffmpeg.log"
ARROW, RING, COMMANDS, CHAPTERS = "arrow.pam", "ring.pam", "commands", "chapters"
HIDDEN: Final = -100
KEY_FRAME_SECONDS: Final = 9  # there is a frame at least once a second, so key frames lie at most 10 s apart
NICE: Final = 19  # the browser goes first: whoever waits for the other must not starve it
END_SECONDS: Final = 120.0
LOOK_SECONDS: Final = 1.0
PIPE_BYTES: Final = 1024 * 1024
OUTPUT: Final[dict[str, Any]] = {
    "vcodec": "libx264",
    "preset": "veryfast",
    "crf": 23,
    "tune": "stillimage",
    "bf": 0,
    "threads": 2,  # a fixed number, because the bytes depend on it
    "g": 100,
    "force_key_frames": f"expr:gte(t,n_forced*{KEY_FRAME_SECONDS})",
    "fps_mode": "passthrough",  # every frame at its own time: a rate that is guessed from the first ones would round them
    "enc_time_base": "1:1000",
    "video_track_timescale": 10_000,
    "colorspace": "smpte170m",
    "color_primaries": "bt709",
    "color_trc": "iec61966-2-1",
    "color_range": "tv",
    "movflags": "+faststart",
    "map_metadata:g": -1,
    "map_chapters": 1,
    "fflags": "+bitexact",
    "flags:v": "+bitexact",
}


class Encoder:
    """Takes the frames of a plan in their order. ``pulse`` is called while ffmpeg is waited for, and may raise.

    Raises TransientError (render) when ffmpeg ends before it should, or badly.
    """

    def __init__(
        self, place: Workplace, program: Path, *, canvas: Canvas, footer: Footer, plan: Plan, started_ms: float, pulse: Callable[[], None]
    ) -> None:
        self._place = place
        self._pulse = pulse
        self._width = canvas.width
        self._started_ms = started_ms
        folder = place.folder
        (folder / ARROW).write_bytes(arrow_picture())
        (folder / RING).write_bytes(ring_picture())
        (folder / COMMANDS).write_text(commands_text(plan.pointers), encoding="ascii")
        (folder / CHAPTERS).write_text(chapters_text(plan.chapters, frames=plan.frames, step_ms=STEP_MS), encoding="utf-8")
        with (folder / ERRORS).open("wb") as errors:
            self._process = place.start(command(program, canvas=canvas, footer=footer), stdin=subprocess.PIPE, stderr=errors, nice=NICE)
        assert self._process.stdin is not None
        self._stdin: IO[bytes] = self._process.stdin
        fcntl.fcntl(self._stdin, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(self._stdin.fileno(), False)
        self._poll = select.poll()
        self._poll.register(self._stdin, select.POLLOUT)
        _, clock_width, clock_height = clock_size(width=canvas.width)
        self._write(head(page=(canvas.width, canvas.height), clock=(clock_width, clock_height)))

    def feed(self, number: int, picture: bytes) -> None:
        """Give frame ``number`` of the grid: the page's picture as a JPEG, with the clock of its moment."""
        at_ms = number * STEP_MS
        clock = clock_picture(clock_text(self._started_ms + at_ms), width=self._width)
        self._write(frame(at_ms, page=picture, clock=clock))

    def finish(self) -> Path:
        """Say that there are no more frames, wait for ffmpeg, and return the video."""
        self._stdin.close()
        deadline = time.monotonic() + END_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            self._pulse()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(LOOK_SECONDS)
        if self._place.stop(self._process, seconds=0.0) != 0:
            raise self._failed()
        return self._place.folder / VIDEO

    def _write(self, data: bytes) -> None:
        """Write all of it, as fast as ffmpeg takes it."""
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._stdin.fileno(), left) :]
            except BlockingIOError:
                self._pulse()
                self._poll.poll(int(LOOK_SECONDS * 1000))
            except BrokenPipeError as error:
                raise self._failed() from error

    def _failed(self) -> TransientError:
        lines = (self._place.folder / ERRORS).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return TransientError(ErrorClass.RENDER, f"ffmpeg could not make the video ({lines[-1][:200] if lines else 'without a word'})")


def command(program: Path, *, canvas: Canvas, footer: Footer) -> list[str]:
    """Return ffmpeg's words. They name no folder: it runs in that of the conversion."""
    source = ffmpeg.input("pipe:0", f="matroska", probesize=500_000, analyzeduration=0, threads=1)
    page = source["v:0"].filter("settb", "1/1000").filter("scale", canvas.width, canvas.height, out_range="tv").filter("format", "yuv420p")
    clock = source["v:1"].filter("settb", "1/1000")
    page = page.overlay(clock, x=footer.clock_x, y=canvas.page_height + footer.clock_y, format="yuv420")
    # only now: whatever waits for another input lets commands of later frames overtake it
    page = page.filter("sendcmd", f=COMMANDS)
    for name, picture in (("ring", RING), ("arrow", ARROW)):
        sprite = movie(picture)
        page = ffmpeg.filter([page, sprite], f"overlay@{name}", x=HIDDEN, y=HIDDEN, eof_action="repeat", format="yuv420")
    output = ffmpeg.output(page, VIDEO, **OUTPUT)
    words: list[str] = ffmpeg.compile(output, cmd=[str(program), "-v", "error", "-nostdin"], overwrite_output=True)
    at = words.index("-filter_complex")
    return [*words[:at], "-f", "ffmetadata", "-i", CHAPTERS, *words[at:]]


def movie(name: str) -> Any:
    """Return a file as a source within the graph, where the library has only filters with inputs. As an input of ffmpeg's it would be read
    beside the others, and the bytes of the video were not always the same.
    """
    nodes = ffmpeg.nodes
    node = nodes.FilterNode.__new__(nodes.FilterNode)
    nodes.Node.__init__(node, None, "movie", {}, nodes.FilterableStream, 0, 0, [name], {})
    return node.stream()


def commands_text(pointers: Sequence[Pointer]) -> str:
    """Return the commands that move the pointer, each a moment before the frame that it belongs to."""
    lines = ["0 overlay@arrow x 0;"] if not pointers else []
    half = RING_SIZE // 2
    for pointer in pointers:
        at = max(0.0, pointer.frame * STEP_MS / 1000 - 0.001)
        arrow = (pointer.x, pointer.y) if pointer.arrow else (HIDDEN, HIDDEN)
        ring = (pointer.x - half, pointer.y - half) if pointer.ring else (HIDDEN, HIDDEN)
        lines.append(
            f"{at:.3f} overlay@arrow x {arrow[0]}, overlay@arrow y {arrow[1]}, overlay@ring x {ring[0]}, overlay@ring y {ring[1]};"
        )
    return "\n".join(lines) + "\n"
