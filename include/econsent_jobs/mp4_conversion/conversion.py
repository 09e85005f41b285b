"""One recording becomes one video: read, plan, render and encode at once, inspect, and write down what it shows."""

import logging
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from json import dumps
from pathlib import Path
from subprocess import run
from typing import Any, Final, Protocol

from econsent_jobs.core.canonical_json import canonical_json, sha256_hex
from econsent_jobs.core.errors import BadItem, ErrorClass, PermanentError, TransientError
from econsent_jobs.io.recording_file import Readable, RecordingFile
from econsent_jobs.mp4_conversion import replayer
from econsent_jobs.mp4_conversion.browser import Browser
from econsent_jobs.mp4_conversion.encoder import Encoder
from econsent_jobs.mp4_conversion.files import hash_of
from econsent_jobs.mp4_conversion.hands import go_on, in_turn, share_of
from econsent_jobs.mp4_conversion.inspection import inspect
from econsent_jobs.mp4_conversion.model import (
    FPS,
    STEP_MS,
    Bounds,
    Canvas,
    Facts,
    Footer,
    Plan,
    Programs,
    Recording,
    Rendered,
    Session,
    Settings,
)
from econsent_jobs.mp4_conversion.progress import Progress
from econsent_jobs.mp4_conversion.rules.chapters import plan_chapters
from econsent_jobs.mp4_conversion.rules.footer import plan_footer
from econsent_jobs.mp4_conversion.rules.intake import Intake
from econsent_jobs.mp4_conversion.rules.plan import SMALLEST_SIDE, canvas, grid, plan
from econsent_jobs.mp4_conversion.rules.sidecar import sidecar
from econsent_jobs.mp4_conversion.spool import Spool
from econsent_jobs.mp4_conversion.workplace import Workplace

log = logging.getLogger(__name__)

POSTER, SIDECAR = "poster.jpg", "sidecar.json"
STEP_BYTES: Final = 4 * 1024 * 1024  # of events that the browser gets at once
START_SECONDS: Final = 30.0
SHARED_CAPTURES: Final = 64  # fewer pictures are drawn before a second browser is there
SHARED_BYTES: Final = 8 * 1024 * 1024  # of a recording, whose page two browsers hold in memory


class Converter(Protocol):
    def read(self, stream: Readable) -> Recording:
        """Read a whole recording. Raises BadItem for one that no video can be made of."""
        ...

    def render(self, recording: Recording, session: Session) -> Rendered:
        """Make the video and what lies beside it. Raises TransientError (render, timeout) and BadItem (data)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All that is decided before the browser starts."""

    plan: Plan
    canvas: Canvas
    footer: Footer


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """What the browser gave besides the frames. ``blocked``: what the page would have fetched, by address."""

    poster: bytes
    blocked: Mapping[str, int]
    tools: Mapping[str, Any]


