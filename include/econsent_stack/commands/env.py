"""``./econsent env``: the stack's environment for a shell, by ``eval "$(./econsent env)"``; plain ``airflow`` commands work there."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import Final

from econsent_stack.compose_env import EXAMPLE, filled
from econsent_stack.fleet import variables_of
from econsent_stack.running import running_stack

HELP: Final = 'print the environment for a shell: eval "$(./econsent env)"'


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./econsent env", description=HELP)
    parser.add_argument("--compose", action="store_true", help="print a .env for docker-compose.yaml instead, with fresh secrets")
    if parser.parse_args(argv).compose:
        sys.stdout.write(filled(EXAMPLE.read_text(encoding="utf-8")))
        return 0
    for name, value in sorted(variables_of(running_stack()).items()):
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    sys.stdout.write(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"\n')
    return 0
