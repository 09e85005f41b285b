"""The state file: which ports the stack uses and which processes it started. It holds no secret."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from econsent_stack.errors import StackError
from econsent_stack.files import write_whole
from econsent_stack.process import ProcessRecord


@dataclass(slots=True)
class State:
    """``ports`` by name, ``processes`` by name in the order of their start, and the ``supervisor`` that watches them.

    ``failing``: how each process ended that is started again and again. ``is_fleet``: whether Airflow runs in its distributed shape.
    """

    ports: dict[str, int] = field(default_factory=dict[str, int])
    processes: dict[str, ProcessRecord] = field(default_factory=dict[str, ProcessRecord])
    supervisor: ProcessRecord | None = None
    failing: dict[str, str] = field(default_factory=dict[str, str])
    is_fleet: bool = False


def read_state(path: Path) -> State:
    """Read the state; an absent file is an empty state. Raises StackError for a file that is no state."""
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return State(
            ports=dict(stored["ports"]),
            processes={name: ProcessRecord(**record) for name, record in stored["processes"].items()},
            supervisor=ProcessRecord(**stored["supervisor"]) if stored["supervisor"] else None,
            failing=dict(stored.get("failing", {})),
            is_fleet=bool(stored.get("is_fleet", False)),
        )
    except FileNotFoundError:
        return State()
    except (ValueError, KeyError, TypeError) as error:
        raise StackError(f"{path} is no state file that eConsent wrote: delete it and start again; the data lies elsewhere.") from error


def write_state(path: Path, state: State) -> None:
    write_whole(path, json.dumps(asdict(state), indent=2) + "\n", mode=0o644)
