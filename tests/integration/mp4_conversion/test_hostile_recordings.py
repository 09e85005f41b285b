"""Recordings are hostile input: each bad one gets a named refusal or a video of what is left, and none of them reaches out."""

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import ffmpeg
import pytest

from econsent_jobs.core.errors import BadItem
from econsent_jobs.mp4_conversion.commands import unknown_session
from econsent_jobs.mp4_conversion.conversion import Studio
from econsent_jobs.mp4_conversion.model import Programs, Rendered, Settings
from econsent_jobs.mp4_conversion.progress import Progress
from tests.integration.mp4_conversion.given import (
    STARTED_MS,
    change_attributes,
    change_text,
    full_snapshot,
    meta,
    node,
    small_recording,
    text,
    written,
)

SMALL = small_recording()
PAGE = full_snapshot(node(5, "p", text(6, "a page")))


def still(progress: Progress) -> None:
    """Nothing holds a lease here."""


@pytest.fixture(scope="module")
def made(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], "Made"]:
    """Convert a recording, and keep what a test looks at."""
    folder = tmp_path_factory.mktemp("videos")
    studio = Studio(Settings(programs=programs, work_folder=folder / "work"))

    def convert(contents: bytes) -> Made:
        with studio.conversion(still) as conversion:
            recording = conversion.read(BytesIO(contents))
            return Made(conversion.render(recording, unknown_session("s")), folder, programs)

    return convert


class Made:
    """A video that was made: what it says of itself, and its pictures."""

    def __init__(self, rendered: Rendered, folder: Path, programs: Programs) -> None:
        self.facts = rendered.facts
        self.document: dict[str, Any] = json.loads(rendered.sidecar.read_bytes())
        self.video = folder / "last.mp4"
        self.video.write_bytes(rendered.video.read_bytes())
        self._programs = programs

    @property
    def seconds(self) -> float:
        return float(ffmpeg.probe(str(self.video), cmd=str(self._programs.ffprobe))["format"]["duration"])

    def frame(self, at_seconds: float) -> "Picture":
        """Return what is seen at a moment: the frame before it goes on until the next one."""
        shown = ffmpeg.input(str(self.video)).filter("fps", 10).filter("select", f"eq(n,{round(at_seconds * 10)})")
        words = shown.output("pipe:", vframes=1, f="rawvideo", pix_fmt="rgb24")
        dots, _ = words.run(cmd=str(self._programs.ffmpeg), capture_stdout=True, capture_stderr=True)
        return Picture(dots, self.facts.width)


class Picture:
    def __init__(self, dots: bytes, width: int) -> None:
        self._dots, self._width = dots, width

    def colour(self, x: int, y: int) -> tuple[int, ...]:
        at = 3 * (y * self._width + x)
        return tuple(self._dots[at : at + 3])

    def shows(self, x: int, y: int, colour: Sequence[int]) -> bool:
        return all(abs(found - wanted) <= 24 for found, wanted in zip(self.colour(x, y), colour, strict=True))


@pytest.mark.parametrize(
    ("contents", "told"),
    [
        pytest.param(b"", "not valid JSON", id="empty"),
        pytest.param(b'{"events": []}', "holds no event", id="no array"),
        pytest.param(b"[{", "not valid JSON", id="broken JSON"),
        pytest.param(written(SMALL)[:-40], "not valid JSON", id="cut off"),
        pytest.param(written([]), "holds no event", id="no event"),
        pytest.param(written([meta()]), "has 1 events, at least 2", id="one event"),
        pytest.param(written([meta(), change_text(100, 8, "x")]), "no full snapshot", id="no full snapshot"),
        pytest.param(b'["a", null, 7]', "none of the recording's 3 events can be replayed", id="no event that is one"),
        pytest.param(written([{**PAGE, "timestamp": None}, {**meta(), "timestamp": "x"}]), "none of the", id="no time at all"),
        pytest.param(b'[{"type": 5, "timestamp": 1e400}, 1]', "not valid JSON", id="an endless time"),
        pytest.param(b"[" + b"[" * 5_000 + b"]" * 5_000 + b"]", "has 1 events", id="brackets without end"),
        pytest.param(b'[{"data": "' + b"x" * 12_000_000 + b'"}]', "more than 10485760 bytes", id="an event of 12 MB"),
    ],
)
def test_what_no_video_can_be_made_of_is_refused_before_a_browser_starts(settings: Settings, contents: bytes, told: str) -> None:
    with pytest.raises(BadItem, match=told) as refusal, Studio(settings).conversion(still) as conversion:
        conversion.read(BytesIO(contents))
    assert refusal.value.error_class == "data"


