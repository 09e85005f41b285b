"""``./econsent test``: the whole suite, on servers of its own in a temporary folder."""

import os
import subprocess
import sys
from typing import Final

from econsent_stack.project import ROOT

HELP: Final = "run the whole test suite; --fast: only what needs no servers; other arguments go to pytest"
FAST: Final = ("tests/unit", "tests/architecture", "tests/dags")
SLOWEST: Final = 10
NOT_PASSED_ON: Final = ("AIRFLOW_", "ECONSENT_")
"""Tests make their own surroundings: a shell prepared for the running stack must not lead them to its data."""


def main(argv: list[str]) -> int:
    """Return pytest's exit code. 5, nothing collected, is a failure like any other: a suite that tests nothing is not green."""
    if argv and argv[0] in ("-h", "--help"):
        sys.stdout.write(f"usage: ./econsent test [--fast] [pytest's own arguments]\n\n{HELP}\n")
        return 0
    arguments = [argument for argument in argv if argument != "--fast"]
    chosen = [*FAST, "-m", "not servers and not slow"] if "--fast" in argv else []
    environment = {name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)}
    command = [sys.executable, "-m", "pytest", f"--durations={SLOWEST}", "--durations-min=0.5", *chosen, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
