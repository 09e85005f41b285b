"""The embedded servers of one state folder: start, prepare, find, stop.

1. Take the folder's lock: one stack in a folder at a time.
2. Clear away what a killed stack left running.
3. Choose ports, keeping those of the last start where they are free, and write them down.
4. Start every server, wait until each that is quick answers, and create what has to exist in it.
5. Migrate the database, let each job's role log in, and write Airflow's configuration.
6. Wait for the slow ones.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import econsent_jobs.migrations
from econsent_stack import airflow_prepare, airflow_settings
from econsent_stack.errors import StackError
from econsent_stack.files import bound_log, last_lines
from econsent_stack.lock import hold
from econsent_stack.paths import Home
from econsent_stack.ports import choose_ports, is_free
from econsent_stack.process import (
    MARK,
    ProcessFacts,
    ProcessRecord,
    belonging_to,
    boot_id,
    end_all,
    facts,
    in_session,
    is_alive,
    record,
    send,
    spawn,
    wait_until_gone,
    working_for,
)
from econsent_stack.project import ROOT
from econsent_stack.secret_values import SecretValues
from econsent_stack.server import Launch, Place, Server, all_servers
from econsent_stack.servers import object_store, postgres
from econsent_stack.state import State, read_state, write_state

LOG_BYTES: Final = 20 * 1024 * 1024
READY_SECONDS: Final = 90.0
STOP_SECONDS: Final = 20.0
PORTS_SECONDS: Final = 3.0
POLL_SECONDS: Final = 0.05
KEPT_VARIABLES: Final = ("HOME", "LANG", "LC_ALL", "USER", "TERM", "TMPDIR", "SSL_CERT_FILE", "PYTHONPATH")
"""What a child process may see of the surroundings; everything else could change how a job behaves."""


class Stack:
    """The servers in the state folder ``home``. Use it as a context manager, or call ``start_servers`` and ``stop``.

    A second object on the same folder may ask for addresses and the environment while the first one runs the servers. ``fleet`` says
    whether the servers of the distributed shape are among them; None: as the last start had it.
    """

    def __init__(
        self,
        home: Path,
        *,
        durable: bool = True,
        say: Callable[[str], None] | None = None,
        web_port: int | None = None,
        fleet: bool | None = None,
    ) -> None:
        self.home = Home(home.resolve())
        self._durable = durable
        self._say = say or say_nothing
        self._web_port = web_port
        self._held = ExitStack()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._asked: set[str] = set()
        self.state: State = read_state(self.home.state_file)
        self._fleet = self.state.is_fleet if fleet is None else fleet
        self.servers: list[Server] = [server for server in all_servers() if self._fleet or not server.is_for_fleet]
        self.secrets = SecretValues(self.home.secrets_file)

    def __enter__(self) -> Self:
        try:
            self.start_servers()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start_servers(self) -> None:
        """Bring every server up, prepared and migrated. Raises StackError with a sentence for whoever started it."""
        self.take_over()
        self.run_servers()
        self.migrate()
        self.render_airflow()
        self.wait_for_servers(slow=True)

    def run_servers(self) -> None:
        """Start all servers at once, and make the quick ones ready. The slow ones need ``wait_for_servers(slow=True)`` before their use."""
        for server in self.servers:
            self.start_server(server)
        self.wait_for_servers(slow=False)

    def wait_for_servers(self, *, slow: bool) -> None:
        """Wait until each of the slow servers, or of the others, answers, and create what has to exist in it."""
        for server in self.servers:
            if server.is_slow is not slow:
                continue
            self.wait_until(server.name, lambda server=server: server.is_ready(self.place(server)), seconds=READY_SECONDS)
            server.prepare(self.place(server))

    def take_over(self) -> None:
        """Lock the folder, clear away what is left of an earlier stack, and choose ports."""
        self.clear_away()
        for log in self.home.logs.glob("*.log"):
            bound_log(log, most_bytes=LOG_BYTES)
        if self._web_port:
            self.state.ports[airflow_settings.PORT] = self._web_port
        names = [*(f"{server.name}.{port}" for server in self.servers for port in server.port_names), airflow_settings.PORT]
        twins = {f"{server.name}.{port}": distance for server in self.servers for port, distance in server.twin_ports.items()}
        kept = self.state.ports
        self.state.ports = choose_ports(names, kept, twins=twins)
        for name in kept.keys() & self.state.ports.keys():
            if kept[name] != self.state.ports[name]:
                self._say(f"port {kept[name]} is taken by another program, so {name} moves to {self.state.ports[name]}")
        self.state.supervisor, self.state.is_fleet = record(os.getpid()), self._fleet
        self._save()

    def clear_away(self) -> None:
        """Lock the folder and end every process that an earlier stack of it left behind."""
        self.home.make()
        self._held.enter_context(hold(self.home.lock_file))
        self.state, self.secrets = read_state(self.home.state_file), SecretValues(self.home.secrets_file)
        left = self.left_over()
        if left:
            self._say(f"{len(left)} processes of an earlier run were left behind; stopping them")
            end_all(left)
            self._wait_for_ports()
        for server in self.servers:
            if {f"{server.name}.{port}" for port in server.port_names} <= self.state.ports.keys():
                server.tidy(self.place(server))
        self._forget_processes()

    def _wait_for_ports(self) -> None:
        """A killed process's threads may hold its ports a moment longer than the process is seen."""
        deadline = time.monotonic() + PORTS_SECONDS
        while not all(map(is_free, self.state.ports.values())) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    def _forget_processes(self) -> None:
        """Write down that nothing runs. On a full disk the old record stays, which names processes that are seen to be gone."""
        self.state.processes, self.state.supervisor, self.state.failing = {}, None, {}
        with suppress(OSError):
            self._save()

    def left_over(self) -> list[ProcessFacts]:
        """Find every process of this folder's stack that lives, whoever started it, but this one."""
        sessions = frozenset(known.pid for known in self.state.processes.values() if is_ours(known))
        return belonging_to(self.home.path, sessions=sessions, programs=self._session_programs(self.servers))

    def _session_programs(self, servers: Sequence[Server]) -> dict[str, str]:
        return {str(self.home.server(server.name)): server.session_program for server in servers if server.session_program}

    def members(self, name: str) -> list[ProcessFacts]:
        """Find every live process of one recorded process: those of its session and, for a server, those that work for it."""
        own = [server for server in self.servers if server.name == name]
        found = [*in_session(self.state.processes[name].pid), *working_for(self._session_programs(own))]
        return list({process.pid: process for process in found}.values())

    def is_running(self) -> bool:
        """Whether a supervisor runs this folder's stack now, in this process or another."""
        return self.state.supervisor is not None and is_alive(self.state.supervisor)

    def place(self, server: Server) -> Place:
        """Return where ``server`` lives in this stack."""
        ports = {port: self.state.ports[f"{server.name}.{port}"] for port in server.port_names}
        return Place(folder=self.home.server(server.name), ports=ports, secrets=self.secrets, durable=self._durable)

    def start_server(self, server: Server) -> None:
        launch = server.launch(self.place(server))
        if launch is not None:
            self.start_process(server.name, launch)

    def start_process(self, name: str, launch: Launch) -> subprocess.Popen[bytes]:
        """Start a process of the stack and write it down, so that any later command finds it."""
        child = spawn(
            launch.command,
            log=self.home.log(name),
            environment=launch.environment,
            folder=launch.folder,
            home=self.home.path,
            **launch.options,
        )
        self._children[name] = child
        self.state.processes[name] = record(child.pid)
        self._save()
        return child

    def note_failing(self, name: str, how: str | None) -> None:
        """Write down, for whoever looks from outside, how a process that is still started again fails; None: it no longer does."""
        if how is None:
            self.state.failing.pop(name, None)
        else:
            self.state.failing[name] = how
        self._save()

    def wait_until(self, name: str, condition: Callable[[], bool], *, seconds: float) -> None:
        """Wait for a process of the stack to reach a condition. Raises StackError when it ends first or takes too long."""
        deadline = time.monotonic() + seconds
        while not condition():
            child = self._children.get(name)
            if child is not None and child.poll() is not None:
                raise StackError(self.told_by_log(name, f"{name} ended at once ({how_it_ended(child.returncode)})"))
            if time.monotonic() > deadline:
                raise StackError(self.told_by_log(name, f"{name} was not ready after {seconds:.0f} seconds"))
            time.sleep(POLL_SECONDS)

    def told_by_log(self, name: str, what: str) -> str:
        """Return one sentence about ``name``, with the end of its log and where to read on."""
        end = " / ".join(line.strip() for line in last_lines(self.home.log(name), 3) if line.strip())
        return f"{what}: {end or 'it logged nothing'}; read {self.home.log(name)}, mend what it says and start again."

    def migrate(self) -> None:
        """Bring eConsent's database to the newest schema and give each role its login."""
        econsent_jobs.migrations.upgrade(self.postgres_url("econsent"))
        postgres.SERVER.give_logins(self.place(postgres.SERVER))

    def render_airflow(self) -> None:
        """Write Airflow's configuration for the ports and secrets of now."""
        web_port = self.state.ports[airflow_settings.PORT]
        airflow_settings.render(self.home, values=self.secrets, web_port=web_port, database_url=self.metadata_url(), fleet=self._fleet)

    def metadata_url(self) -> str:
        """Return the address of Airflow's own database, for SQLAlchemy."""
        return self.postgres_url("airflow", user="airflow").replace("postgresql://", "postgresql+psycopg2://")

    def airflow_is_prepared(self) -> bool:
        return airflow_prepare.is_prepared(self.postgres_url("airflow", user="airflow"))

    def prepare_airflow(self) -> None:
        """Bring Airflow's own database to its schema and create the pools, in about ten seconds. Raises StackError when that fails."""
        self.run_module(airflow_prepare.__name__, log="airflow-prepare", what="Airflow's database could not be prepared")
        airflow_prepare.write_down(self.postgres_url("airflow", user="airflow"))

    def run_module(self, module: str, *, log: str, what: str) -> None:
        """Run ``python -m module`` in the stack's environment until it ends. Raises StackError, beginning with ``what``, when it fails."""
        self.run_to_end(Launch(command=[sys.executable, "-m", module], environment=self.environment(), folder=ROOT), log=log, what=what)

    def run_to_end(self, launch: Launch, *, log: str, what: str) -> None:
        """Run a process until it ends. Raises StackError, beginning with ``what``, when it fails."""
        with self.home.log(log).open("ab") as output:
            environment = {**launch.environment, MARK: str(self.home.path)}
            done = subprocess.run(launch.command, cwd=launch.folder, env=environment, stdout=output, stderr=output, check=False)
        if done.returncode != 0:
            raise StackError(self.told_by_log(log, f"{what} ({how_it_ended(done.returncode)})"))

    def started(self, name: str) -> bool:
        """Whether this object started that process and has not stopped it."""
        return name in self._children

    def ended(self, name: str) -> int | None:
        """Return the exit code of a process that this object started; None while it runs."""
        return self._children[name].poll()

    def ask_to_end(self, names: Sequence[str]) -> None:
        """Send SIGTERM to several at once, so that waiting for one of them waits for all."""
        for name in names:
            if name in self._children:
                self._ask_to_end(name)

    def _ask_to_end(self, name: str) -> None:
        """Send a process its way of stopping, once: a second signal would make Airflow's scheduler give up its orderly end."""
        stop_signals = {server.name: server.stop_signal for server in self.servers}
        if name not in self._asked and self._children[name].poll() is None:
            self._asked.add(name)
            send(self._children[name].pid, stop_signals.get(name, airflow_settings.STOP_SIGNAL))

    def stop(self) -> None:
        """Stop what this object started, in the opposite order, and whatever belongs to it; then give the folder free."""
        for name in reversed(list(self._children)):
            self.stop_process(name)
        if self.state.supervisor == record(os.getpid()):  # nobody else's: a second start that was refused stops nothing
            end_all(self.left_over())
            self._forget_processes()
        self._held.close()

    def stop_process(self, name: str, *, seconds: float = STOP_SECONDS) -> None:
        """Stop one process by its own way of stopping; what is left of its session after that is ended."""
        self._ask_to_end(name)
        child = self._children.pop(name)
        known = self.state.processes[name]
        wait_until_gone(known, seconds=seconds, child=child)
        self._asked.discard(name)
        end_all(self.members(name))
        child.wait()
        for server in self.servers:
            if server.name == name:
                server.tidy(self.place(server))
        self.state.processes.pop(name)
        with suppress(OSError):  # a stop goes on when the disk is full
            self._save()

    def postgres_url(self, database: str, user: str | None = None) -> str:
        """Return ``postgresql://…`` for psycopg; the superuser's unless ``user`` names a role."""
        return postgres.SERVER.url(self.place(postgres.SERVER), database=database, user=user)

    def object_store_client(self, identity: str = object_store.ADMIN) -> Any:
        """Return an S3 client; the administrator's unless ``identity`` names a Connection such as ``econsent_archive``."""
        return object_store.SERVER.client(self.place(object_store.SERVER), identity)

    def variables(self) -> dict[str, str]:
        """Return the environment variables that belong to this stack, secrets among them."""
        found = airflow_settings.variables(self.home, self.secrets, web_port=self.state.ports.get(airflow_settings.PORT))
        for server in self.servers:
            found.update(server.variables(self.place(server)))
        return found

    def environment(self) -> dict[str, str]:
        """Return everything that a process of this stack needs, and nothing else of the surroundings."""
        return {**bare_environment(), **self.variables()}

    @contextmanager
    def in_environment(self) -> Generator[None]:
        """Let this process itself have the stack's variables for a while."""
        before = dict(os.environ)
        os.environ.update(self.variables())
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def _save(self) -> None:
        write_state(self.home.state_file, self.state)


def bare_environment() -> dict[str, str]:
    """Return what any process of a stack may know of the surroundings, and the PATH on which it finds the environment's programs."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return {**kept, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])}


def is_ours(known: ProcessRecord) -> bool:
    """Whether the session of a recorded process can only be ours: its pid is nobody's now, or still this very process's.

    A process that was killed keeps its pid until somebody reaps it, and what it forked may live on.
    """
    found = facts(known.pid)
    return known.boot == boot_id() and (found is None or found.started_ticks == known.started_ticks)


def say_nothing(text: str) -> None:
    """For whoever asks nobody to listen."""


def how_it_ended(code: int) -> str:
    """Say a process's end in words."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def free_bytes(path: Path) -> int:
    return shutil.disk_usage(path).free