def test_what_cannot_be_replayed_is_left_out_and_counted(made: Callable[[bytes], Made]) -> None:
    """A null timestamp or a string would stop the replayer without a word: what comes after them has to be seen."""
    colour = change_attributes(900, 5, style="position:fixed;left:0;top:0;width:50px;height:50px;background:#ff0000")
    bad = ["a string", None, 7, {}, {"type": 3, "timestamp": None, "data": {}}, {"type": 99, "timestamp": STARTED_MS + 1, "data": {}}]
    strange = [{"type": 3, "timestamp": STARTED_MS + 500, "data": {"source": source}} for source in (None, 77, True)]
    missing = change_text(700, 4_711, "a node that is not there")

    video = made(written([meta(), PAGE, *bad, *strange, missing, colour, change_text(1_500, 6, "end")]))

    assert video.facts.dropped_events == 9
    assert video.document["recording"]["dropped"] == {
        "no object": 3,
        "no timestamp": 2,
        "unknown source": 3,
        "unknown type": 1,
    }
    assert video.frame(1.2).shows(45, 45, (255, 0, 0)), "what comes after the bad ones is applied"


def test_events_out_of_order_are_put_in_order(made: Callable[[bytes], Made]) -> None:
    red = change_attributes(600, 5, style="position:fixed;left:0;top:0;width:50px;height:50px;background:#ff0000")
    blue = change_attributes(1_000, 5, style="position:fixed;left:0;top:0;width:50px;height:50px;background:#0000ff")

    video = made(written([meta(), PAGE, blue, red, change_text(1_500, 6, "end")]))

    assert video.frame(0.8).shows(45, 45, (255, 0, 0))
    assert video.frame(1.3).shows(45, 45, (0, 0, 255))


def test_every_change_is_seen_within_one_step(made: Callable[[bytes], Made]) -> None:
    """It turns red at 0.41 s: not yet at 0.4 s, and by 0.5 s."""
    red = change_attributes(410, 5, style="position:fixed;left:0;top:0;width:50px;height:50px;background:#ff0000")

    video = made(written([meta(), PAGE, red, change_text(900, 6, "end")]))

    assert not video.frame(0.4).shows(45, 45, (255, 0, 0))
    assert video.frame(0.5).shows(45, 45, (255, 0, 0))


def test_one_broken_clock_reading_makes_no_video_of_days(made: Callable[[bytes], Made]) -> None:
    astray = change_text(198 * 86_400_000, 6, "198 days later")

    video = made(written([meta(), PAGE, change_text(500, 6, "a"), astray, change_text(1_000, 6, "b")]))

    assert video.seconds == pytest.approx(1.1)
    assert video.document["recording"]["clampedTimes"] == 1


def test_all_times_equal_is_one_frame(made: Callable[[bytes], Made]) -> None:
    video = made(written([meta(), {**PAGE, "timestamp": STARTED_MS}, {**change_text(0, 6, "now")}]))

    assert (video.facts.frames, video.facts.duration_ms) == (1, 100)
    assert video.seconds == pytest.approx(0.1)


def test_a_long_pause_is_kept_and_costs_no_capture(made: Callable[[bytes], Made]) -> None:
    later = [change_text(120_000 + more, 6, str(more)) for more in range(4)]

    video = made(written([meta(), PAGE, *later]))

    assert video.seconds == pytest.approx(120.1)
    assert len(video.document["frames"]) == 3


def test_without_a_meta_event_the_page_has_the_usual_size(made: Callable[[bytes], Made]) -> None:
    video = made(written([PAGE, change_text(300, 6, "x")]))

    assert (video.facts.width, video.document["video"]["pageHeight"]) == (1280, 720)


def test_the_canvas_is_the_largest_page_and_even(made: Callable[[bytes], Made]) -> None:
    resize = {"type": 3, "timestamp": STARTED_MS + 300, "data": {"source": 4, "width": 401, "height": 199}}

    video = made(written([meta(), PAGE, resize, change_text(600, 6, "x")]))

    assert (video.facts.width, video.document["video"]["pageHeight"]) == (402, 240)


