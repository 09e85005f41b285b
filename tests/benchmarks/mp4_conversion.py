"""MP4 conversion against its limit: the slower of taking the same pictures, and of encoding them.

1. Make the corpus: the demo's three real recordings, and further ones made up event by event in rrweb's format: a long form, changing
   routes, a phone, much scrolling, a canvas, shadow roots and dialogs, two hours of which most is idle, 100,000 events, and one in which
   every frame is another.
2. For each: convert it once whole (read, render and encode at once, inspect), and measure length, time and memory.
3. In pairs, on one recording: the whole conversion; then the bare loop of as many pictures of the same page, and the bare encoding of the
   same pictures. The limit is the larger one. The first of a pair alternates.
4. Convert one recording twice, and compare the bytes.
"""

import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from demo.recordings import encode, recording
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
from econsent_stack.chromium import SHARED, fetched, video_programs
from econsent_stack.progress import Progress as Said

Event = dict[str, Any]
STARTED_MS: Final = 1_772_000_000_000
PAIRED: Final = "form60"
BOUNDS: Final = Bounds(seconds=3_600)


def element(identifier: int, tag: str, *children: Event, **attributes: Any) -> Event:
    return {"type": 2, "id": identifier, "tagName": tag, "attributes": attributes, "childNodes": list(children)}


def words(identifier: int, text: str) -> Event:
    return {"type": 3, "id": identifier, "textContent": text}


def page(*body: Event, width: int = 1280, height: int = 720, href: str = "https://example.com/") -> list[Event]:
    document = {"type": 0, "id": 1, "childNodes": [element(2, "html", element(3, "head"), element(4, "body", *body))]}
    snapshot = {"node": document, "initialOffset": {"top": 0, "left": 0}}
    return [
        {"type": 4, "timestamp": STARTED_MS, "data": {"href": href, "width": width, "height": height}},
        {"type": 2, "timestamp": STARTED_MS + 20, "data": snapshot},
    ]


def change(at_ms: float, source: int, **data: Any) -> Event:
    return {"type": 3, "timestamp": STARTED_MS + at_ms, "data": {"source": source, **data}}


def set_text(at_ms: float, identifier: int, text: str) -> Event:
    return change(at_ms, 0, adds=[], removes=[], attributes=[], texts=[{"id": identifier, "value": text}])


def set_attributes(at_ms: float, identifier: int, **attributes: Any) -> Event:
    return change(at_ms, 0, adds=[], removes=[], texts=[], attributes=[{"id": identifier, "attributes": attributes}])


def paragraphs(count: int) -> list[Event]:
    text = "Integer nec odio. Praesent libero. Sed cursus ante dapibus diam. "
    return [element(100 + 2 * number, "p", words(101 + 2 * number, f"{number}: {text * 3}")) for number in range(count)]


def long_form() -> Iterator[Event]:
    """Forty fields, filled in letter by letter over ten minutes."""
    fields = [element(100 + number, "input", type="text", value="") for number in range(40)]
    yield from page(*[element(200 + number, "div", field) for number, field in enumerate(fields)])
    for number in range(40):
        for letter in range(1, 11):
            yield change(number * 15_000 + letter * 250, 5, id=100 + number, text="abcdefghij"[:letter], isChecked=False)


def routes() -> Iterator[Event]:
    """An application that changes its address and its content every five seconds for two minutes."""
    yield from page(element(10, "h1", words(11, "start")), *paragraphs(10))
    for number in range(1, 24):
        at_ms = number * 5_000
        href = f"https://example.com/route/{number}"
        yield {"type": 4, "timestamp": STARTED_MS + at_ms, "data": {"href": href, "width": 1280, "height": 720}}
        yield set_text(at_ms + 30, 11, f"Route {number}")
        for line in range(10):
            yield set_text(at_ms + 40 + line, 101 + 2 * line, f"{number}.{line} " + "other words " * 20)


def phone() -> Iterator[Event]:
    """Fingers that swipe and tap for a minute."""
    yield from page(*paragraphs(60), width=390, height=844)
    for number in range(20):
        at_ms = 1_000 + number * 2_900
        yield change(at_ms, 2, type=7, id=100, x=200, y=700)
        places = [{"timeOffset": 50 * step - 500, "x": 200, "y": 700 - 40 * step, "id": 100} for step in range(10)]
        yield change(at_ms + 600, 6, positions=places)
        for step in range(10):
            yield change(at_ms + 100 + 50 * step, 3, id=1, x=0, y=number * 150 + 15 * step)
        yield change(at_ms + 700, 2, type=9, id=100, x=200, y=300)


def scrolling() -> Iterator[Event]:
    """A page of 400 paragraphs, scrolled up and down for a minute."""
    yield from page(*paragraphs(400))
    for number in range(400):
        yield change(500 + number * 150, 3, id=1, x=0, y=abs(200 - number) * 60)


def drawing() -> Iterator[Event]:
    """A canvas, whose state the snapshot holds, and thirty seconds beside it."""
    picture = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='600' height='300'><circle cx='90' cy='90' r='80'/></svg>"
    yield from page(element(10, "canvas", rr_dataURL=picture, width="600", height="300"), element(11, "p", words(12, "0")))
    for number in range(60):
        yield set_text(500 + number * 500, 12, f"{number}")


