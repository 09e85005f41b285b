"""Where eConsent's database and share are, as the running stack tells every process by its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from econsent_jobs.io.database import Connection, first_line
from econsent_jobs.io.environment import NotConfigured, conninfo_of

CONNECTION: Final = "AIRFLOW_CONN_ECONSENT_PLATFORM_DATABASE"
EFS_BASE: Final = "AIRFLOW_VAR_ECONSENT_EFS_BASE"


class NotReady(Exception):
    """The system is not there to be written to. The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the platform writes: its own database role, and the share's root folder."""

    conninfo: str
    efs_base: Path


def find_target(environment: Mapping[str, str]) -> Target:
    """Read the target from the environment. Raises NotReady where it is not told or cannot be understood."""
    try:
        conninfo = conninfo_of(environment, CONNECTION)
    except NotConfigured as error:
        raise NotReady(error.reason) from error
    if not environment.get(EFS_BASE):
        raise NotReady(f"{EFS_BASE} is not set, so nothing says where recordings lie: start eConsent by ./econsent up, then try again.")
    return Target(conninfo=conninfo, efs_base=Path(environment[EFS_BASE]))


def connect(target: Target) -> Connection:
    """Open the platform's connection, in autocommit mode. Raises NotReady where nobody answers or the role is refused."""
    try:
        return psycopg.connect(target.conninfo, autocommit=True)
    except psycopg.OperationalError as error:
        raise NotReady(f"eConsent's database does not answer ({first_line(error)}): start it by ./econsent up.") from error