class Studio:
    """Makes conversions on this machine. The browser's sandbox is tried once: it is on wherever the machine lets it run."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sandbox: bool | None = None

    @contextmanager
    def conversion(self, beat: Callable[[Progress], None]) -> Generator[Converter]:
        """Open a workplace for one conversion; nothing of it is left afterwards. Raises PermanentError (config) where none can be made."""
        with Workplace(self._settings.work_folder) as place, Spool(place.folder) as spool:
            if self._sandbox is None:
                self._sandbox = find_sandbox(place, self._settings.programs)
            progress = Progress(bounds=self._settings.bounds, place=place, beat=beat, began=time.monotonic())
            yield Conversion(place, spool, progress, self._settings, sandbox=self._sandbox)


def find_sandbox(place: Workplace, programs: Programs) -> bool:
    """Say whether the browser starts with its sandbox. Raises PermanentError (config) when it starts in no way at all."""
    if starts(place, programs, sandbox=True):
        return True
    if not starts(place, programs, sandbox=False):
        raise PermanentError(
            ErrorClass.CONFIG, f"the browser {programs.chromium} does not start here: ./econsent doctor says what is missing"
        )
    log.warning("The browser's sandbox does not work on this machine: allow user namespaces, so that recordings are fenced in twice")
    return False


def starts(place: Workplace, programs: Programs, *, sandbox: bool) -> bool:
    try:
        with Browser(place, programs, pulse=still, answer_seconds=START_SECONDS, sandbox=sandbox) as browser:
            browser.version()
    except TransientError:
        return False
    return True


def still() -> None:
    """Nothing has to be seen to yet."""


class Conversion:
    """One conversion in its workplace."""

    def __init__(self, place: Workplace, spool: Spool, progress: Progress, settings: Settings, *, sandbox: bool) -> None:
        self._place = place
        self._spool = spool
        self._progress = progress
        self._programs = settings.programs
        self._bounds = settings.bounds
        self._sandbox = sandbox
        self._most_browsers = settings.most_browsers

    def read(self, stream: Readable) -> Recording:
        file, intake = RecordingFile(stream, largest_bytes=self._bounds.recording_bytes), Intake(self._bounds)
        for event in file.events():
            for kept in intake.add(event):
                self._spool.append(kept)
            self._progress.pulse()
        return intake.finish(sha256=file.sha256, size_bytes=file.size_bytes)

    def render(self, recording: Recording, session: Session) -> Rendered:
        layout = lay_out(recording, session, self._bounds)
        self._progress.frames = layout.plan.frames
        began = time.monotonic()
        encoder = Encoder(
            self._place,
            self._programs.ffmpeg,
            canvas=layout.canvas,
            footer=layout.footer,
            plan=layout.plan,
            started_ms=recording.started_ms,
            pulse=self._progress.pulse,
        )
        captured = self._capture(recording, layout, encoder)
        captured_at = time.monotonic()
        video = encoder.finish()
        encoded_at = time.monotonic()
        inspect(self._place, video, programs=self._programs, plan=layout.plan, canvas=layout.canvas, pulse=self._progress.pulse)
        milliseconds = round(1000 * (captured_at - began)), round(1000 * (encoded_at - captured_at))
        return self._write_down(recording, session, layout, captured, video=video, milliseconds=milliseconds)

    def _capture(self, recording: Recording, layout: Layout, encoder: Encoder) -> Captured:
        """Take every planned picture and feed every planned frame."""
        progress, captured = self._progress, {capture.frame for capture in layout.plan.captures}
        with ExitStack() as opened:
            browsers = self._open(opened, recording, layout)
            progress.look_at_memory()
            tools = {"rrweb": replayer.VERSION, "chromium": browsers[0].version(), "ffmpeg": ffmpeg_version(self._programs.ffmpeg)}
            pictures = self._draw(opened, browsers, recording, layout)
            poster, picture = b"", b""
            for number in layout.plan.fed:
                if number in captured:
                    picture = next(pictures)
                    poster = picture if number == layout.plan.poster_frame else poster
                encoder.feed(number, picture)
                progress.done = number + 1
                progress.pulse()
            assert next(pictures, None) is None, "every picture is shown"
            assert poster, "the poster is one of the pictures"
            return Captured(poster=poster, blocked=Counter(browsers[0].blocked), tools={**tools, "sandbox": self._sandbox})

    def _open(self, opened: ExitStack, recording: Recording, layout: Layout) -> list[Browser]:
        """Open the browsers that are to draw, each with its page."""
        answer_seconds, pulse = self._bounds.answer_seconds, self._progress.pulse
        browsers: list[Browser] = []
        for _ in range(self._shares(recording, layout)):
            browser = Browser(self._place, self._programs, pulse=pulse, answer_seconds=answer_seconds, sandbox=self._sandbox)
            browsers.append(opened.enter_context(browser))
            self.open_page(browser, recording, layout)
        return browsers

    def _draw(self, opened: ExitStack, browsers: Sequence[Browser], recording: Recording, layout: Layout) -> Iterator[bytes]:
        """Return all pictures in their order; several browsers draw them in threads of their own, until ``opened`` ends."""
        shares = len(browsers)
        drawn = [self._pictures(browser, recording, layout, share=share, shares=shares) for share, browser in enumerate(browsers)]
        if shares == 1:
            return drawn[0]
        stop = threading.Event()
        for browser in browsers:
            browser.watch(partial(go_on, stop))
        return opened.enter_context(in_turn(drawn, pictures=len(layout.plan.captures), stop=stop, pulse=self._progress.pulse))

    def _shares(self, recording: Recording, layout: Layout) -> int:
        """Return how many browsers draw: several only where that pays, such pages fit into a lane, and the processors are free."""
        pays = len(layout.plan.captures) >= SHARED_CAPTURES and recording.size_bytes <= SHARED_BYTES
        return min(self._most_browsers, len(os.sched_getaffinity(0))) if pays and self._place.is_alone() else 1

    def _pictures(self, browser: Browser, recording: Recording, layout: Layout, *, share: int, shares: int) -> Generator[bytes]:
        """Take one share of the planned pictures in their order, and apply what follows the last one.

        While a picture is encoded the browser applies what comes up to the next one.
        """
        texts = deque(layout.footer.texts)
        entries = [entry.line for entry in recording.entries]
        captures, applied = layout.plan.captures, 0

        def begin(place: int) -> int:
            nonlocal applied
            text, start = None, applied
            while texts and place < len(captures) and texts[0][0] <= captures[place].frame:
                text = texts.popleft()[1]
            applied = captures[place].applied if place < len(captures) else len(entries)
            return self.begin_step(browser, entries[start:applied], text)

        under_way = begin(0)
        for place in range(len(captures)):
            browser.applied(under_way)
            picture = browser.picture() if share_of(place, shares=shares) == share else None
            under_way = begin(place + 1)
            if picture is not None:
                yield picture
        browser.applied(under_way)

    def open_page(self, browser: Browser, recording: Recording, layout: Layout) -> None:
        """Open the replayer's page. Raises TransientError (render) when that is not what its driver needs."""
        size = layout.canvas
        scripts = [replayer.read_bundle(self._programs.replayer), replayer.driver()]
        browser.open_page(width=size.width, height=size.height, html=replayer.host_page(), scripts=scripts)
        words = {
            "width": size.width,
            "pageHeight": size.page_height,
            "footerHeight": layout.footer.height,
            "textTop": layout.footer.text_y,
            "startedAt": recording.started_ms,
        }
        if not browser.apply("econsentStart", dumps(words)):
            raise TransientError(ErrorClass.RENDER, "the replayer lacks what its driver needs; fetch the pinned one again")

    def begin_step(self, browser: Browser, lines: Sequence[int], text: Sequence[str] | None) -> int:
        """Apply events to the page, in portions that the pipe and the page take at once, and then the footer's text, where it changes.

        Return the number of the last portion, which is not waited for.
        """
        at = 0
        while True:
            end, size = at, 0
            while end < len(lines) and (end == at or size + self._spool.size_bytes(lines[end]) <= STEP_BYTES):
                size += self._spool.size_bytes(lines[end])
                end += 1
            last = end == len(lines)
            sent = browser.begin("econsentStep", self._spool.array(lines[at:end]), dumps(text if last else None))
            if last:
                return sent
            browser.applied(sent)
            at = end

    def _write_down(
        self,
        recording: Recording,
        session: Session,
        layout: Layout,
        captured: Captured,
        *,
        video: Path,
        milliseconds: tuple[int, int],
    ) -> Rendered:
        size, sha256 = hash_of(video)
        if size > self._bounds.output_bytes:
            raise BadItem(ErrorClass.DATA, f"the video has {size} bytes, at most {self._bounds.output_bytes} are allowed")
        folder = self._place.folder
        (folder / POSTER).write_bytes(captured.poster)
        document = sidecar(
            session,
            recording,
            layout.plan,
            layout.canvas,
            video=(size, sha256),
            poster_sha256=sha256_hex(captured.poster),
            blocked=captured.blocked,
            tools=captured.tools,
        )
        (folder / SIDECAR).write_bytes(canonical_json(document))
        facts = Facts(
            source_sha256=recording.sha256,
            source_events=recording.events,
            promoted_snapshot_index=recording.promoted,
            width=layout.canvas.width,
            height=layout.canvas.height,
            fps=FPS,
            duration_ms=layout.plan.frames * STEP_MS,
            frames=layout.plan.frames,
            dropped_events=sum(recording.dropped.values()),
            blocked_requests=sum(captured.blocked.values()),
            output_bytes=size,
            output_sha256=sha256,
            render_ms=milliseconds[0],
            encode_ms=milliseconds[1],
            tool_versions=captured.tools,
        )
        return Rendered(video=video, poster=folder / POSTER, sidecar=folder / SIDECAR, facts=facts)


def lay_out(recording: Recording, session: Session, bounds: Bounds) -> Layout:
    """Decide what the video shows. Raises BadItem (data) past a bound."""
    first = session.certificates[0].certificate_id if session.certificates else None
    width = max(SMALLEST_SIDE, recording.width)
    footer = plan_footer(recording.pages, first, frames=grid(recording), width=width)
    chapters = plan_chapters(recording, session.certificates)
    return Layout(plan=plan(recording, chapters, bounds=bounds), canvas=canvas(recording, footer_height=footer.height), footer=footer)


@cache
def ffmpeg_version(program: Path) -> str:
    """Return what ffmpeg calls itself."""
    told = run([str(program), "-version"], capture_output=True, text=True, check=True, timeout=START_SECONDS).stdout
    return told.split()[2]
