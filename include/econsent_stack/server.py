"""What an embedded server is to the stack. One module below ``servers/`` describes one server, and is found by listing that folder."""

import importlib
import pkgutil
import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from econsent_stack import servers
from econsent_stack.secret_values import SecretValues


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one server of one stack lives.

    ``folder``: its data, its own. ``ports``: its ports by their short names. ``durable``: whether data must survive a power cut; only a
    test's throw-away stack may trade that for speed.
    """

    folder: Path
    ports: Mapping[str, int]
    secrets: SecretValues
    durable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to start a process: its ``command``, its whole ``environment``, and ``options`` of ``subprocess.Popen``."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Server(ABC):
    """A server, or a tool that has no process of its own. A module in ``servers/`` holds one instance, named ``SERVER``."""

    name: ClassVar[str]
    port_names: ClassVar[tuple[str, ...]] = ()
    twin_ports: ClassVar[Mapping[str, int]] = MappingProxyType({})
    """Ports that bring another one with them, at this distance above."""
    session_program: ClassVar[str | None] = None
    """The program whose processes are sessions of their own and work in the server's folder; None when all stay in their first session."""
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    is_slow: ClassVar[bool] = False
    """Takes many seconds to answer; what needs only the other servers goes on meanwhile."""
    is_for_fleet: ClassVar[bool] = False
    """Only ``up --executor celery`` needs it."""

    @abstractmethod
    def version(self) -> str:
        """Return its version; raises StackError, with the command that mends it, when its package is not installed."""

    def launch(self, place: Place) -> Launch | None:
        """Make its data folder ready and say how to start it; None for a tool without a process. Safe after any crash."""
        return None

    def is_ready(self, place: Place) -> bool:
        """Whether it answers."""
        return True

    def prepare(self, place: Place) -> None:
        """Create what has to exist inside it. Runs at every start, so it changes nothing that is there."""

    def tidy(self, place: Place) -> None:
        """Remove what it leaves outside its folder. Runs when no process of it is left, after a stop or a crash."""

    def variables(self, place: Place) -> dict[str, str]:
        """Return the environment variables by which the jobs find it: AIRFLOW_CONN_…, AIRFLOW_VAR_…."""
        return {}


def all_servers() -> list[Server]:
    """Return every server, in the order of their modules' names."""
    return [importlib.import_module(f"{servers.__name__}.{module.name}").SERVER for module in pkgutil.iter_modules(servers.__path__)]
