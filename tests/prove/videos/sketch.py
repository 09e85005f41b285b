"""Conversions without browser and encoder, for histories: recordings are read and laid out by the job's own rules, and what would be drawn
is a function of them. The video is an MP4 as far as its boxes go, so that the verifier's own rules can judge it.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final, cast

from econsent_jobs.core.canonical_json import canonical_json, sha256_hex
from econsent_jobs.io.recording_file import Readable, RecordingFile
from econsent_jobs.mp4_conversion.conversion import POSTER, SIDECAR, Layout, lay_out
from econsent_jobs.mp4_conversion.encoder import VIDEO
from econsent_jobs.mp4_conversion.model import FPS, STEP_MS, Bounds, Facts, Recording, Rendered, Session
from econsent_jobs.mp4_conversion.progress import Progress
from econsent_jobs.mp4_conversion.rules.intake import Intake
from econsent_jobs.mp4_conversion.rules.sidecar import sidecar

BOUNDS: Final = Bounds()
TOOLS: Final = {"rrweb": "none", "chromium": "none", "ffmpeg": "none", "sandbox": False}


class Sketching:
    """``write`` keeps a file and says where; ``step`` is called before each part, by its name, and may raise."""

    def __init__(self, *, write: Callable[[str, bytes], Path], step: Callable[[str], None]) -> None:
        self._write, self._step = write, step

    @contextmanager
    def conversion(self, beat: Callable[[Progress], None]) -> Generator["Sketch"]:
        yield Sketch(beat, self._write, self._step)


class Sketch:
    """One conversion. It beats before and after each part, as a real one does all the time."""

    def __init__(self, beat: Callable[[Progress], None], write: Callable[[str, bytes], Path], step: Callable[[str], None]) -> None:
        no_place: Any = None  # there is no process whose memory could be measured
        self._progress = Progress(bounds=BOUNDS, place=no_place, beat=beat, began=monotonic())
        self._write, self._step = write, step

    def read(self, stream: Readable) -> Recording:
        self._part("read")
        file, intake = RecordingFile(stream, largest_bytes=BOUNDS.recording_bytes), Intake(BOUNDS)
        for event in file.events():
            intake.add(event)
        return intake.finish(sha256=file.sha256, size_bytes=file.size_bytes)

    def render(self, recording: Recording, session: Session) -> Rendered:
        layout = lay_out(recording, session, BOUNDS)
        self._progress.frames = layout.plan.frames
        for part in ("render", "encode"):
            self._part(part)
        return draw(recording, session, layout, self._write)

    def _part(self, name: str) -> None:
        self._progress.beat(self._progress)
        self._step(name)
        self._progress.beat(self._progress)


def draw(recording: Recording, session: Session, layout: Layout, write: Callable[[str, bytes], Path]) -> Rendered:
    words = [recording.sha256, *(line for _, text in layout.footer.texts for line in text)]
    canvas, frames = layout.canvas, layout.plan.frames
    video = film(canvas.width, canvas.height, frames * STEP_MS, "\n".join(words).encode())
    poster = b"\xff\xd8\xff" + recording.sha256.encode()
    named = {"video": (len(video), sha256_hex(video)), "poster_sha256": sha256_hex(poster)}
    document = sidecar(session, recording, layout.plan, canvas, **cast("Any", named), blocked={}, tools=TOOLS)
    facts = Facts(
        source_sha256=recording.sha256,
        source_events=recording.events,
        promoted_snapshot_index=recording.promoted,
        width=canvas.width,
        height=canvas.height,
        fps=FPS,
        duration_ms=frames * STEP_MS,
        frames=frames,
        dropped_events=sum(recording.dropped.values()),
        blocked_requests=0,
        output_bytes=len(video),
        output_sha256=sha256_hex(video),
        render_ms=1,
        encode_ms=1,
        tool_versions=TOOLS,
    )
    places = (write(name, data) for name, data in ((VIDEO, video), (POSTER, poster), (SIDECAR, canonical_json(document))))
    return Rendered(**dict(zip(("video", "poster", "sidecar"), places, strict=True)), facts=facts)


def film(width: int, height: int, duration_ms: int, pictures: bytes) -> bytes:
    """Return the boxes of an MP4 that say its size and length, with anything for its pictures."""
    header = box(b"mvhd", bytes(12) + (1_000).to_bytes(4, "big") + duration_ms.to_bytes(4, "big"))
    track = box(b"tkhd", bytes(76) + (width << 16).to_bytes(4, "big") + (height << 16).to_bytes(4, "big"))
    codec = box(b"stsd", bytes(12) + b"avc1")
    for name in (b"stbl", b"minf", b"mdia"):
        codec = box(name, codec)
    return box(b"ftyp", b"isom") + box(b"moov", header + box(b"trak", track + codec)) + box(b"mdat", pictures)


def box(name: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + name + content
