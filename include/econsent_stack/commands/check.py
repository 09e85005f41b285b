"""``./econsent check``: everything that a machine can say about the code without running it.

1. Choose the checks: all, or with ``--fast`` those that take less than about ten seconds together.
2. With ``--fix``, let each tool mend what it can first.
3. Run the checks two at a time, and print one line for each as it ends, with its output where it failed.
4. End with 0 if all are well, else with 1 and the command that may mend it.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from econsent_stack.project import ROOT

HELP: Final = "style, types, import contracts, SQL and generated files"

AT_ONCE: Final = 2

PYTHON: Final = sys.executable
TOOLS: Final = Path(PYTHON).parent
COMPOSE_LINT: Final = (
    str(TOOLS / "compose-lint"),
    "check",
    "--quiet",
    "--strict-config",
    "--no-env",
    "--skip-suppressed",
    "--fail-on",
    "low",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One tool. ``fix`` mends what it can, where it can; ``slow`` ones are left out by ``--fast``."""

    name: str
    command: Sequence[str]
    fix: Sequence[str] | None = None
    slow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    check: Check
    ok: bool
    output: str
    seconds: float


def command(name: str, *arguments: str) -> list[str]:
    """Run one of the project's own commands."""
    return [PYTHON, "-m", f"econsent_stack.commands.{name}", *arguments]


def checks() -> list[Check]:
    """Return the checks, longest first, so that two at a time end soon."""
    ruff, sqlfluff = str(TOOLS / "ruff"), str(TOOLS / "sqlfluff")
    return [
        Check(name="types", command=[str(TOOLS / "pyright"), "--pythonpath", PYTHON], slow=True),
        Check(
            name="sql",
            command=[sqlfluff, "lint", "--disable-progress-bar", "include"],
            fix=[sqlfluff, "fix", "--disable-progress-bar", "--quiet", "include"],
            slow=True,
        ),
        Check(name="docs/DAGS.md", command=command("docs", "--check"), fix=command("docs")),
        Check(name="import contracts", command=[str(TOOLS / "lint-imports"), "--no-cache"]),
        Check(name="style", command=[ruff, "check", "--output-format", "concise", "."], fix=[ruff, "check", "--fix", "--quiet", "."]),
        Check(name="format", command=[ruff, "format", "--check", "--output-format", "concise", "."], fix=[ruff, "format", "--quiet", "."]),
        Check(name="requirements.txt", command=command("lock", "--check")),
        Check(name="docker-compose.yaml", command=[*COMPOSE_LINT, "docker-compose.yaml"]),
        Check(name="Dockerfile", command=[str(TOOLS / "hadolint"), "Dockerfile"]),
    ]


def run(check: Check, root: Path) -> Outcome:
    """Run one tool to its end in ``root``."""
    started = time.monotonic()
    try:
        # The commands are the literals above, and no word of them comes from outside.
        done = subprocess.run(check.command, cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        missing = f"{check.command[0]} is not installed; delete .venv and run ./econsent again\n"
        return Outcome(check=check, ok=False, output=missing, seconds=time.monotonic() - started)
    return Outcome(check=check, ok=done.returncode == 0, output=done.stdout + done.stderr, seconds=time.monotonic() - started)


def run_all(chosen: Sequence[Check], root: Path) -> Iterator[Outcome]:
    """Yield outcomes as they come."""
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        for future in as_completed([pool.submit(run, check, root) for check in chosen]):
            yield future.result()


def report(outcomes: Iterable[Outcome]) -> int:
    """Print each outcome as it comes. Return how many failed."""
    failed = 0
    for outcome in outcomes:
        print(f"{'ok    ' if outcome.ok else 'FAILED'}  {outcome.check.name:<18} {outcome.seconds:5.1f} s", flush=True)
        if not outcome.ok:
            failed += 1
            print(outcome.output, flush=True)
    return failed


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./econsent check", description=f"Check {HELP}.")
    parser.add_argument("--fast", action="store_true", help="leave out types and SQL, which take longest")
    parser.add_argument("--fix", action="store_true", help="mend what can be mended first")
    options = parser.parse_args(argv)
    chosen = [check for check in checks() if not (options.fast and check.slow)]
    if options.fix:
        for check in chosen:
            if check.fix:
                subprocess.run(check.fix, cwd=ROOT, check=False)
    failed = report(run_all(chosen, ROOT))
    if failed:
        print(f"{failed} of {len(chosen)} checks failed; ./econsent check --fix mends what a machine can mend")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
