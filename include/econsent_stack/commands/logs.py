"""``./econsent logs NAME``: the end of one log, and what is added to it."""

import argparse
import os
from typing import Final

from econsent_stack.errors import StackError
from econsent_stack.paths import chosen_home

HELP: Final = "show a log: up, postgres, object_store, api-server, scheduler, …; -f follows it"


def main(argv: list[str]) -> int:
    home = chosen_home()
    names = sorted(path.stem for path in home.logs.glob("*.log"))
    parser = argparse.ArgumentParser(prog="./econsent logs", description=f"{HELP}. There are: {', '.join(names) or 'none yet'}.")
    parser.add_argument("name", help="which log")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what is added")
    parser.add_argument("-n", "--lines", type=int, default=200, help="how many lines from the end (200)")
    options = parser.parse_args(argv)
    if options.name not in names:
        raise StackError(f"There is no log {options.name}: choose one of {', '.join(names) or '(none yet; run ./econsent up)'}.")
    arguments = ["tail", f"--lines={options.lines}", *(["--follow=name", "--retry"] if options.follow else []), str(home.log(options.name))]
    os.execvp(arguments[0], arguments)  # noqa: S606 the terminal is tail's from here
