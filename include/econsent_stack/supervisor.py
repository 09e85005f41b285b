"""``./econsent up``: start everything, watch it, restart what dies, and stop in order.

1. Start the servers and migrate (``Stack``).
2. Prepare Airflow's own database, unless it is prepared already.
3. Start the api-server, dag-processor and triggerer, and load the demo data while they come up; the scheduler only when the api-server
   answers, because one that starts earlier has its first tasks refused.
4. Wait for heartbeats, then say where to look.
5. Watch. A process that ends is started again with a pause that doubles; one that ends too often stops the stack, with its reason. Only
   the watch goes on being started: jobs run without it, and ``./econsent doctor`` says that it fails.
6. On Ctrl-C, SIGTERM or SIGHUP, and on any error, stop in the opposite order and leave nothing behind.
"""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

from econsent_stack import airflow_settings, components
from econsent_stack.chromium import SHARED, fetched
from econsent_stack.errors import StackError
from econsent_stack.files import last_lines
from econsent_stack.progress import Progress
from econsent_stack.server import Launch
from econsent_stack.servers import webhook_receiver
from econsent_stack.stack import Stack, how_it_ended

HEALTHY_SECONDS: Final = 120.0
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


class Supervisor:
    """Owns a stack and Airflow's components for the length of one ``up``."""

    def __init__(self, stack: Stack, progress: Progress, *, demo: bool) -> None:
        self._stack = stack
        self._progress = progress
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
            self._progress.say("Stopping …")
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            self.stop()

    def start(self) -> None:
        self._stack.home.make()
        self._progress.log_to(self._stack.home.log("up"))
        self._stack.take_over()
        with self._progress.step(f"servers: {', '.join(server.name for server in self._stack.servers)}"):
            for server in self._stack.servers:
                self._starters[server.name] = lambda server=server: self._stack.start_server(server)
            self._stack.run_servers()
        with self._progress.step("eConsent's database: migrations, roles"):
            self._stack.migrate()
        self._prepare_airflow()
        since = time.time()
        for name in (components.API_SERVER, *components.EARLY):
            self._start_component(name)
        self._load_demo()
        fetched(SHARED, self._progress)
        self._wait_for_slow_servers()
        self._wait_for([components.API_SERVER], since=since)
        self._start_component(components.SCHEDULER)
        self._start_component(components.WATCH)
        self._wait_for([components.SCHEDULER, *components.EARLY], since=since)

    def _prepare_airflow(self) -> None:
        self._stack.render_airflow()
        if self._stack.airflow_is_prepared():
            self._progress.say("  Airflow's database is up to date")
            return
        with self._progress.step("Airflow's database: schema, pools"):
            self._stack.prepare_airflow()

    def _wait_for_slow_servers(self) -> None:
        """Before the scheduler, whose tasks use them."""
        slow = [server.name for server in self._stack.servers if server.is_slow]
        with self._progress.step(f"servers that take longer: {', '.join(slow)}"):
            self._stack.wait_for_servers(slow=True)

    def _load_demo(self) -> None:
        if not self._demo:
            return
        with self._progress.step("demo tenants, sessions, certificates and webhook endpoints"):
            self._stack.run_module("demo.load", log="demo", what="The demo data could not be loaded")

    def _start_component(self, name: str) -> None:
        self.supervise(name, lambda: components.launch(name, self._stack.environment()))

    def supervise(self, name: str, launch: Callable[[], Launch]) -> None:
        """Start a process, and again whenever ``mend`` finds that it ended."""

        def starter() -> None:
            self._stack.start_process(name, launch())

        self._starters[name] = starter
        starter()

    def _wait_for(self, names: list[str], *, since: float) -> None:
        port = self._stack.state.ports[airflow_settings.PORT]
        with self._progress.step(f"Airflow: {', '.join(names)}"):
            for name in names:
                self._stack.wait_until(
                    name,
                    lambda name=name: components.is_healthy(name, components.read_health(port), since=since),
                    seconds=HEALTHY_SECONDS,
                )

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
            self._progress.say(f"{name} was started again")
        elif not ends.waiting and (code := self._stack.ended(name)) is not None:
            pause_seconds = ends.add(now)
            self._stack.stop_process(name)
            if ends.too_often:
                what = f"{name} ended {len(ends.at)} times within {FORGET_SECONDS / 60:.0f} minutes, last by {how_it_ended(code)}"
                if name != components.WATCH:
                    raise StackError(self._stack.told_by_log(name, what))
                self._stack.note_failing(name, what)
            self._tell_end(name, how_it_ended(code), pause_seconds)
        elif name in self._stack.state.failing and now - ends.at[-1] >= FORGET_SECONDS:
            self._stack.note_failing(name, None)

    def _tell_end(self, name: str, how: str, pause_seconds: float) -> None:
        self._progress.say(f"{name} ended unasked ({how}); it is started again in {pause_seconds:.0f} s. The end of its log:")
        for line in last_lines(self._stack.home.log(name), 5):
            self._progress.say(f"    {line}")

    def _welcome(self) -> None:
        port = self._stack.state.ports[airflow_settings.PORT]
        self._progress.say(f"Healthy after {self._progress.seconds:.1f} s.")
        self._progress.say(f"\n  Open      http://127.0.0.1:{port}")
        logins = (f"{user} / {self._stack.secrets.get(airflow_settings.user_secret(user))}" for user in airflow_settings.PEOPLE)
        self._progress.show(f"  Log in    {'   or   '.join(logins)}")
        self._progress.say(f"  Logs      {self._stack.home.logs}, or ./econsent logs NAME")
        received = webhook_receiver.SERVER.page(self._stack.place(webhook_receiver.SERVER))
        self._progress.say(f"  Webhooks  {received} shows what the demo's customers received")
        self._progress.say(
            "  First     click Cron Management, then the job that failed: why it did, and what to do. Dags has every run and log"
        )
        self._progress.say("  Stop      Ctrl-C here, or ./econsent down in another terminal\n")

    def stop(self) -> None:
        """The scheduler and its helpers at once, then the api-server that its running tasks speak to, then the servers."""
        others = (*components.EARLY, components.SCHEDULER, components.WATCH)
        self._stack.ask_to_end(others)
        for name in [*reversed(others), components.API_SERVER]:
            if self._stack.started(name):
                with self._progress.step(f"stopping {name}"):
                    self._stack.stop_process(name)
        with self._progress.step("stopping the servers"):
            self._stack.stop()


def ask_to_stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 the shape of a signal handler
    """Signal handler. A further signal while stopping is ignored: stopping is under way."""
    for further in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(further, signal.SIG_IGN)
    raise StopAsked
