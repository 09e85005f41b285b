"""Databases of a test's own on the real server."""

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql


@contextmanager
def copied_database(server: psycopg.Connection[Any], source: str, *, prefix: str) -> Generator[str]:
    """Copy the database ``source``, to which nobody may be connected, and drop the copy in the end. Gives the copy's name."""
    name = f"{prefix}_{secrets.token_hex(6)}"
    server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(name), sql.Identifier(source)))
    try:
        yield name
    finally:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
