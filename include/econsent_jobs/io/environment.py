"""What a command finds in its environment: Connections in JSON, as ``AIRFLOW_CONN_…`` holds them."""

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from psycopg.conninfo import make_conninfo

from econsent_jobs.core.errors import ErrorClass, PermanentError

CONNECT_SECONDS: Final = 5


class NotConfigured(PermanentError):
    """The environment does not say where eConsent's stores are."""

    def __init__(self, reason: str) -> None:
        super().__init__(ErrorClass.CONFIG, reason)


def connection_of(environment: Mapping[str, str], variable: str) -> dict[str, Any]:
    """Read one Connection. Raises NotConfigured where it is missing or no JSON object."""
    text = environment.get(variable)
    if not text:
        raise NotConfigured(f"Nothing says where eConsent runs ({variable} is not set): start it by ./econsent up, then try again.")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise NotConfigured(f"{variable} is no Connection in JSON: mend it and try again.") from error
    if not isinstance(found, dict):
        raise NotConfigured(f"{variable} is no Connection in JSON: mend it and try again.")
    return cast("dict[str, Any]", found)


def conninfo_of(environment: Mapping[str, str], variable: str) -> str:
    """Return a PostgreSQL Connection in the words of libpq. Raises NotConfigured like ``connection_of``."""
    found = connection_of(environment, variable)
    try:
        return make_conninfo(
            host=found["host"],
            port=found["port"],
            user=found["login"],
            password=found["password"],
            dbname=found["schema"],
            connect_timeout=CONNECT_SECONDS,
        )
    except KeyError as error:
        reason = f"{variable} is no Connection in JSON that says enough, it has no {error.args[0]}: add it and try again."
        raise NotConfigured(reason) from error
