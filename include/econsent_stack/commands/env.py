"""``./econsent env``: the stack's environment for a shell, by ``eval "$(./econsent env)"``; plain ``airflow`` commands work there."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import Final

from econsent_stack.running import running_stack

HELP: Final = 'print the environment for a shell: eval "$(./econsent env)"'


def main(argv: list[str]) -> int:
    argparse.ArgumentParser(prog="./econsent env", description=HELP).parse_args(argv)
    for name, value in sorted(running_stack().variables().items()):
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    sys.stdout.write(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"\n')
    return 0
