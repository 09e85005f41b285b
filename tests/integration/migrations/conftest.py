"""Databases and rows for the tests of the schema: SQL of their own, so that they also hold while the jobs change."""

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal

from econsent_stack.stack import Stack

Connection = psycopg.Connection[tuple[Any, ...]]
AsRole = Callable[[Connection, str], AbstractContextManager[Connection]]
Insert = Callable[..., Any]


@contextmanager
def _database(stack: Stack, clause: SQL) -> Iterator[str]:
    """The URL of a new database that goes when the block ends."""
    name = f"schema_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(stack.postgres_url("postgres"), autocommit=True) as administrator:
        administrator.execute(SQL("CREATE DATABASE {} {}").format(Identifier(name), clause))
        try:
            yield stack.postgres_url(name)
        finally:
            administrator.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
def new_database(stack: Stack) -> Iterator[Callable[[], str]]:
    """Call it for the URL of a new, empty database."""
    with ExitStack() as databases:
        yield lambda: databases.enter_context(_database(stack, SQL("")))


@contextmanager
def _as_role(connection: Connection, role: str) -> Iterator[Connection]:
    """Act as ``role``, with the settings that it would have after logging in."""
    settings = connection.execute("SELECT rolconfig FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    assert settings is not None, f"There is no role {role}: look at the revisions that make roles."
    for setting in settings[0] or []:
        name, value = setting.split("=", maxsplit=1)
        connection.execute(SQL("SET {} = {}").format(Identifier(name), Literal(value)))
    connection.execute(SQL("SET ROLE {}").format(Identifier(role)))
    try:
        yield connection
    finally:
        connection.execute("RESET ROLE")
        connection.execute("RESET ALL")


@pytest.fixture
def as_role() -> AsRole:
    """``with as_role(connection, name):`` the connection has the rights and settings of that role."""
    return _as_role


@pytest.fixture
def company(database: Connection) -> str:
    """A company with one property, ``shop``."""
    database.execute("SELECT econsent.create_company('acme', 'Acme', 'starter')")
    database.execute(
        """
            INSERT INTO econsent.properties (company_id, property_id, name, origin, uid)
            VALUES ('acme', 'shop', 'Shop', 'https://example.com', 'u-1')
            """
    )
    return "acme"


@pytest.fixture
def insert_session(database: Connection, company: str) -> Insert:
    """Call it with a session id, and columns that differ, to insert a session of the company."""

    def insert(session_id: str, **columns: object) -> None:
        row = {
            "company_id": company,
            "session_id": session_id,
            "property_id": "shop",
            "started_at": "2026-03-01Z",
            "expires_at": "2026-06-01Z",
        } | columns
        _insert(database, "sessions", row)

    return insert


@pytest.fixture
def insert_certificate(database: Connection, company: str) -> Insert:
    """Call it with a session id, and columns that differ, to insert a certificate; returns its ``certificate_pk``."""

    def insert(session_id: str | None, **columns: object) -> int:
        row = {
            "company_id": company,
            "session_id": session_id,
            "property_id": "shop",
            "consent_at": "2026-03-01Z",
            "capture": "{}",
        } | columns
        return _insert(database, "certificates", row, returning="certificate_pk")

    return insert


@pytest.fixture
def run_when_waiting(stack: Stack) -> Iterator[Callable[[Connection, str], Future[object]]]:
    """Call it with a connection and a statement that has to wait: returns its future when it waits."""
    with ThreadPoolExecutor(max_workers=1) as pool, psycopg.connect(stack.postgres_url("postgres"), autocommit=True) as onlooker:

        def start(connection: Connection, statement: str) -> Future[object]:
            outcome: Future[object] = pool.submit(connection.execute, statement)
            waiting = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
            deadline = time.monotonic() + 30
            while onlooker.execute(waiting, [connection.info.backend_pid]).fetchone() is None:
                assert not outcome.done(), f"It did not wait: {outcome.exception() or 'it succeeded'}"
                assert time.monotonic() < deadline, "It neither waited nor ended."
            return outcome

        yield start


def _insert(database: Connection, table: str, row: dict[str, object], returning: str | None = None) -> Any:
    statement = SQL("INSERT INTO econsent.{} ({}) VALUES ({}) RETURNING {}").format(
        Identifier(table),
        SQL(", ").join(map(Identifier, row)),
        SQL(", ").join(map(Literal, row.values())),
        Identifier(returning or "company_id"),
    )
    inserted = database.execute(statement).fetchone()
    assert inserted is not None
    return inserted[0]
