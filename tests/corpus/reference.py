"""What a recording shows at a moment, by another way than the job's: rrweb's own player, paused there, and a picture of the whole page."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import ffmpeg
from playwright.sync_api import Browser

from econsent_jobs.mp4_conversion.model import FPS, STEP_MS, Programs
from econsent_jobs.mp4_conversion.rules.events import CANVAS, INCREMENTAL

AFTER_MS: Final = 1  # the player applies what happened strictly before its moment, a frame shows what happened up to its own
HOST: Final = """<!doctype html><meta charset="utf-8"><style>
html,body{margin:0;background:#fff}iframe{border:0;display:block}.replayer-mouse,.replayer-mouse-tail{display:none!important}
</style><body></body>"""
STILL: Final = """*,*::before,*::after{transition:none!important;animation:none!important;caret-color:transparent!important;
scroll-behavior:auto!important}"""
OPEN: Final = """([events, rules, canvas]) => {
  window.player = new rrwebReplay.Replayer(events,
    {root: document.body, mouseTail: false, insertStyleRules: [rules], showWarning: false, UNSAFE_replayCanvas: canvas});
}"""


def samples(frames: int, count: int) -> list[int]:
    """Return so many frames of a video, evenly apart: neither the first nor the last one, which also shows what comes after its moment."""
    return sorted({frames * place // (count + 1) for place in range(1, count + 1)})


def references(
    browser: Browser, programs: Programs, contents: bytes, *, size: tuple[int, int], frames: Sequence[int]
) -> Iterator[tuple[int, bytes]]:
    """Yield each frame's number and its picture, a JPEG of the best quality, of width and height ``size`` in pixels."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
    page = context.new_page()
    page.set_content(HOST)
    page.add_script_tag(content=programs.replayer.read_text(encoding="utf-8"))
    events = json.loads(contents)
    drawn = any(event["type"] == INCREMENTAL and event["data"].get("source") == CANVAS for event in events)
    page.evaluate(OPEN, [events, STILL, drawn])
    for frame in frames:
        page.evaluate("moment => new Promise((done) => { player.pause(moment); setTimeout(done, 150); })", frame * STEP_MS + AFTER_MS)
        yield frame, page.screenshot(type="jpeg", quality=100, clip={"x": 0, "y": 0, "width": width, "height": height}, animations="allow")
    context.close()


def similarity(video: Path, programs: Programs, frame: int, picture: bytes, *, size: tuple[int, int]) -> float:
    """Return the structural similarity (SSIM, 0 to 1) of a frame's page to a picture of it; the footer below is left out."""
    width, height = size
    with tempfile.NamedTemporaryFile(suffix=".jpg") as kept:
        Path(kept.name).write_bytes(picture)
        shown = ffmpeg.input(str(video)).filter("fps", FPS, round="down").filter("select", f"eq(n,{frame})")
        shown = shown.filter("crop", width, height, 0, 0)
        wanted = ffmpeg.input(kept.name).filter("scale", out_range="tv").filter("format", "yuv420p")
        same_time = [each.filter("settb", "AVTB").filter("setpts", "0") for each in (shown, wanted)]
        compared = ffmpeg.filter(same_time, "ssim", f="-").output("pipe:", format="null", vframes=1)
        told, _ = compared.run(cmd=str(programs.ffmpeg), capture_stdout=True, capture_stderr=True)
    return float(told.decode().split("All:")[1].split()[0])
