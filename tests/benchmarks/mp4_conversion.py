"""MP4 conversion against its limit: the slower of taking the same pictures, and of encoding them.

1. Take the corpus: the demo's three recordings and the eleven of tests/corpus, all made with rrweb in a browser.
2. For each: convert it once whole (read, render and encode at once, inspect), measure length and time, and compare some of its frames with
   pictures that rrweb's own player gives (structural similarity).
3. In pairs, on one recording: the whole conversion; then the bare loop of as many pictures of the same page, and the bare encoding of the
   same pictures. The limit is the larger one. The first of a pair alternates.
4. Convert one recording twice, and compare the bytes; convert one of 50 MB, and look at the memory.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser as Player

from econsent_jobs.mp4_conversion.browser import Browser
from econsent_jobs.mp4_conversion.commands import unknown_session
from econsent_jobs.mp4_conversion.conversion import Conversion, Studio, lay_out
from econsent_jobs.mp4_conversion.encoder import Encoder
from econsent_jobs.mp4_conversion.model import Bounds, Facts, Recording, Settings
from econsent_jobs.mp4_conversion.programs import find_programs
from econsent_jobs.mp4_conversion.progress import Progress
from econsent_jobs.mp4_conversion.spool import Spool
from econsent_jobs.mp4_conversion.workplace import Workplace
from econsent_stack.benchmark import Pair, arguments, measured, report, show
from econsent_stack.browser import open_browser
from econsent_stack.chromium import SHARED, chromium, fetched, video_programs
from econsent_stack.progress import Progress as Said
from tests.corpus import all_recordings
from tests.corpus.reference import references, samples, similarity
from tests.integration.mp4_conversion.given import change_text, full_snapshot, meta, node, text, written

RECORDINGS: Final = 14
PAIRED: Final = "form60"
BOUNDS: Final = Bounds(seconds=3_600)
HEAVY_PARTS, PART_BYTES = 500, 100_000
SAMPLES: Final = 3


def heavy() -> bytes:
    """A recording of 50 MB: a minute in which a page's text is another one, of 100 kB, every eighth of a second."""
    words = "Integer nec odio praesent libero. " * (PART_BYTES // 34)
    page = full_snapshot(node(5, "h1", text(6, "A long text")), node(7, "p", text(8, "")))
    changes = (change_text(120.0 * number, 8, f"{number} {words}") for number in range(1, HEAVY_PARTS + 1))
    return written([meta(width=1280, height=720), page, *changes])


class Bench:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.studio = Studio(settings)
        self.memory_bytes = 0

    def beat(self, progress: Progress) -> None:
        if progress.done % 50 == 1:
            self.memory_bytes = max(self.memory_bytes, progress.place.memory_bytes())

    def convert(self, contents: bytes, keep: Path | None = None) -> tuple[float, Facts, Recording]:
        """Return the seconds of a whole conversion; with ``keep``, leave the video there."""
        began = time.monotonic()
        with self.studio.conversion(self.beat) as conversion:
            found = conversion.read(BytesIO(contents))
            rendered = conversion.render(found, unknown_session("bench"))
            seconds = time.monotonic() - began
            if keep is not None:
                keep.write_bytes(rendered.video.read_bytes())
            return seconds, rendered.facts, found

    def likeness(self, player: Player, contents: bytes, facts: Facts, found: Recording, video: Path) -> float:
        """Return the least similarity of some of its frames to what rrweb's own player shows at their moments."""
        size, programs = (found.width, found.height), self.settings.programs
        shown = references(player, programs, contents, size=size, frames=samples(facts.frames, SAMPLES))
        return min(similarity(video, programs, frame, picture, size=size) for frame, picture in shown)

    def limit(self, contents: bytes) -> float:
        """Return the seconds of the slower of the bare loop of pictures and the bare encoding of them."""
        with Workplace(self.settings.work_folder) as place, Spool(place.folder) as spool:
            progress = Progress(bounds=BOUNDS, place=place, beat=still, began=time.monotonic())
            bare = Conversion(place, spool, progress, self.settings, sandbox=True)
            found = bare.read(BytesIO(contents))
            layout = lay_out(found, unknown_session("bench"), BOUNDS)
            with Browser(place, self.settings.programs, pulse=progress.pulse, answer_seconds=60) as browser:
                bare.open_page(browser, found, layout)
                browser.applied(bare.begin_step(browser, [entry.line for entry in found.entries[:2]], None))
                began = time.monotonic()
                pictures = [browser.picture() for _ in layout.plan.captures]
                taking = time.monotonic() - began
            encoder = Encoder(
                place,
                self.settings.programs.ffmpeg,
                canvas=layout.canvas,
                footer=layout.footer,
                plan=layout.plan,
                started_ms=found.started_ms,
                pulse=progress.pulse,
            )
            began, at = time.monotonic(), -1
            captured = {capture.frame for capture in layout.plan.captures}
            for number in layout.plan.fed:
                at += number in captured
                encoder.feed(number, pictures[at])
            encoder.finish()
            return max(taking, time.monotonic() - began)


def still(progress: Progress) -> None:
    """Nothing holds a lease here."""


def lane(recording: Path) -> dict[str, int]:
    """Convert one recording in a process of its own, and return what it took, in MB: worker, and browser and ffmpeg at once."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Settings(programs=find_programs(video_programs()), work_folder=Path(folder), bounds=BOUNDS))
        with bench.studio.conversion(bench.beat) as conversion, recording.open("rb") as stream:
            conversion.render(conversion.read(stream), unknown_session("bench"))
    own_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"recording": recording.stat().st_size // 1_000_000, "worker": own_mb, "browser_and_ffmpeg": bench.memory_bytes // 1024**2}


def main(argv: list[str]) -> int:
    parser = arguments("mp4_conversion", __doc__, items=RECORDINGS, what="recordings")
    parser.add_argument("--lane", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.lane is not None:
        sys.stdout.write(f"{json.dumps(lane(options.lane))}\n")
        return 0
    recordings = dict(list(all_recordings().items())[: options.items])
    fetched(SHARED, Said())
    with tempfile.TemporaryDirectory() as folder, open_browser(chromium(SHARED, Said())) as player:
        bench = Bench(Settings(programs=find_programs(video_programs()), work_folder=Path(folder), bounds=BOUNDS))
        bench.convert(recordings["form10"])  # the sandbox is looked for once
        speeds: dict[str, float] = {}
        likenesses: dict[str, float] = {}
        for name, contents in recordings.items():
            video = Path(folder) / "last.mp4"
            seconds, facts, found = bench.convert(contents, keep=video)
            speeds[name] = round(facts.duration_ms / 1000 / seconds, 1)
            likenesses[name] = round(bench.likeness(player, contents, facts, found, video), 4)
            told = f"{facts.duration_ms / 1000:.0f} s in {seconds:.1f} s, {speeds[name]} x, {facts.output_bytes} bytes"
            sys.stderr.write(f"{name}: {told}, SSIM {likenesses[name]}\n")
        paired = recordings.get(PAIRED, recordings["form10"])
        pairs: list[Pair] = measured(options.pairs, lambda: bench.convert(paired)[0], lambda: bench.limit(paired))
        hashes = {bench.convert(paired)[1].output_sha256 for _ in range(2)}
        large = Path(folder) / "large.json"
        large.write_bytes(heavy())
        own_process = [sys.executable, "-m", "econsent_stack", "bench", "mp4_conversion", "--lane", large]
        memory = json.loads(subprocess.run(own_process, stdout=subprocess.PIPE, check=True).stdout)
    parts = {
        "times_real_time": speeds,
        "worst": min(speeds.values()),
        "similarity": likenesses,
        "least_similarity": min(likenesses.values()),
        "same_bytes_again": len(hashes) == 1,
        "memory_mb": memory,
    }
    line = report("mp4_conversion", items=len(recordings), pairs=pairs, parts=parts, rss_mb=memory["worker"] + memory["browser_and_ffmpeg"])
    show({**line, "times_real_time": round(statistics.median(speeds.values()), 1)}, on_one_line=options.json)
    return 0
