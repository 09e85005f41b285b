"""Record the corpus anew: ``python -m tests.corpus.record [NAME ...]``.

Each visit opens a page of ``pages/`` in the pinned browser, with rrweb's recorder in it, and acts on it by mouse, keyboard or touch. The
page's clock is ours: it stands still while something is done and runs only when the visit waits, so that two hours take seconds, and a
busy machine records the same times as an idle one.
"""

import argparse
import gzip
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, CDPSession, Page, ViewportSize

from econsent_stack.browser import open_browser
from econsent_stack.chromium import SHARED, chromium, install
from econsent_stack.progress import Progress
from tests.corpus import DATA

FOLDER: Final = Path(__file__).parent
STARTED_MS: Final = 1_772_000_000_000
ADDRESS: Final = "https://lead.test/"
DESK: Final[ViewportSize] = {"width": 1280, "height": 720}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
RECORDER: Final = """
window.recorded = [];
rrwebRecord.record({emit: (event) => window.recorded.push(event), recordCanvas: true, maskInputOptions: {password: true},
  checkoutEveryNms: window.checkoutMilliseconds});
"""


@dataclass(slots=True, kw_only=True)
class Visit:
    """One open page. ``wait`` lets its clock run."""

    page: Page
    wire: CDPSession

    def wait(self, milliseconds: int) -> None:
        self.page.clock.run_for(milliseconds)

    def skip(self, seconds: int) -> None:
        """Let so much time go by at once, as when a laptop is closed."""
        self.page.clock.fast_forward(1000 * seconds)

    def type(self, selector: str, text: str, *, each_ms: int = 120) -> None:
        self.page.click(selector)
        for letter in text:
            self.page.keyboard.type(letter)
            self.wait(each_ms)

    def move(self, x: float, y: float, *, steps: int = 12, each_ms: int = 50) -> None:
        """Move the mouse there in a straight line."""
        from_x, from_y = self.page.evaluate("[window.mouseX || 5, window.mouseY || 5]")
        for step in range(1, steps + 1):
            self.page.mouse.move(from_x + (x - from_x) * step / steps, from_y + (y - from_y) * step / steps)
            self.wait(each_ms)
        self.page.evaluate("([x, y]) => { window.mouseX = x; window.mouseY = y; }", [x, y])

    def swipe(self, from_y: int, to_y: int, *, x: int = 200, steps: int = 12, each_ms: int = 30) -> None:
        """Draw one finger over the screen."""
        self._touch("touchStart", x, from_y)
        for step in range(1, steps + 1):
            self._touch("touchMove", x, from_y + (to_y - from_y) * step // steps)
            self.wait(each_ms)
        self.wire.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        self.wait(200)

    def _touch(self, kind: str, x: int, y: int) -> None:
        self.wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What one visit is: its page (of its own name where none is named) and what is done there.

    ``checkout_ms``: how often the recorder takes a whole new picture of the page.
    """

    act: Callable[[Visit], None]
    page: str | None = None
    size: ViewportSize = field(default_factory=lambda: DESK)
    touch: bool = False
    checkout_ms: int | None = None


def long_form(visit: Visit) -> None:
    """Forty fields, answered in ten minutes."""
    for number in range(40):
        visit.type(f"#field{number}", "abcdefghij"[: 4 + number % 7], each_ms=180)
        visit.wait(13_600)
    visit.page.check("#agree")
    visit.wait(1_000)
    visit.page.click("#go")
    visit.wait(2_000)


def single_page(visit: Visit) -> None:
    """An application that changes its address and its whole content, for two minutes."""
    for number in range(24):
        visit.move(90 + 110 * (number % 5), 40, steps=8)
        visit.page.click(f"nav a >> nth={number % 5}")
        visit.page.evaluate("rrwebRecord.record.takeFullSnapshot()")  # as the platform's recorder does when the address changes
        visit.wait(4_500)


def phone(visit: Visit) -> None:
    """Fingers that swipe and tap for a minute."""
    for number in range(16):
        visit.swipe(700, 250)
        visit.wait(900)
        if number % 4 == 3:
            visit.page.touchscreen.tap(200, 420)
            visit.wait(700)
            visit.swipe(300, 760)
        visit.wait(1_600)


def scrolling(visit: Visit) -> None:
    """A page of four hundred paragraphs, up and down by the wheel for a minute."""
    visit.move(600, 400)
    for number in range(400):
        visit.page.mouse.wheel(0, 90 if number % 200 < 150 else -160)
        visit.wait(150)


def canvas(visit: Visit) -> None:
    """A signature on a canvas; the recorder takes the whole page every ten seconds."""
    box = visit.page.locator("#signature").bounding_box()
    assert box is not None
    for stroke in range(6):
        visit.move(box["x"] + 30 + 60 * stroke, box["y"] + 40)
        visit.page.mouse.down()
        visit.move(box["x"] + 80 + 60 * stroke, box["y"] + 150)
        visit.page.mouse.up()
        visit.wait(5_000)


def iframes(visit: Visit) -> None:
    """A form in a frame, and a frame in that."""
    for number in range(6):
        outer = visit.page.frame_locator("#outer")
        outer.locator("#name").press_sequentially("frame"[: 1 + number % 5])
        visit.wait(1_500)
        outer.frame_locator("#inner").locator("#again").click()
        visit.wait(2_500)


def shadow(visit: Visit) -> None:
    """Custom elements with shadow roots, open and styled, that change."""
    for number in range(20):
        visit.page.locator("consent-card").nth(number % 6).locator("button").click()
        visit.wait(2_000)


def dialogs(visit: Visit) -> None:
    """Dialogs, modal and not, that open and close, with a field in each."""
    for number in range(12):
        visit.page.click("#modal" if number % 2 else "#plain")
        visit.wait(900)
        visit.type("dialog[open] input", f"answer {number}", each_ms=90)
        visit.page.click("dialog[open] button")
        visit.wait(1_200)


def two_hours(visit: Visit) -> None:
    """Two hours, of which a person is there for some seconds every ten minutes."""
    for number in range(13):
        visit.type(f"#field{number}", f"answer {number}", each_ms=200)
        visit.skip(600)


def many_events(visit: Visit) -> None:
    """A hundred thousand changes in five minutes, each an event of its own."""
    for _ in range(500):
        visit.page.evaluate("change(200)")
        visit.wait(600)


def restless(visit: Visit) -> None:
    """A minute in which every frame is another."""
    for number in range(600):
        visit.page.evaluate("number => turn(number)", number)
        visit.wait(100)


VISITS: Final[Mapping[str, Script]] = {
    "long_form": Script(act=long_form),
    "single_page": Script(act=single_page),
    "phone": Script(act=phone, size=PHONE, touch=True),
    "scrolling": Script(act=scrolling),
    "canvas": Script(act=canvas, checkout_ms=10_000),
    "iframes": Script(act=iframes),
    "shadow": Script(act=shadow),
    "dialogs": Script(act=dialogs),
    "two_hours": Script(act=two_hours, page="long_form"),
    "many_events": Script(act=many_events),
    "restless": Script(act=restless),
}


def recorder() -> str:
    """Return the pinned recorder's script."""
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "packages"
        install(FOLDER / "npm", into, os.environ)
        return (into / "node_modules" / "@rrweb" / "record" / "dist" / "record.umd.min.cjs").read_text(encoding="utf-8")


def record(browser: Browser, name: str, bundle: str) -> list[dict[str, Any]]:
    """Return the events of one visit."""
    script = VISITS[name]
    page_file = FOLDER / "pages" / f"{script.page or name}.html"
    context = browser.new_context(viewport=script.size, has_touch=script.touch, is_mobile=script.touch, locale="en-GB", timezone_id="UTC")
    page = context.new_page()
    page.clock.install(time=STARTED_MS / 1000)
    page.route("**/*", lambda route: route.fulfill(body=page_file.read_text(encoding="utf-8"), content_type="text/html; charset=utf-8"))
    page.goto(ADDRESS)
    page.clock.pause_at(STARTED_MS / 1000 + 60)
    page.evaluate("milliseconds => { window.checkoutMilliseconds = milliseconds; }", script.checkout_ms)
    page.evaluate(f"() => {{ {bundle}\n{RECORDER} }}")
    visit = Visit(page=page, wire=context.new_cdp_session(page))
    visit.wait(500)
    script.act(visit)
    visit.wait(500)
    events = page.evaluate("window.recorded")
    context.close()
    return events


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.record", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(VISITS)} (default: all)")
    names = parser.parse_args(argv).names or list(VISITS)
    if unknown := sorted(set(names) - set(VISITS)):
        parser.error(f"there is no visit {', '.join(unknown)}")
    bundle = recorder()
    DATA.mkdir(exist_ok=True)
    with open_browser(chromium(SHARED, Progress())) as browser:
        for name in names:
            events = record(browser, name, bundle)
            packed = gzip.compress(json.dumps(events, separators=(",", ":")).encode(), compresslevel=9, mtime=0)
            (DATA / f"{name}.json.gz").write_bytes(packed)
            seconds = (events[-1]["timestamp"] - events[0]["timestamp"]) / 1000
            sys.stdout.write(f"{name}: {len(events)} events, {seconds:.0f} s, {len(packed)} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
