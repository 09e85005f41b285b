"""A second database, what the platform's role may do, and a share of its own."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from demo.environment import CONNECTION, EFS_BASE
from econsent_jobs.migrations import upgrade
from econsent_stack.stack import Stack


@pytest.fixture
def efs_base(tmp_path: Path) -> Path:
    return tmp_path / "efs"


@pytest.fixture
def platform(database: psycopg.Connection) -> psycopg.Connection:
    """The database with no more rights than the web platform has."""
    database.execute("SET ROLE econsent_platform")
    return database


@pytest.fixture
def second_database(stack: Stack, server: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """Another migrated database of the same server, autocommit."""
    name = f"demo_{uuid4().hex}"
    server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    upgrade(stack.postgres_url(name))
    with psycopg.connect(stack.postgres_url(name), autocommit=True) as connection:
        yield connection
    server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def environment(database_url: str, efs_base: Path) -> dict[str, str]:
    """What a process of the running stack finds in its environment."""
    words = conninfo_to_dict(database_url)
    connection = {
        "conn_type": "postgres",
        "host": words["host"],
        "port": int(str(words["port"])),
        "login": words["user"],
        "password": words["password"],
        "schema": words["dbname"],
    }
    return {CONNECTION: json.dumps(connection), EFS_BASE: str(efs_base)}


@pytest.fixture
def tree(efs_base: Path) -> Callable[[], dict[str, bytes | str]]:
    """Everything on the share: path to contents, or to a symlink's target."""

    def read() -> dict[str, bytes | str]:
        found = (path for path in efs_base.rglob("*") if path.is_symlink() or path.is_file())
        return {str(p.relative_to(efs_base)): str(p.readlink()) if p.is_symlink() else p.read_bytes() for p in found}

    return read
