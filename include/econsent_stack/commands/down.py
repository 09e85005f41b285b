"""``./econsent down``: stop what ``up`` started, from another terminal, or clear away what a crash left."""

import argparse
import signal
from typing import Final

from econsent_stack.errors import StackError
from econsent_stack.paths import chosen_home
from econsent_stack.process import send, wait_until_gone
from econsent_stack.progress import Progress
from econsent_stack.stack import Stack

HELP: Final = "stop everything that up started"
PATIENCE_SECONDS: Final = 90.0


def main(argv: list[str]) -> int:
    argparse.ArgumentParser(prog="./econsent down", description=HELP).parse_args(argv)
    progress = Progress()
    home = chosen_home()
    if not home.state_file.exists():
        progress.say(f"Nothing runs in {home.path}.")
        return 0
    stack = Stack(home.path, say=progress.say)
    supervisor = stack.state.supervisor
    if not stack.is_running() or supervisor is None:
        stack.clear_away()
        progress.say("Nothing runs any more.")
        return 0
    with progress.step(f"stopping (pid {supervisor.pid})"):
        send(supervisor.pid, signal.SIGTERM)
        if not wait_until_gone(supervisor, seconds=PATIENCE_SECONDS):
            way_out = f"end it with kill -9 {supervisor.pid}, then run this again."
            raise StackError(f"The supervisor (pid {supervisor.pid}) still runs after {PATIENCE_SECONDS:.0f} s: {way_out}")
    return 0
