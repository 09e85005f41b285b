"""The stack that runs now, for commands that use it."""

from econsent_stack.errors import StackError
from econsent_stack.paths import chosen_home
from econsent_stack.stack import Stack


def running_stack() -> Stack:
    """Return the stack that ``./econsent up`` runs. Raises StackError when there is none."""
    stack = Stack(chosen_home().path)
    if not stack.is_running():
        raise StackError("eConsent does not run: start it with ./econsent up in another terminal.")
    return stack
