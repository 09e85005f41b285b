"""A video shows what happened: compared with rrweb's own player on recordings that a browser made, and change by change to a frame."""

import base64
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import ffmpeg
import pytest
from playwright.sync_api import Browser

from econsent_jobs.core.errors import TransientError
from econsent_jobs.mp4_conversion.commands import unknown_session
from econsent_jobs.mp4_conversion.conversion import Studio
from econsent_jobs.mp4_conversion.model import FPS, STEP_MS, Programs, Settings
from econsent_jobs.mp4_conversion.progress import Progress
from econsent_stack.browser import open_browser
from econsent_stack.chromium import SHARED, chromium
from econsent_stack.progress import Progress as Said
from tests.corpus import contents_of
from tests.corpus.reference import references, samples, similarity
from tests.integration.mp4_conversion.given import STARTED_MS, change_attributes, change_text, full_snapshot, meta, node, text, written
from tests.integration.mp4_conversion.processes import working_in

LEAST_SIMILARITY = 0.98
COVER = "position:fixed;left:0;top:0;width:320px;height:240px;background:"
WATCH = """async (moments) => {
  const video = document.querySelector("video");
  const reached = (name) => new Promise((done) => {
    video.addEventListener(name, done, { once: true });
    video.addEventListener("error", done, { once: true });
  });
  if (video.readyState < 2 && !video.error) await reached("loadeddata");
  const seen = [];
  for (const moment of moments) {
    const there = reached("seeked");
    video.currentTime = moment;
    await there;
    seen.push(Number(video.currentTime.toFixed(2)));
  }
  const error = video.error && video.error.message;
  return { error, size: [video.videoWidth, video.videoHeight], duration: video.duration, moments: seen };
}"""


def still(progress: Progress) -> None:
    """Nothing holds a lease here."""


@pytest.fixture(scope="module")
def player() -> Iterator[Browser]:
    with open_browser(chromium(SHARED, Said(), environment={})) as browser:
        yield browser


@pytest.mark.parametrize("name", ["form10", "iframes", "shadow", "dialogs", "phone", "canvas"])
def test_sampled_frames_are_what_the_player_shows(name: str, settings: Settings, programs: Programs, player: Browser) -> None:
    contents = contents_of(name)
    with Studio(settings).conversion(still) as conversion:
        recording = conversion.read(BytesIO(contents))
        rendered = conversion.render(recording, unknown_session("s"))
        size, frames = (recording.width, recording.height), samples(rendered.facts.frames, 5)

        found = {
            frame: similarity(rendered.video, programs, frame, picture, size=size)
            for frame, picture in references(player, programs, contents, size=size, frames=frames)
        }

    assert min(found.values()) >= LEAST_SIMILARITY, found
    assert recording.dropped == {}


def test_every_change_is_seen_within_one_step_of_its_event(settings: Settings, programs: Programs) -> None:
    """Black and white in turn, at moments that lie on the grid, beside it and closely together."""
    moments = [137, 300, 399, 412, 950, 1_001, 1_250, 1_330, 1_999, 2_000, 2_450]
    colours = [number % 2 for number in range(1, len(moments) + 1)]
    page = full_snapshot(node(5, "div", style=f"{COVER}#000"), node(7, "p", text(8, "")), at_ms=0)
    changes = [change_attributes(at, 5, style=f"{COVER}{'#fff' if white else '#000'}") for at, white in zip(moments, colours, strict=True)]

    with Studio(settings).conversion(still) as conversion:
        recording = conversion.read(BytesIO(written([meta(), page, *changes, change_text(3_000, 8, "end")])))
        rendered = conversion.render(recording, unknown_session("s"))
        shown = brightness(rendered.video, programs)
        document = json.loads(Path(rendered.sidecar).read_bytes())

    def colour_at(milliseconds: float) -> int:
        return ([0] + [white for at, white in zip(moments, colours, strict=True) if at <= milliseconds])[-1]

    assert [round(value / 255) for value in shown] == [colour_at(number * STEP_MS) for number in range(31)]
    assert document["recording"]["events"] == len(moments) + 3
    assert recording.started_ms == STARTED_MS


def test_two_browsers_draw_what_one_does(settings: Settings) -> None:
    """Alone on the machine a video has two browsers, beside another conversion one: the bytes are the same."""
    found: dict[int, tuple[str, int]] = {}
    for most in (1, 2):
        browsers: set[int] = set()

        def beat(progress: Progress, seen: set[int] = browsers) -> None:
            seen.add(len(list(progress.place.folder.glob("profile-*"))))

        studio = Studio(replace(settings, most_browsers=most))
        with studio.conversion(still):
            """The sandbox is tried here, with a browser of its own."""
        with studio.conversion(beat) as conversion:
            rendered = conversion.render(conversion.read(BytesIO(contents_of("dialogs"))), unknown_session("s"))
            found[most] = (rendered.facts.output_sha256, max(browsers))
    two = replace(settings, most_browsers=2)
    with Studio(two).conversion(still), Studio(two).conversion(still) as second:
        beside = second.render(second.read(BytesIO(contents_of("dialogs"))), unknown_session("s"))

    assert found == {1: (beside.facts.output_sha256, 1), 2: (beside.facts.output_sha256, 2)}


def test_a_browser_that_ends_ends_the_video_of_two(settings: Settings) -> None:
    """Whichever it is: the conversion fails as with one browser, and nothing of it is left."""
    killed: list[int] = []

    def beat(progress: Progress) -> None:
        if progress.done > 20 and not killed:
            victims = [started.pid for started in working_in(progress.place.folder) if started.is_browser]
            killed.append(len(victims))
            os.kill(victims[-1], signal.SIGKILL)

    with Studio(replace(settings, most_browsers=2)).conversion(beat) as conversion:
        recording = conversion.read(BytesIO(contents_of("dialogs")))
        with pytest.raises(TransientError, match="the browser ended"):
            conversion.render(recording, unknown_session("s"))

    assert killed[0] >= 2
    assert list(settings.work_folder.iterdir()) == []


def test_a_browser_opens_the_video_and_seeks_in_it(settings: Settings, player: Browser) -> None:
    with Studio(settings).conversion(still) as conversion:
        recording = conversion.read(BytesIO(contents_of("form10")))
        rendered = conversion.render(recording, unknown_session("s"))
        contents = base64.b64encode(rendered.video.read_bytes()).decode()
    page = player.new_page()
    page.set_content(f'<video muted src="data:video/mp4;base64,{contents}"></video>')

    seen = page.evaluate(WATCH, [0, 3.05, 9.95, 1])

    assert seen["error"] is None
    assert seen["size"] == [rendered.facts.width, rendered.facts.height]
    assert seen["duration"] == pytest.approx(rendered.facts.duration_ms / 1000, abs=1 / FPS)
    assert seen["moments"] == [0, 3.05, 9.95, 1]
    page.close()


def brightness(video: Path, programs: Programs) -> bytes:
    """Return how bright (0 to 255) the middle of the page is in each frame."""
    middle = ffmpeg.input(str(video)).filter("fps", FPS, round="down").filter("format", "gray").filter("crop", 1, 1, 160, 120)
    dots, _ = middle.output("pipe:", format="rawvideo").run(cmd=str(programs.ffmpeg), capture_stdout=True, capture_stderr=True)
    return dots