def test_a_later_snapshot_takes_the_place_of_an_incomplete_first_one(made: Callable[[bytes], Made]) -> None:
    whole = full_snapshot(
        node(5, "div", style="position:fixed;left:0;top:0;width:50px;height:50px;background:#00ff00"),
        *[node(10 + number, "p") for number in range(10)],
        at_ms=800,
    )

    video = made(written([meta(), full_snapshot(node(5, "p")), whole, change_text(1_000, 6, "x")]))

    assert video.facts.promoted_snapshot_index == 2
    assert video.frame(0.1).shows(45, 45, (0, 255, 0)), "it is shown where the first one stood"


def test_a_canvas_is_shown_as_it_was_and_a_video_as_its_poster(made: Callable[[bytes], Made]) -> None:
    red = (
        "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='60' height='60'><rect width='60' height='60' fill='red'/></svg>"
    )
    at = "position:fixed;top:0;width:60px;height:60px;left:"
    page = full_snapshot(
        node(5, "canvas", rr_dataURL=red, style=f"{at}0"),
        node(6, "video", poster=red, style=f"{at}80px"),
        node(7, "video", style=f"{at}160px"),
    )

    picture = made(written([meta(), page, change_text(300, 9, "x")])).frame(0.2)

    assert picture.shows(30, 30, (255, 0, 0))
    assert picture.shows(110, 30, (255, 0, 0))
    assert picture.shows(165, 20, (51, 51, 51)), "without a poster, a box that says what it is"


def test_what_is_drawn_on_a_canvas_is_drawn_when_it_was(made: Callable[[bytes], Made]) -> None:
    """By the calls that the recording names, as far as they only draw, and by bitmaps; the rest is left out and counted."""
    blue = bitmap_of("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYPgPAAEDAQAIicLsAAAAAElFTkSuQmCC")

    def drawn(at_ms: float, *commands: Mapping[str, Any], kind: int = 0) -> dict[str, Any]:
        return {"type": 3, "timestamp": STARTED_MS + at_ms, "data": {"source": 9, "id": 5, "type": kind, "commands": list(commands)}}

    page = full_snapshot(node(5, "canvas", width="60", height="60", style="position:fixed;top:0;left:0"), node(6, "p", text(7, "")))
    events = [
        drawn(500, {"property": "fillStyle", "args": ["#ff0000"], "setter": True}, {"property": "fillRect", "args": [0, 0, 30, 60]}),
        drawn(700, {"property": "constructor", "args": ["alert(1)"]}, {"property": "drawImage", "args": [blue, 30, 0, 30, 60]}),
        drawn(900, {"property": "drawImage", "args": [{"rr_type": "HTMLImageElement", "src": "http://127.0.0.1:9/x"}, 0, 0]}),
        drawn(950, {"property": "clear", "args": [1]}, kind=1),
        drawn(960, {"property": "drawImage", "args": [bitmap_of("bm9uZQ=="), 0, 0]}),
    ]

    video = made(written([meta(), page, *events, change_text(1_500, 7, "end")]))

    assert video.frame(0.6).shows(15, 50, (255, 0, 0)), "what was drawn"
    assert video.frame(1.2).shows(45, 50, (0, 0, 255)), "the bitmap beside it"
    assert video.frame(1.2).shows(15, 50, (255, 0, 0)), "a bitmap that is none changes nothing"
    assert video.document["recording"]["dropped"] == {"a drawing that cannot be repeated": 2}
    assert video.facts.blocked_requests == 0


def bitmap_of(base64: str) -> dict[str, Any]:
    """Return a bitmap as rrweb's recorder writes one down."""
    blob = {"rr_type": "Blob", "data": [{"rr_type": "ArrayBuffer", "base64": base64}], "type": "image/png"}
    return {"rr_type": "ImageBitmap", "args": [blob]}


def test_scripts_of_a_recording_never_run(made: Callable[[bytes], Made]) -> None:
    red = "document.body.style.background='red'"
    page = full_snapshot(
        node(5, "script", text(6, red)),
        node(7, "img", src="data:,", onerror=red, style="width:1px"),
        node(8, "iframe", srcdoc=f"<script>parent.{red}</script>"),
        node(9, "a", text(10, "x"), href=f"javascript:{red}"),
        node(11, "svg", node(12, "animate", onbegin=red), isSVG=True),
    )

    assert made(written([meta(), page, change_text(500, 10, "y")])).frame(0.4).shows(300, 200, (255, 255, 255))


@contextmanager
def canary() -> Iterator[tuple[str, list[str]]]:
    """A server of this machine that writes down whatever reaches it."""
    reached: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def note(self) -> None:
            reached.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            """It is quiet."""

    for method in ("GET", "POST", "HEAD", "OPTIONS"):
        setattr(Handler, f"do_{method}", Handler.note)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", reached
        finally:
            server.shutdown()
            thread.join()


