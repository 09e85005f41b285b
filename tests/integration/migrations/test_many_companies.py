"""With many companies, a statement of a job still opens the partitions of one.

Every ``sql/*.sql`` of every job is found by name and run ten times, prepared, on one connection and in its role, with what follows
from it (triggers, foreign keys): the sixth execution is where PostgreSQL turns to a generic plan, which locks the partitions of all
companies. What is asserted is the number of locks, never a time.

Each job gives parameters for its statements, and rows for them to find, in ``tests/integration/<stem>/statement_parameters.py``:
``statement_parameters(database, company_id) -> {statement: {parameter: value}}``. The number of companies is 500, or
``ECONSENT_TEST_COMPANIES``: creating them costs about the square of it (500 took 20 seconds on two busy cores, 2,000 took 124).
"""

import hashlib
import importlib.util
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import pq
from psycopg.sql import SQL, Identifier

import econsent_jobs
from econsent_stack.stack import Stack

Connection = psycopg.Connection[tuple[Any, ...]]
AsRole = Callable[[Connection, str], AbstractContextManager[Connection]]
Parameters = Mapping[str, Mapping[str, Any]]

COMPANIES = int(os.environ.get("ECONSENT_TEST_COMPANIES", "500"))
COMPANIES_PER_TRANSACTION = 25
EXECUTIONS = 10
MOST_LOCKS = 80
STATEMENTS = sorted(Path(econsent_jobs.__file__).parent.glob("*/sql/*.sql"))
INTEGRATION_TESTS = Path(__file__).parent.parent

pytestmark = pytest.mark.timeout(900)  # the first test waits for all the companies

LOCKS = """
    SELECT count(*), count(*) FILTER (WHERE owner.relispartition AND right(owner.relname, 32) <> %s)
    FROM pg_locks
    JOIN pg_class AS locked ON locked.oid = pg_locks.relation
    LEFT JOIN pg_index ON indexrelid = locked.oid
    JOIN pg_class AS owner ON owner.oid = coalesce(indrelid, locked.oid)
    WHERE pid = pg_backend_pid() AND locktype = 'relation' AND locked.relnamespace <> 'pg_catalog'::regnamespace
"""


def job_of(statement: Path) -> str:
    return statement.parent.parent.name


def label(statement: Path) -> str:
    return f"{job_of(statement)}-{statement.stem}"


@pytest.fixture(scope="session")
def many_companies(stack: Stack, server: Connection, template_database: str) -> Iterator[str]:
    """The URL of a database with ``COMPANIES`` companies, ``c-0`` and so on."""
    name = Identifier("many_companies")
    server.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(name, Identifier(template_database)))
    url = stack.postgres_url("many_companies")
    with psycopg.connect(url, autocommit=True) as connection:
        for first in range(0, COMPANIES, COMPANIES_PER_TRANSACTION):
            connection.execute(
                """
                    SELECT econsent.create_company('c-' || n, 'Company ' || n, 'starter') FROM
                    generate_series(%s::integer, %s::integer) AS n
                    """,
                [first, min(first + COMPANIES_PER_TRANSACTION, COMPANIES) - 1],
            )
    yield url
    server.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def connection(many_companies: str) -> Iterator[Connection]:
    """A connection on which every statement is prepared at its first execution."""
    with psycopg.connect(many_companies, autocommit=True, prepare_threshold=0) as opened:
        yield opened


@pytest.fixture(scope="session")
def parameters_of(many_companies: str) -> Callable[[str], tuple[str, Parameters]]:
    """Call it with a stem for the company that its rows were put into, and the parameters by statement."""
    prepared: dict[str, tuple[str, Parameters]] = {}

    def parameters(stem: str) -> tuple[str, Parameters]:
        if stem not in prepared:
            company_id = f"c-{COMPANIES // 2 + len(prepared)}"
            with psycopg.connect(many_companies, autocommit=True) as database:
                prepared[stem] = (company_id, load_parameters(stem)(database, company_id))
        return prepared[stem]

    return parameters


