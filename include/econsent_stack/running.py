"""The stack that runs now, for commands that use it."""

from collections.abc import Callable

from econsent_stack.errors import StackError
from econsent_stack.paths import chosen_home
from econsent_stack.stack import Stack


def running_stack() -> Stack:
    """Return the stack that ``./econsent up`` runs. Raises StackError when there is none."""
    stack = Stack(chosen_home().path)
    if not stack.is_running():
        raise StackError("eConsent does not run: start it with ./econsent up in another terminal.")
    return stack


def in_running_stack(main: Callable[[list[str]], int], argv: list[str]) -> int:
    """Run a command with the running stack's Connections in its environment.

    Where none runs, as on a worker of a fleet, the command finds what its surroundings say, or says itself what is missing.
    """
    stack = Stack(chosen_home().path)
    if not stack.is_running():
        return main(argv)
    with stack.in_environment():
        return main(argv)