def changed(at_ms: float, **data: Any) -> dict[str, Any]:
    return {"type": 3, "timestamp": STARTED_MS + at_ms, "data": data}


def everything_that_fetches(url: str) -> list[dict[str, Any]]:
    """A page that tries to reach ``url`` in every way there is."""
    style = (
        f"@import url({url}/import); @font-face {{ font-family: f; src: url({url}/font) }}"
        f" body {{ font-family: f; background: url({url}/background); cursor: url({url}/cursor), auto }}"
        f" p::before {{ content: url({url}/content) }} li {{ list-style: url({url}/list) }}"
    )
    head = [
        node(100, "style", text(101, style)),
        *[
            node(110 + number, "link", rel=rel, href=f"{url}/{rel.replace(' ', '-')}", **{"as": "script"})
            for number, rel in enumerate(
                ["stylesheet", "prefetch", "preload", "modulepreload", "preconnect", "dns-prefetch", "prerender", "icon", "manifest"]
            )
        ],
        node(130, "meta", **{"http-equiv": "refresh", "content": f"0;url={url}/refresh"}),
        node(131, "base", href=f"{url}/base/"),
        node(132, "script", src=f"{url}/script"),
    ]
    image = node(146, "image", isSVG=True, href=f"{url}/svg-image", **{"xlink:href": f"{url}/svg-xlink"})
    body = [
        node(140, "img", src=f"{url}/img", srcset=f"{url}/srcset 2x"),
        node(141, "picture", node(142, "source", srcset=f"{url}/picture"), node(143, "img", src=f"{url}/picture-img")),
        node(144, "svg", image, node(147, "use", isSVG=True, href=f"{url}/use#x"), isSVG=True, style=f"filter:url({url}/filter#f)"),
        node(148, "video", node(149, "source", src=f"{url}/video-source"), src=f"{url}/video", poster=f"{url}/poster"),
        node(150, "audio", src=f"{url}/audio", autoplay="", preload="auto"),
        node(151, "iframe", src=f"{url}/iframe"),
        node(152, "object", data=f"{url}/object"),
        node(153, "embed", src=f"{url}/embed"),
        node(154, "input", type="image", src=f"{url}/input"),
        node(155, "form", node(156, "button", text(157, "go")), action=f"{url}/form", method="post"),
        node(158, "a", text(159, "ping"), href=f"{url}/a", ping=f"{url}/ping"),
        node(160, "p", text(161, "words"), style=f"background:image-set(url({url}/image-set) 1x); mask: url({url}/mask)"),
        node(162, "ul", node(163, "li", text(164, "item"))),
        node(165, "track", src=f"{url}/track"),
        node(166, "body", background=f"{url}/body-background"),
    ]
    return [
        meta(),
        full_snapshot(*body, head=head),
        change_attributes(200, 140, src=f"{url}/changed", srcset=f"{url}/changed-srcset 1x"),
        {
            "type": 3,
            "timestamp": STARTED_MS + 250,
            "data": {"source": 8, "id": 100, "adds": [{"rule": f"p {{ background: url({url}/rule) }}"}]},
        },
        {"type": 3, "timestamp": STARTED_MS + 300, "data": {"source": 7, "type": 0, "id": 150, "currentTime": 0}},
        {
            "type": 3,
            "timestamp": STARTED_MS + 350,
            "data": {"source": 10, "family": "g", "fontSource": f"url({url}/font-event)", "buffer": False},
        },
        {"type": 3, "timestamp": STARTED_MS + 400, "data": {"source": 2, "type": 2, "id": 156, "x": 5, "y": 5}},
        {"type": 3, "timestamp": STARTED_MS + 450, "data": {"source": 2, "type": 2, "id": 158, "x": 5, "y": 5}},
        change_text(2_500, 161, "end"),
    ]


def test_no_request_leaves_the_browser_and_those_that_tried_are_counted(made: Callable[[bytes], Made]) -> None:
    with canary() as (url, reached):
        video = made(written(everything_that_fetches(url)))

    assert reached == []
    tried = video.document["blockedRequests"]
    assert any(name.endswith("/img") for name in tried), "what the page's own rules stop is counted too"
    assert video.facts.blocked_requests == sum(tried.values()) > 5


def test_the_canary_sings_when_it_is_reached() -> None:
    with canary() as (url, reached):
        urllib.request.urlopen(f"{url}/seen", timeout=10).close()
    assert reached == ["/seen"]
