"""``./econsent migrate``: bring the running database to the newest schema, without a restart."""

import argparse
from typing import Final

from econsent_stack.progress import Progress
from econsent_stack.running import running_stack

HELP: Final = "bring the running database to the newest schema and give new roles their logins"


def main(argv: list[str]) -> int:
    argparse.ArgumentParser(prog="./econsent migrate", description=HELP).parse_args(argv)
    stack = running_stack()
    with Progress().step("eConsent's database: migrations, roles"):
        stack.migrate()
    return 0