def nested() -> Iterator[Event]:
    """Twenty shadow roots and dialogs that open and close for a minute."""
    hosts = [
        element(100 + 10 * number, "div", {**element(101 + 10 * number, "p", words(102 + 10 * number, "in the shade")), "isShadow": True})
        for number in range(20)
    ]
    for host in hosts:
        host["isShadowHost"] = True
    yield from page(*hosts, element(900, "dialog", words(901, "Do you agree?")))
    for number in range(30):
        opened = {"open": ""} if number % 2 == 0 else {"open": None}
        yield set_attributes(1_000 + number * 2_000, 900, **opened)
        yield set_text(1_500 + number * 2_000, 102 + 10 * (number % 20), f"said {number}")


def two_hours() -> Iterator[Event]:
    """Two hours, in which something happens every four minutes."""
    yield from page(*paragraphs(20))
    for number in range(30):
        for step in range(20):
            yield set_text(number * 240_000 + step * 200, 101 + 2 * step, f"{number} at {step}")


def many_events() -> Iterator[Event]:
    """100,000 moves and changes in five minutes."""
    yield from page(*paragraphs(20))
    for batch in range(600):
        places = [{"timeOffset": 3 * step - 480, "x": 10 + step, "y": 20 + batch % 600, "id": 100} for step in range(160)]
        yield change(500 + batch * 500, 1, positions=places)
        for step in range(6):
            yield set_text(500 + batch * 500, 101 + 2 * step, f"{batch} {step}")


def restless() -> Iterator[Event]:
    """A minute in which every frame is another."""
    yield from page(*paragraphs(20))
    for number in range(600):
        yield set_text(number * 100, 101, f"frame {number}")


MADE: Final[Mapping[str, Callable[[], Iterator[Event]]]] = {
    each.__name__: each for each in (long_form, routes, phone, scrolling, drawing, nested, two_hours, many_events, restless)
}


def corpus() -> dict[str, bytes]:
    real = {name: b"".join(encode(recording(name).events)) for name in ("form10", "form60", "idle300")}
    return real | {name: json.dumps(list(make())).encode() for name, make in MADE.items()}


class Bench:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.studio = Studio(settings)
        self.memory_bytes = 0

    def beat(self, progress: Progress) -> None:
        self.memory_bytes = max(self.memory_bytes, progress.place.memory_bytes()) if progress.done % 50 == 1 else self.memory_bytes

    def convert(self, contents: bytes) -> tuple[float, Facts, Recording]:
        """Return the seconds of a whole conversion."""
        began = time.monotonic()
        with self.studio.conversion(self.beat) as conversion:
            found = conversion.read(BytesIO(contents))
            rendered = conversion.render(found, unknown_session("bench"))
            return time.monotonic() - began, rendered.facts, found

    def limit(self, contents: bytes) -> float:
        """Return the seconds of the slower of the bare loop of pictures and the bare encoding of them."""
        with Workplace(self.settings.work_folder) as place, Spool(place.folder) as spool:
            progress = Progress(bounds=BOUNDS, place=place, beat=still, began=time.monotonic())
            bare = Conversion(place, spool, progress, self.settings, sandbox=True)
            found = bare.read(BytesIO(contents))
            layout = lay_out(found, unknown_session("bench"), BOUNDS)
            with Browser(place, self.settings.programs, pulse=progress.pulse, answer_seconds=60) as browser:
                bare.open_page(browser, found, layout)
                bare.step(browser, [entry.line for entry in found.entries[:2]], None)
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


def main(argv: list[str]) -> int:
    options = arguments("mp4_conversion", __doc__, items=len(MADE) + 3, what="recordings").parse_args(argv)
    fetched(SHARED, Said())
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Settings(programs=find_programs(video_programs()), work_folder=Path(folder), bounds=BOUNDS))
        recordings = dict(list(corpus().items())[: options.items])
        bench.convert(recordings[next(iter(recordings))])  # the sandbox is looked for once
        speeds: dict[str, float] = {}
        hashes: dict[str, str] = {}
        for name, contents in recordings.items():
            seconds, facts, _ = bench.convert(contents)
            speeds[name], hashes[name] = round(facts.duration_ms / 1000 / seconds, 1), facts.output_sha256
            sys.stderr.write(f"{name}: {facts.duration_ms / 1000:.0f} s in {seconds:.1f} s, {speeds[name]} x, {facts.output_bytes} bytes\n")
        paired = recordings.get(PAIRED) or next(iter(recordings.values()))
        pairs: list[Pair] = measured(options.pairs, lambda: bench.convert(paired)[0], lambda: bench.limit(paired))
        parts = {
            "times_real_time": speeds,
            "worst": min(speeds.values()),
            "same_bytes_again": bench.convert(paired)[1].output_sha256 == hashes.get(PAIRED, bench.convert(paired)[1].output_sha256),
            "browser_and_ffmpeg_mb": bench.memory_bytes // 1024**2,
        }
    own_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    line = report("mp4_conversion", items=len(recordings), pairs=pairs, parts=parts, rss_mb=own_mb + parts["browser_and_ffmpeg_mb"])
    show({**line, "times_real_time": round(statistics.median(speeds.values()), 1)}, on_one_line=options.json)
    return 0
