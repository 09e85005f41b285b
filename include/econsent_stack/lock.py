"""Locks between processes: one stack in a state folder at a time, one fetching what several need."""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from econsent_stack.errors import StackError


@contextmanager
def hold(path: Path) -> Generator[None]:
    """Hold the lock file. The kernel frees it with the process, however that ends. Raises StackError when another one holds it."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError(f"eConsent already runs in {path.parent}: stop it with ./econsent down, or use the one that runs.") from error
        yield


@contextmanager
def wait_for(path: Path) -> Generator[None]:
    """Hold the lock file, waiting for whoever holds it. The kernel frees it with the process, however that ends."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