def load_parameters(stem: str) -> Callable[[Connection, str], Parameters]:
    path = INTEGRATION_TESTS / stem / "statement_parameters.py"
    if not path.exists():
        pytest.fail(
            f"{path.relative_to(INTEGRATION_TESTS.parent.parent)} is missing: write statement_parameters(database, company_id) there."
        )
    spec = importlib.util.spec_from_file_location(f"statement_parameters_of_{stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.statement_parameters


def locks_of(connection: Connection, *, sql: bytes, values: Mapping[str, Any], company_id: str) -> list[tuple[int, int]]:
    """Execute ``sql`` ten times; after each, how many relations are locked, and how many of another company. Leaves nothing behind."""
    company_hash = hashlib.sha256(company_id.encode()).hexdigest()[:32]
    found: list[tuple[int, int]] = []
    connection.execute("BEGIN")
    try:
        for _ in range(EXECUTIONS):
            command(connection, "SAVEPOINT before")
            cursor = connection.execute(sql, values)
            assert cursor.rowcount > 0, "It touched no row, so nothing that follows from it was seen: prepare rows for it."
            counted = connection.execute(LOCKS, [company_hash]).fetchone()
            assert counted is not None
            found.append((counted[0], counted[1]))
            command(connection, "ROLLBACK TO SAVEPOINT before")
    finally:
        command(connection, "ROLLBACK")
    return found


def command(connection: Connection, words: str) -> None:
    """Run it past psycopg, which would drop its prepared statements at the sight of a rollback."""
    assert connection.pgconn.exec_(words.encode()).status == pq.ExecStatus.COMMAND_OK


@pytest.mark.parametrize("path", STATEMENTS, ids=label)
def test_a_statement_opens_one_companys_partitions(
    path: Path, connection: Connection, as_role: AsRole, parameters_of: Callable[[str], tuple[str, Parameters]]
) -> None:
    stem, sql = job_of(path), path.read_bytes()
    company_id, parameters = parameters_of(stem)
    values = parameters.get(path.stem, {})
    missing = sorted(set(re.findall(r"%\((\w+)\)s", sql.decode())) - set(values))
    assert not missing, f"{path.stem} has no {', '.join(missing)}: add them to tests/integration/{stem}/statement_parameters.py."
    with as_role(connection, "econsent_dashboard" if path.stem == "figures" else f"econsent_{stem}"):
        found = locks_of(connection, sql=sql, values=values, company_id=company_id)
    assert [others for _, others in found] == [0] * EXECUTIONS, f"{path.stem} opened partitions of other companies: name company_id in it."
    assert max(locks for locks, _ in found) <= MOST_LOCKS


def test_the_measure_sees_a_statement_that_names_no_company(connection: Connection) -> None:
    found = locks_of(
        connection,
        sql=b"""
        SELECT count(*) FROM econsent.certificates
        WHERE certificate_pk = 0
        """,
        values={},
        company_id="c-0",
    )
    assert min(others for _, others in found) >= COMPANIES - 1


def test_the_measure_sees_a_generic_plan(connection: Connection) -> None:
    connection.execute("SET plan_cache_mode = force_generic_plan")
    statement = b"SELECT count(*) FROM econsent.certificates WHERE company_id = %(company_id)s"
    found = locks_of(connection, sql=statement, values={"company_id": "c-0"}, company_id="c-0")
    assert min(others for _, others in found) >= COMPANIES - 1


def test_one_more_company_opens_no_other_companys_partitions(connection: Connection) -> None:
    statement = b"SELECT econsent.create_company(%(company_id)s, 'New', 'starter')"
    found = locks_of(connection, sql=statement, values={"company_id": "new"}, company_id="new")
    default_partitions_and_their_indexes = {others for _, others in found}
    assert max(default_partitions_and_their_indexes) <= 20


@pytest.mark.parametrize(
    "statement",
    [
        """
            INSERT INTO econsent.sessions (company_id, session_id, property_id, started_at, expires_at)
            VALUES (%(company_id)s, 'new', 'shop', now(), now())
            """,
        """
        INSERT INTO econsent.certificates (company_id, session_id, property_id, consent_at, capture)
        VALUES (%(company_id)s, 'new', 'shop', now(), '{}')
        """,
        """
        UPDATE econsent.sessions SET retention_status = 'retained', rrweb_to_video_status = 'pending'
        WHERE company_id = %(company_id)s AND session_id = 'platform'
        """,
        """UPDATE econsent.certificates SET opt_out = '{"revoke": true}' WHERE company_id = %(company_id)s AND session_id = 'platform'""",
    ],
    ids=["new session", "new certificate", "retain", "revoke"],
)
def test_the_platforms_writes_open_one_companys_partitions(connection: Connection, as_role: AsRole, statement: str) -> None:
    prepare_platform_rows(connection)
    with as_role(connection, "econsent_platform"):
        found = locks_of(connection, sql=statement.encode(), values={"company_id": "c-1"}, company_id="c-1")
    assert [others for _, others in found] == [0] * EXECUTIONS
    assert max(locks for locks, _ in found) <= MOST_LOCKS


def prepare_platform_rows(connection: Connection) -> None:
    """A session and a certificate of ``c-1``; again without effect."""
    connection.execute(
        """
        INSERT INTO econsent.properties (company_id, property_id, name, origin, uid)
        VALUES ('c-1', 'shop', 'Shop', 'https://example.com', 'platform')
        ON CONFLICT DO NOTHING
        """
    )
    connection.execute(
        """
        INSERT INTO econsent.sessions (company_id, session_id, property_id, started_at, expires_at)
        VALUES ('c-1', 'platform', 'shop', now(), now())
        ON CONFLICT DO NOTHING
        """
    )
    connection.execute(
        """
        INSERT INTO econsent.certificates (company_id, session_id, property_id, consent_at, capture)
        VALUES ('c-1', 'platform', 'shop', now(), '{}')
        ON CONFLICT DO NOTHING
        """
    )
