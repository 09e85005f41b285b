"""``./econsent up``: start everything, watch it, restart what dies, and stop in order.

1. Start the servers and migrate (``Stack``).
2. Start Airflow in its shape, on one machine or as a fleet (``one_machine``, ``fleet``), and load the demo data on the way.
3. Say where to look.
4. Watch. A process that ends is started again with a pause that doubles; one that ends too often stops the stack, with its reason. Only
   the watch goes on being started: jobs run without it, and ``./econsent doctor`` says that it fails.
5. On Ctrl-C, SIGTERM or SIGHUP, and on any error, stop in the opposite order and leave nothing behind.
"""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Final, Protocol

from econsent_stack import airflow_settings, components
from econsent_stack.chromium import SHARED, fetched
from econsent_stack.errors import StackError
from econsent_stack.files import last_lines
from econsent_stack.progress import Progress
from econsent_stack.server import Launch
from econsent_stack.servers import webhook_receiver
from econsent_stack.stack import Stack, how_it_ended

WATCH_SECONDS: Final = 0.5
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
MOST_ENDS: Final = 6
FORGET_SECONDS: Final = 600.0
"""A process that ends more than MOST_ENDS times within FORGET_SECONDS fails."""


class StopAsked(BaseException):
    """Somebody pressed Ctrl-C or sent SIGTERM. No error, and nothing that handles errors may catch it."""


@dataclass(slots=True)
class Ends:
    """When one process ended unasked (``at``, monotonic seconds) and when it may be started again."""

    at: list[float] = field(default_factory=list[float])
    retry_at: float = 0.0
    waiting: bool = False

    @property
    def too_often(self) -> bool:
        return len(self.at) > MOST_ENDS

    def add(self, now: float) -> float:
        """Note an end; return the pause before the next start, in seconds."""
        self.at = [moment for moment in self.at if now - moment < FORGET_SECONDS] + [now]
        pause_seconds = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (len(self.at) - 1))
        self.retry_at, self.waiting = now + pause_seconds, True
        return pause_seconds


class Shape(Protocol):
    """How Airflow's components are spread."""

    def start(self, supervisor: "Supervisor") -> None:
        """Prepare Airflow, start its components by ``supervise``, and call ``get_ready`` on the way. Returns when all are healthy."""
        ...

    @property
    def people(self) -> Sequence[str]:
        """Who may log in to the web page."""
        ...

    @property
    def first_click(self) -> str:
        """What a person who sees it for the first time may click."""
        ...

    def stop_order(self) -> Sequence[Sequence[str]]:
        """Return the names of what was started, in groups that stop one after the other."""
        ...


class Supervisor:
    """Owns a stack and Airflow's components for the length of one ``up``."""

    def __init__(self, stack: Stack, progress: Progress, shape: Shape, *, demo: bool) -> None:
        self.stack = stack
        self.progress = progress
        self._shape = shape
        self._demo = demo
        self._starters: dict[str, Callable[[], None]] = {}
        self._ends: dict[str, Ends] = {}

    def run(self) -> None:
        """Start, watch and stop. Returns when it was asked to stop; raises StackError otherwise."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, ask_to_stop)
        try:
            self.start()
            self.watch()
        except StopAsked:
            self.progress.say("Stopping …")
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            self.stop()

    def start(self) -> None:
        self.stack.home.make()
        self.progress.log_to(self.stack.home.log("up"))
        self.stack.take_over()
        with self.progress.step(f"servers: {', '.join(server.name for server in self.stack.servers)}"):
            for server in self.stack.servers:
                self._starters[server.name] = lambda server=server: self.stack.start_server(server)
            self.stack.run_servers()
        with self.progress.step("eConsent's database: migrations, roles"):
            self.stack.migrate()
        self._shape.start(self)

    def get_ready(self) -> None:
        """Do what the scheduler's tasks need while Airflow's first components come up: the demo, the browser, the slow servers."""
        if self._demo:
            with self.progress.step("demo tenants, sessions, certificates and webhook endpoints"):
                self.stack.run_module("demo.load", log="demo", what="The demo data could not be loaded")
        fetched(SHARED, self.progress)
        slow = [server.name for server in self.stack.servers if server.is_slow]
        with self.progress.step(f"servers that take longer: {', '.join(slow)}"):
            self.stack.wait_for_servers(slow=True)

    def supervise(self, name: str, launch: Callable[[], Launch]) -> None:
        """Start a process, and again whenever ``mend`` finds that it ended."""

        def starter() -> None:
            self.stack.start_process(name, launch())

        self._starters[name] = starter
        starter()

    def watch(self) -> None:
        """Restart what ends, until it is asked to stop. Servers come first, because the rest cannot run without them."""
        self._welcome()
        while True:
            for name in self._starters:
                self.mend(name, time.monotonic())
            time.sleep(WATCH_SECONDS)

    def mend(self, name: str, now: float) -> None:
        """Start one process again if it ended and its pause is over at ``now`` (monotonic). Raises StackError where that is hopeless."""
        ends = self._ends.setdefault(name, Ends())
        if ends.waiting and now >= ends.retry_at:
            ends.waiting = False
            self._starters[name]()
            self.progress.say(f"{name} was started again")
        elif not ends.waiting and (code := self.stack.ended(name)) is not None:
            pause_seconds = ends.add(now)
            self.stack.stop_process(name)
            if ends.too_often:
                what = f"{name} ended {len(ends.at)} times within {FORGET_SECONDS / 60:.0f} minutes, last by {how_it_ended(code)}"
                if name != components.WATCH:
                    raise StackError(self.stack.told_by_log(name, what))
                self.stack.note_failing(name, what)
            self._tell_end(name, how_it_ended(code), pause_seconds)
        elif name in self.stack.state.failing and now - ends.at[-1] >= FORGET_SECONDS:
            self.stack.note_failing(name, None)

    def _tell_end(self, name: str, how: str, pause_seconds: float) -> None:
        self.progress.say(f"{name} ended unasked ({how}); it is started again in {pause_seconds:.0f} s. The end of its log:")
        for line in last_lines(self.stack.home.log(name), 5):
            self.progress.say(f"    {line}")

    def _welcome(self) -> None:
        port = self.stack.state.ports[airflow_settings.PORT]
        self.progress.say(f"Healthy after {self.progress.seconds:.1f} s.")
        self.progress.say(f"\n  Open      http://127.0.0.1:{port}")
        logins = (f"{user} / {self.stack.secrets.get(airflow_settings.user_secret(user))}" for user in self._shape.people)
        self.progress.show(f"  Log in    {'   or   '.join(logins)}")
        self.progress.say(f"  Logs      {self.stack.home.logs}, or ./econsent logs NAME")
        received = webhook_receiver.SERVER.page(self.stack.place(webhook_receiver.SERVER))
        self.progress.say(f"  Webhooks  {received} shows what the demo's customers received")
        self.progress.say(f"  First     {self._shape.first_click}")
        self.progress.say("  Stop      Ctrl-C here, or ./econsent down in another terminal\n")

    def stop(self) -> None:
        """Airflow in the order of its shape, each group asked at once, then the servers."""
        for group in self._shape.stop_order():
            self.stack.ask_to_end(group)
            for name in group:
                if self.stack.started(name):
                    with self.progress.step(f"stopping {name}"):
                        self.stack.stop_process(name)
        with self.progress.step("stopping the servers"):
            self.stack.stop()


def ask_to_stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 the shape of a signal handler
    """Signal handler. A further signal while stopping is ignored: stopping is under way."""
    for further in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(further, signal.SIG_IGN)
    raise StopAsked
