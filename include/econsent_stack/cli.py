"""The command line of ``./econsent``. Nothing is registered here; a command is found by its name:

1. ``econsent_stack/commands/<name>.py`` with ``HELP`` (its line in the help) and ``main(argv) -> int``; a dash in the name is an underscore
   in the file.
2. ``econsent_jobs/<stem>/commands.py`` with ``COMMANDS``: a mapping of names to functions ``(argv) -> int``; each function's docstring
   begins with its help. So a job brings its own commands, and no existing file needs an edit.

A StackError is one sentence for a person, and ends with exit code 1; a wrong command line ends with 2.
"""

import difflib
import errno
import importlib
import pkgutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Final

import econsent_jobs
from econsent_stack import commands
from econsent_stack.errors import StackError
from econsent_stack.running import in_running_stack

Main = Callable[[list[str]], int]
FIRST: Final = ("up", "test", "down", "doctor", "logs", "psql", "env", "dags", "traffic", "check", "new-job")
INTRODUCTION: Final = """\
eConsent's scheduled jobs, on real servers of their own.

  ./econsent up       starts everything and prints where to look
  ./econsent test     runs the whole test suite

Every command explains itself with --help. All of them:
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    name: str
    help: str
    main: Main


def own_command(name: str) -> Command | None:
    """Find a command of the stack by its module."""
    if name not in own_names():
        return None
    module = importlib.import_module(f"{commands.__name__}.{name.replace('-', '_')}")
    return Command(name=name, help=module.HELP, main=module.main)


def own_names() -> list[str]:
    names = [module.name.replace("_", "-") for module in pkgutil.iter_modules(commands.__path__)]
    return sorted(names, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))


def jobs_commands() -> dict[str, Command]:
    """Find the commands that jobs bring along."""
    found: dict[str, Command] = {}
    for package in pkgutil.iter_modules(econsent_jobs.__path__):
        module_name = f"{econsent_jobs.__name__}.{package.name}.commands"
        if package.ispkg and find_spec(module_name) is not None:
            offered: dict[str, Main] = importlib.import_module(module_name).COMMANDS
            for name, main in offered.items():
                found[name] = Command(name=name, help=(main.__doc__ or "").strip().splitlines()[0], main=partial(in_running_stack, main))
    return found


def find(name: str) -> Command:
    """Find a command. Raises StackError, naming the nearest one, when there is none of that name."""
    command = own_command(name) or jobs_commands().get(name)
    if command is None:
        near = difflib.get_close_matches(name, [*own_names(), *jobs_commands()], n=1)
        hint = f"did you mean ./econsent {near[0]}?" if near else "./econsent alone shows what there is."
        raise StackError(f"There is no command {name}: {hint}")
    return command


def show_help() -> None:
    found = [command for name in own_names() if (command := own_command(name))] + list(jobs_commands().values())
    lines = [f"  {command.name:<12} {command.help}" for command in found]
    sys.stdout.write(INTRODUCTION + "\n" + "\n".join(lines) + "\n")


def main(argv: list[str]) -> int:
    """Run one command line and return its exit code."""
    if not argv or argv[0] in ("help", "-h", "--help"):
        show_help()
        return 0
    try:
        return find(argv[0]).main(argv[1:])
    except StackError as error:
        return tell(str(error))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return tell(f"The disk is full ({error.filename or 'while writing'}): free some room and start again; no data is lost.")
        raise
    except KeyboardInterrupt:
        return 130


def tell(sentence: str) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"{sentence}\n")
    return 1
