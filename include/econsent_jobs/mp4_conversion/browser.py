"""Headless Chromium, asked over a pipe: no port that others could reach, no network that it could reach.

Three fences, each of which was seen to hold by itself, keep a recording from fetching anything: names resolve to nothing, the only proxy
is a dead one, and the page's content security policy allows data alone. What a page tried is counted.
"""

import base64
import json
import os
import select
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from econsent_jobs.core.errors import ErrorClass, TransientError
from econsent_jobs.mp4_conversion.model import Programs
from econsent_jobs.mp4_conversion.workplace import Workplace

NOBODY: Final = 65534
NAMESPACE: Final = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
FLAGS: Final = (
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-extensions",
    "--mute-audio",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--disable-dev-shm-usage",
    "--disable-lcd-text",
    "--font-render-hinting=none",
    "--js-flags=--max-old-space-size=768",
    # nothing reaches a network
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=socks5://127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=Translate,MediaRouter,OptimizationHints,DnsOverHttps",
    # every frame is drawn when it is asked for, whole, and the same each time
    "--enable-begin-frame-control",
    "--run-all-compositor-stages-before-draw",
    "--disable-new-content-rendering-timeout",
    "--disable-threaded-animation",
    "--disable-threaded-scrolling",
    "--disable-checker-imaging",
    "--disable-image-animation-resync",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)
FRAME_TRIES: Final = 8
FRAME_TICK_MS: Final = 40.0
BLOCK_BYTES: Final = 1024 * 1024
LARGEST_MESSAGE: Final = 256 * 1024 * 1024
LOOK_SECONDS: Final = 1.0
JPEG_QUALITY: Final = 90


def sandboxed_command(program: Path) -> list[str]:
    """Return the words that start the browser with its sandbox: it refuses one under root, so root becomes nobody in a namespace first."""
    return [*(NAMESPACE if os.getuid() == 0 else ()), str(program)]


