"""The variables of ``docker-compose.yaml``: ``.env.example``, with a fresh secret for each ``change-me``."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from econsent_stack.airflow_settings import fernet_key, long_key
from econsent_stack.project import ROOT
from econsent_stack.secret_values import password
from econsent_stack.servers.object_store import ADMIN, IDENTITIES, identities_of

EXAMPLE: Final = ROOT / ".env.example"
PLACE: Final = re.compile(r"change-me\.((?:long\.)?[a-z0-9-]+)")
FERNET, IDENTITIES_PLACE, LONG = "fernet", "identities", "long."
STORE_PLACES: Final[Mapping[str, str]] = {name: name.removeprefix("econsent_").replace("_", "-") for name in IDENTITIES} | {
    ADMIN: "archive-admin"
}
"""What the S3 server's identities are called in the example."""


def filled(example: str) -> str:
    """Return the example with secrets: the same for the same name, and no two alike."""
    known: dict[str, str] = {}

    def secret(name: str) -> str:
        if name not in known:
            known[name] = maker_of(name)()
        return known[name]

    def replacement(found: re.Match[str]) -> str:
        if found[1] == IDENTITIES_PLACE:
            return f"'{json.dumps(identities_of(lambda identity: secret(STORE_PLACES[identity])))}'"
        return secret(found[1])

    lines = example.splitlines(keepends=True)
    return "".join(line if line.startswith("#") else PLACE.sub(replacement, line) for line in lines)


def maker_of(name: str) -> Callable[[], str]:
    if name == FERNET:
        return fernet_key
    return long_key if name.startswith(LONG) else password
