"""``./econsent up``: everything, in the foreground, until Ctrl-C."""

import argparse
from typing import Final

from econsent_stack.errors import StackError
from econsent_stack.fleet import Fleet
from econsent_stack.one_machine import OneMachine
from econsent_stack.paths import chosen_home
from econsent_stack.ports import is_free
from econsent_stack.progress import Progress
from econsent_stack.stack import Stack, free_bytes
from econsent_stack.supervisor import Supervisor

HELP: Final = "start the servers, the demo data and Airflow, and watch them until Ctrl-C"
NEEDED_BYTES: Final = 1024**3
LOCAL, CELERY = "local", "celery"
MOST_WORKERS: Final = 16


def main(argv: list[str]) -> int:
    options = parse(argv)
    home = chosen_home()
    home.path.mkdir(parents=True, exist_ok=True)
    if (free := free_bytes(home.path)) < NEEDED_BYTES:
        raise StackError(
            f"Only {free // 1024**2} MB are free on the disk of {home.path}, and 1024 MB are needed: free some and start again."
        )
    progress = Progress()
    stack = Stack(home.path, say=progress.say, web_port=options.port, fleet=options.executor == CELERY)
    if options.port and not stack.is_running() and not is_free(options.port):
        raise StackError(f"Port {options.port} is taken by another program: choose another one with --port, or leave --port out.")
    progress.say(f"Starting eConsent in {home.path}")
    shape = Fleet(workers=options.workers) if options.executor == CELERY else OneMachine()
    Supervisor(stack, progress, shape, demo=options.demo).run()
    return 0


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./econsent up", description=HELP)
    parser.add_argument("--port", type=int, help="port of the web page on 127.0.0.1; a free one by itself, and the same at the next start")
    parser.add_argument("--no-demo", dest="demo", action="store_false", help="leave the demo companies out")
    parser.add_argument(
        "--executor",
        choices=(LOCAL, CELERY),
        default=LOCAL,
        help="how tasks run: local, in the scheduler's own processes (default), or celery, in the shape of docker-compose.yaml",
    )
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="how many Celery workers for all jobs but videos (2)")
    options = parser.parse_args(argv)
    if not 1 <= options.workers <= MOST_WORKERS:
        parser.error(f"--workers: from 1 to {MOST_WORKERS} run on one machine")
    return options