class Browser:
    """One browser with one page. ``pulse`` is called at least once a second while the browser is waited for, and may raise.

    Raises TransientError (render) when the browser ends or does not answer within ``answer_seconds``.
    """

    def __init__(
        self, place: Workplace, programs: Programs, *, pulse: Callable[[], None], answer_seconds: float, sandbox: bool = True
    ) -> None:
        self._pulse = pulse
        self._answer_seconds = answer_seconds
        self._place = place
        self._buffer = bytearray()
        self._answers: dict[int, dict[str, Any]] = {}
        self._last_id = 0
        self._session: str | None = None
        self._window = ""
        self._ticks_ms = 0.0
        self.blocked: Counter[str] = Counter()
        theirs_read, self._write = os.pipe()
        self._read, theirs_write = os.pipe()
        profile = tempfile.mkdtemp(prefix="profile-", dir=place.folder)
        command = sandboxed_command(programs.chromium) if sandbox else [str(programs.chromium), "--no-sandbox"]
        self._process = place.start(
            [*command, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pipes=(theirs_read, theirs_write),
            variables=programs.variables,
        )
        os.close(theirs_read)
        os.close(theirs_write)
        os.set_blocking(self._write, False)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.watch(nobody)
        if error is None:
            with suppress(TransientError):
                self._send("Browser.close", "{}", session=None)
        os.close(self._write)
        os.close(self._read)
        self._place.stop(self._process, seconds=2.0 if error is None else 0.0)

    def watch(self, pulse: Callable[[], None]) -> None:
        """Call ``pulse`` instead from now on."""
        self._pulse = pulse

    def version(self) -> str:
        return self.call("Browser.getVersion")["product"].rpartition("/")[2]

    def open_page(self, *, width: int, height: int, html: str, scripts: list[str]) -> None:
        """Open the one page, empty and fenced in, and run ``scripts`` in it, which are this project's and the pinned replayer's."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call(
            "Target.createTarget",
            url="about:blank",
            width=width,
            height=height,
            browserContextId=context,
            enableBeginFrameControl=True,
        )["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Fetch.enable", patterns=[{"urlPattern": "*"}])
        self.call("Audits.enable")
        self.call("Page.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        frame = self.call("Page.getFrameTree")["frameTree"]["frame"]["id"]
        self.call("Page.setDocumentContent", frameId=frame, html=html)
        for script in scripts:
            self.evaluate(script + "\n;0")
        self._ticks_ms = self.evaluate("performance.now()") + 1000

    def evaluate(self, script: str) -> Any:
        """Run a script of ours."""
        return value_of(self.call("Runtime.evaluate", expression=script, returnByValue=True))

    def apply(self, function: str, *arguments: str) -> Any:
        """Call one of the driver's functions with arguments in JSON. They travel as data: whatever a recording holds, none of it is run."""
        return self.applied(self.begin(function, *arguments))

    def begin(self, function: str, *arguments: str) -> int:
        """Send the same call and do not wait for it; return its number. No frame may be drawn before ``applied`` has returned."""
        words = ",".join(f'{{"value":{argument}}}' for argument in arguments)
        declaration = json.dumps(f"function(...words) {{ return globalThis.{function}(...words); }}")
        parameters = (
            f'{{"functionDeclaration":{declaration},"objectId":{json.dumps(self._page_object())},'
            f'"arguments":[{words}],"returnByValue":true,"awaitPromise":true}}'
        )
        return self._send("Runtime.callFunctionOn", parameters, session=self._session)

    def applied(self, number: int) -> Any:
        """Wait for the call that ``begin`` sent, and return its value."""
        return value_of(self._answer("Runtime.callFunctionOn", number))

    def _page_object(self) -> str:
        if not self._window:
            self._window = self.call("Runtime.evaluate", expression="globalThis")["result"]["objectId"]
        return self._window

    def picture(self) -> bytes:
        """Draw one frame and return it as a JPEG. Raises TransientError (render) when it comes back empty every time."""
        screenshot = {"format": "jpeg", "quality": JPEG_QUALITY, "optimizeForSpeed": True}
        for _ in range(FRAME_TRIES):
            self._ticks_ms += FRAME_TICK_MS
            answer = self.call("HeadlessExperimental.beginFrame", frameTimeTicks=self._ticks_ms, interval=33.3, screenshot=screenshot)
            if data := answer.get("screenshotData"):
                return base64.b64decode(data)
        raise TransientError(ErrorClass.RENDER, f"the browser drew no picture in {FRAME_TRIES} tries; it is tried again")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its answer."""
        session = None if method.startswith(("Target.", "Browser.")) else self._session
        return self._answer(method, self._send(method, json.dumps(parameters), session=session))

    def _answer(self, method: str, number: int) -> dict[str, Any]:
        deadline = time.monotonic() + self._answer_seconds
        while number not in self._answers:
            if time.monotonic() > deadline:
                raise TransientError(
                    ErrorClass.RENDER, f"the browser did not answer {method} within {self._answer_seconds:g} s; it is tried again"
                )
            self._receive()
        answer = self._answers.pop(number)
        if "error" in answer:
            raise TransientError(ErrorClass.RENDER, f"the browser refused {method} ({answer['error'].get('message', '')[:200]})")
        return answer["result"]

    def _send(self, method: str, parameters: str, *, session: str | None) -> int:
        """Send one command, its parameters in JSON, and return its number."""
        self._last_id += 1
        named = f',"sessionId":{json.dumps(session)}' if session else ""
        message = f'{{"id":{self._last_id},"method":"{method}","params":{parameters}{named}}}'
        left = memoryview(message.encode() + b"\0")
        deadline = time.monotonic() + self._answer_seconds
        while left:
            try:
                left = left[os.write(self._write, left) :]
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TransientError(ErrorClass.RENDER, "the browser takes no commands any more; it is tried again") from None
                self._receive(milliseconds=5)
            except BrokenPipeError as error:
                raise gone() from error
        return self._last_id

    def _receive(self, *, milliseconds: int = int(LOOK_SECONDS * 1000)) -> None:
        """Read what there is, or wait a little for it."""
        self._pulse()
        if not self._poll.poll(milliseconds):
            return
        block = os.read(self._read, BLOCK_BYTES)
        if not block:
            raise gone()
        start = len(self._buffer)
        self._buffer += block
        if len(self._buffer) > LARGEST_MESSAGE:
            raise TransientError(ErrorClass.RENDER, "the browser's answer does not end; it is tried again")
        if b"\0" not in block:
            return
        end = self._buffer.rindex(b"\0", start)
        whole, self._buffer = bytes(self._buffer[:end]), self._buffer[end + 1 :]
        for text in whole.split(b"\0"):
            self._take(json.loads(text))

    def _take(self, message: dict[str, Any]) -> None:
        if "id" in message:
            self._answers[message["id"]] = message
            return
        parameters = message.get("params", {})
        if message.get("method") == "Fetch.requestPaused":
            self.blocked[parameters["request"]["url"][:200]] += 1
            failure = {"requestId": parameters["requestId"], "errorReason": "BlockedByClient"}
            self._send("Fetch.failRequest", json.dumps(failure), session=message.get("sessionId"))
        elif message.get("method") == "Audits.issueAdded":
            details = parameters["issue"].get("details", {}).get("contentSecurityPolicyIssueDetails")
            if details is not None:
                self.blocked[details.get("blockedURL", details["violatedDirective"])[:200]] += 1
        elif message.get("method") in {"Inspector.targetCrashed", "Target.targetCrashed"}:
            raise TransientError(ErrorClass.RENDER, "the browser's page crashed; it is tried again")


def nobody() -> None:
    """Nobody looks after the browser any more."""


def value_of(answer: Mapping[str, Any]) -> Any:
    if "exceptionDetails" in answer:
        details = answer["exceptionDetails"]
        told = details.get("exception", {}).get("description") or details.get("text", "")
        raise TransientError(ErrorClass.RENDER, f"the replayer failed ({told.splitlines()[0][:200] if told else 'without a word'})")
    return answer["result"].get("value")


def gone() -> TransientError:
    return TransientError(ErrorClass.RENDER, "the browser ended before the video was done; it is tried again")
