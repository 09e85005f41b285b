"""``docker-compose.yaml`` as Docker Compose itself reads it: its program resolves anchors, variables and profiles, and needs no Docker."""

import json
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from econsent_stack.errors import StackError
from econsent_stack.project import ROOT

FILE: Final = ROOT / "docker-compose.yaml"
EVERYTHING: Final = "*"
COMPLETED: Final = "service_completed_successfully"
HEALTHY: Final = "service_healthy"
AS_WORDS: Final = "CMD"
ESCAPED_DOLLAR, DOLLAR = "$$", "$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service that is a process of the project's own.

    ``health``: the words that end with 0 while it is well; None where it ends by itself. ``waits_for``: the condition of each service
    that has to hold before it starts. ``replicas``: how many of it run.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    health: tuple[str, ...] | None
    waits_for: Mapping[str, str]
    replicas: int


def program() -> Path:
    return Path(sysconfig.get_path("scripts")) / "docker-compose"


def resolve(values: Mapping[str, str], *, profile: str | None = None, file: Path = FILE) -> dict[str, Any]:
    """Return the whole model with ``values`` as its variables.

    Raises StackError with Compose's own sentence, a missing variable's among them.
    """
    words = [str(program()), "--file", str(file), "--env-file", "/dev/null", *(["--profile", profile] if profile else [])]
    found = subprocess.run([*words, "config", "--format", "json"], env=dict(values), capture_output=True, text=True, check=False)
    if found.returncode != 0:
        last = (found.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise StackError(f"{file.name} cannot be used ({last}): mend it and start again.")
    model: dict[str, Any] = json.loads(found.stdout)
    return model


def own_services(values: Mapping[str, str], *, file: Path = FILE) -> dict[str, Service]:
    """Return what no managed service can take over, by name: the services without a profile. Raises StackError like ``resolve``."""
    own = {name: found for name, found in resolve(values, file=file)["services"].items() if not found.get("profiles")}
    return {name: service_of(name, found, own=frozenset(own)) for name, found in own.items()}


def service_of(name: str, found: Mapping[str, Any], *, own: frozenset[str]) -> Service:
    """Read one service of the model. What it waits for beyond ``own`` is a server's, and not required. Raises StackError."""
    command: list[str] = found.get("command") or []
    test: list[str] = part(found, "healthcheck").get("test", [])
    if not command or (test and test[0] != AS_WORDS):
        raise StackError(f"The service {name} of {FILE.name} needs a command, and a health check in words ({AS_WORDS}).")
    return Service(
        name=name,
        command=tuple(unescaped(word) for word in command),
        environment={variable: unescaped(value) for variable, value in part(found, "environment").items() if value is not None},
        health=tuple(unescaped(word) for word in test[1:]) or None,
        waits_for={other: how["condition"] for other, how in part(found, "depends_on").items() if other in own},
        replicas=int(part(found, "deploy").get("replicas", 1)),
    )


def part(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a part of the model; Compose leaves out what is not said, or says null."""
    return found.get(name) or {}


def unescaped(text: str) -> str:
    """Compose writes a dollar twice, so that its own output can be read again."""
    return text.replace(ESCAPED_DOLLAR, DOLLAR)
