"""The stack's secrets: made at first use, kept in one file with mode 600, never on a command line or in a log."""

import json
import secrets
from collections.abc import Callable
from pathlib import Path

from econsent_stack.errors import StackError
from econsent_stack.files import write_whole


def password() -> str:
    """A random password of 24 characters that needs no quoting anywhere."""
    return secrets.token_urlsafe(18)


class SecretValues:
    """Secrets by name, backed by a file. Only the process that holds the stack's lock makes new ones."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values = self._read()

    def _read(self) -> dict[str, str]:
        try:
            values: dict[str, str] = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise StackError(f"{self._path} is not JSON: restore it from a copy, or delete its folder for a fresh start.") from error
        return values

    def get(self, name: str, make: Callable[[], str] = password) -> str:
        """Return the secret ``name``; make and keep it when it is not there yet."""
        if name not in self._values:
            self._values[name] = make()
            write_whole(self._path, json.dumps(self._values, indent=2, sort_keys=True) + "\n", mode=0o600)
        return self._values[name]

    def names(self, prefix: str) -> list[str]:
        """Return the names that begin with ``prefix``, sorted."""
        return sorted(name for name in self._values if name.startswith(prefix))

    def all_values(self) -> frozenset[str]:
        """Every secret value, for tests that look for leaks."""
        return frozenset(self._values.values())
