"""Where eConsent's database and share are, as the running stack tells every process by its environment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import make_conninfo

from econsent_jobs.io.database import Connection, first_line

CONNECTION: Final = "AIRFLOW_CONN_ECONSENT_PLATFORM_DATABASE"
EFS_BASE: Final = "AIRFLOW_VAR_ECONSENT_EFS_BASE"
CONNECT_SECONDS: Final = 5


class NotReady(Exception):
    """The system is not there to be written to. The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the platform writes: its own database role, and the share's root folder."""

    conninfo: str
    efs_base: Path


def find_target(environment: Mapping[str, str]) -> Target:
    """Read the target from the environment. Raises NotReady where it is not told or cannot be understood."""
    missing = [name for name in (CONNECTION, EFS_BASE) if not environment.get(name)]
    if missing:
        raise NotReady(f"Nothing says where eConsent runs ({missing[0]} is not set): start it by ./econsent up, then try again.")
    return Target(conninfo=read_connection(environment[CONNECTION]), efs_base=Path(environment[EFS_BASE]))


def read_connection(text: str) -> str:
    """Turn an Airflow Connection in JSON into the words of libpq. Raises NotReady for anything else."""
    try:
        found: dict[str, Any] = json.loads(text)
        return make_conninfo(
            host=found["host"],
            port=found["port"],
            user=found["login"],
            password=found["password"],
            dbname=found["schema"],
            connect_timeout=CONNECT_SECONDS,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise NotReady(f"{CONNECTION} is no Connection in JSON with host, port, login, password and schema: mend it.") from error


def connect(target: Target) -> Connection:
    """Open the platform's connection, in autocommit mode. Raises NotReady where nobody answers or the role is refused."""
    try:
        return psycopg.connect(target.conninfo, autocommit=True)
    except psycopg.OperationalError as error:
        raise NotReady(f"eConsent's database does not answer ({first_line(error)}): start it by ./econsent up.") from error
