"""A whole ``./econsent up`` as a process of its own, and waiting for what it does."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from econsent_stack import airflow_settings, components
from econsent_stack.project import ROOT
from econsent_stack.secret_values import SecretValues
from econsent_stack.stack import Stack

HEALTHY_SECONDS = 400.0


def wait_for(condition: Callable[[], object], *, what: str, seconds: float = HEALTHY_SECONDS) -> None:
    """Wait until ``condition`` holds; fail with ``what`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not seen within {seconds:.0f} s: {what}"
        time.sleep(0.1)


class Up:
    """One ``up`` with further ``arguments``, and its state folder. It may be started again in the same folder."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.home = home
        self.arguments = arguments
        self.surroundings: dict[str, str] = {}
        self.output = home.with_suffix(".output")
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command on the same folder to its end."""
        command = [sys.executable, "-m", "econsent_stack", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.environment(), capture_output=True, text=True, timeout=120, check=False)

    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.surroundings, "ECONSENT_HOME": str(self.home)}

    def start(self) -> None:
        """Start it and wait until it says that all is healthy."""
        with self.output.open("wb") as output:
            command = [sys.executable, "-m", "econsent_stack", "up", *self.arguments]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment(), stdout=output, stderr=output)
        wait_for(self._is_healthy_or_over, what="the line that says healthy")
        assert self.process.poll() is None, self.output.read_text()

    def _is_healthy_or_over(self) -> bool:
        assert self.process is not None
        return "Healthy after" in self.output.read_text() or self.process.poll() is not None

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=120)

    def stack(self) -> Stack:
        """Look at the stack from outside."""
        return Stack(self.home)

    def pids(self) -> dict[str, int]:
        return {name: known.pid for name, known in self.stack().state.processes.items()}

    def is_healthy(self, *, since: float) -> bool:
        """Whether every component has a heartbeat newer than ``since``."""
        report = components.read_health(self.stack().state.ports[airflow_settings.PORT])
        return all(components.is_healthy(name, report, since=since) for name in components.COMMANDS)

    def request(self, path: str, *, token: str | None = None, body: object | None = None) -> tuple[int, Any]:
        """Ask Airflow's web server; return the status and the JSON of its answer."""
        address = f"http://127.0.0.1:{self.stack().state.ports[airflow_settings.PORT]}{path}"
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(address, data=data, headers=headers), timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, None

    def password(self, user: str) -> str:
        return SecretValues(self.home / "secrets.json").get(airflow_settings.user_secret(user))

    def end_everything(self) -> None:
        """For the end of the tests, whatever state they left it in."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.command("down")
