"""``./econsent traffic``: visits that come in while the stack runs."""

from typing import Final

from demo import traffic
from econsent_stack.paths import chosen_home
from econsent_stack.stack import Stack

HELP: Final = "add visits with pending certificates while eConsent runs"


def main(argv: list[str]) -> int:
    stack = Stack(chosen_home().path)
    return traffic.main(argv, stack.environment() if stack.state.processes else {})
