"""A company comes whole or not at all, whatever its id looks like, and nobody else waits for it."""

from typing import Any

import psycopg
import pytest

Connection = psycopg.Connection[tuple[Any, ...]]

HOSTILE_IDS = [
    "../x",
    "/etc/passwd",
    "o'brien",
    'a "quoted" id',
    "back\\slash",
    "%s %(name)s %I $1",
    "'); DROP TABLE econsent.companies; --",
    "sessions_default",
    "ACME",
    "acme",
    " acme",
    "new\nline",
    "München-東京-🦊",
    "67fa8d40a96f513ae019c85c",
    "x" * 200,
    "x" * 199 + "y",
]


def create(connection: Connection, company_id: str | None, name: str | None = "A company", plan: str | None = "starter") -> None:
    connection.execute("SELECT econsent.create_company(%s, %s, %s)", [company_id, name, plan])


def insert_session(connection: Connection, company_id: str, session_id: str = "s-1") -> None:
    connection.execute(
        """
            INSERT INTO econsent.properties (company_id, property_id, name, origin, uid)
            VALUES (%s, 'shop', 'Shop', 'https://example.com', %s)
            """,
        [company_id, f"uid of {company_id}"],
    )
    connection.execute(
        """
            INSERT INTO econsent.sessions (company_id, session_id, property_id, started_at, expires_at)
            VALUES (%s, %s, 'shop', now(), now())
            """,
        [company_id, session_id],
    )


def partitions(connection: Connection, company_id: str) -> set[str]:
    """The parents of the partitions whose comment names the company."""
    rows = connection.execute(
        """
        SELECT parent.relname
        FROM pg_inherits JOIN pg_class AS parent ON inhparent = parent.oid JOIN pg_class AS part ON inhrelid = part.oid
        WHERE part.relkind = 'r' AND obj_description(part.oid, 'pg_class') = %s
        """,
        [company_id],
    )
    return {row[0] for row in rows}


def test_hostile_ids_get_partitions_of_their_own(database: Connection) -> None:
    for company_id in HOSTILE_IDS:
        create(database, company_id)
    for company_id in HOSTILE_IDS:
        assert partitions(database, company_id) == {"sessions", "certificates", "attestations"}, company_id
        insert_session(database, company_id)
    tables = database.execute(
        "SELECT count(DISTINCT tableoid), count(*), max(length(tableoid::regclass::text)) FROM econsent.sessions"
    ).fetchone()
    assert tables is not None
    assert tables[:2] == (len(HOSTILE_IDS), len(HOSTILE_IDS))
    assert tables[2] <= 63 + len("econsent.")


@pytest.mark.parametrize(("plan", "quota"), [("starter", 1_000), ("growth", 10_000), ("enterprise", 50_000), ("high_volume", 50_000)])
def test_the_plan_sets_the_quota(database: Connection, plan: str, quota: int) -> None:
    create(database, "acme", plan=plan)
    found = database.execute(
        """
        SELECT plan, monthly_quota, balance FROM econsent.companies
        JOIN econsent.retention_settings USING (company_id) JOIN econsent.wallets USING (company_id)
        """
    ).fetchall()
    assert found == [(plan, quota, 0)]


@pytest.mark.parametrize(
    ("company_id", "name", "plan", "sentence"),
    [
        (None, "A", "starter", "must not be empty"),
        ("", "A", "starter", "must not be empty"),
        (".", "A", "starter", "must not be empty"),
        ("..", "A", "starter", "must not be empty"),
        ("x" * 201, "A", "starter", "201 bytes when percent-encoded"),
        ("é" * 34, "A", "starter", "204 bytes when percent-encoded"),
        ("acme", None, "starter", "name of 1 to 200 characters"),
        ("acme", "  ", "starter", "name of 1 to 200 characters"),
        ("acme", "n" * 201, "starter", "name of 1 to 200 characters"),
        ("acme", "A", None, "plan NULL is unknown"),
        ("acme", "A", "gold", "plan 'gold' is unknown"),
    ],
)
def test_bad_arguments_are_refused_with_a_sentence(
    database: Connection, company_id: str | None, name: str | None, plan: str | None, sentence: str
) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=sentence):
        create(database, company_id, name, plan)
    assert database.execute("SELECT count(*) FROM econsent.companies").fetchone() == (0,)


def test_creating_a_company_again_changes_nothing(database: Connection) -> None:
    create(database, "acme")
    database.execute("UPDATE econsent.retention_settings SET monthly_quota = 77")
    create(database, "acme")
    assert database.execute("SELECT monthly_quota FROM econsent.retention_settings").fetchall() == [(77,)]


@pytest.mark.parametrize(("name", "plan"), [("Another name", "starter"), ("A company", "growth")])
def test_a_known_id_with_other_arguments_is_refused(database: Connection, name: str, plan: str) -> None:
    create(database, "acme")
    with pytest.raises(psycopg.errors.UniqueViolation, match="exists with another name or plan"):
        create(database, "acme", name, plan)


def test_a_company_whose_creation_is_rolled_back_leaves_nothing(database: Connection) -> None:
    with database.transaction(force_rollback=True):
        create(database, "acme")
    assert partitions(database, "acme") == set()
    create(database, "acme")


def test_other_companies_go_on_working_while_one_is_created(database: Connection, another_connection: Connection) -> None:
    create(database, "acme")
    another_connection.execute("SET lock_timeout = '5s'")
    with database.transaction(), another_connection.transaction():
        database.execute("SELECT econsent.create_company('second', 'Second', 'growth')")
        another_connection.execute("SELECT count(*) FROM econsent.sessions WHERE company_id = 'acme'")
        another_connection.execute("SELECT count(*) FROM econsent.certificates WHERE company_id = 'acme'")
        another_connection.execute("UPDATE econsent.sessions SET page_url = NULL WHERE company_id = 'acme'")


def test_a_company_is_created_while_others_write(database: Connection, another_connection: Connection) -> None:
    create(database, "acme")
    insert_session(database, "acme")
    database.execute("SET lock_timeout = '5s'")
    with another_connection.transaction():
        another_connection.execute("UPDATE econsent.sessions SET page_url = '/' WHERE company_id = 'acme'")
        another_connection.execute(
            """
                INSERT INTO econsent.certificates (company_id, session_id, property_id, consent_at, capture)
                VALUES ('acme', 's-1', 'shop', now(), '{}')
                """
        )
        create(database, "second")


@pytest.mark.parametrize("parent", ["sessions", "certificates", "attestations"])
def test_default_partitions_refuse_strangers(database: Connection, parent: str) -> None:
    database.execute("INSERT INTO econsent.companies (company_id, name, plan) VALUES ('half', 'Half', 'starter')")
    database.execute(
        """
            INSERT INTO econsent.properties (company_id, property_id, name, origin, uid)
            VALUES ('half', 'shop', 'Shop', 'https://example.com', 'u')
            """
    )
    statements = {
        "sessions": "(company_id, session_id, property_id, started_at, expires_at) VALUES (%s, 's-1', 'shop', now(), now())",
        "certificates": "(company_id, session_id, property_id, consent_at, capture) VALUES (%s, 's-1', 'shop', now(), '{}')",
        "attestations": "(company_id, certificate_pk, disclosure_sha256, document, attestation_sha256) VALUES (%s, 1, '', '{}', '')",
    }
    for table in (parent, f"{parent}_default"):
        for company_id in ("half", "o'nobody"):
            with pytest.raises(psycopg.errors.CheckViolation, match=r"is unknown here: create it with econsent\.create_company"):
                database.execute(f"INSERT INTO econsent.{table} {statements[parent]}", [company_id])


def test_an_attestation_needs_its_certificate_and_goes_with_it(database: Connection) -> None:
    create(database, "acme")
    insert_session(database, "acme")
    attestation = """
        INSERT INTO econsent.attestations (company_id, certificate_pk, disclosure_sha256, document, attestation_sha256)
        VALUES ('acme', %s, '', '{}', '')
        """
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        database.execute(attestation, [4_711])
    row = database.execute(
        """
        INSERT INTO econsent.certificates (company_id, session_id, property_id, consent_at, capture)
        VALUES ('acme', 's-1', 'shop', now(), '{}') RETURNING certificate_pk
        """
    ).fetchone()
    assert row is not None
    database.execute(attestation, [row[0]])
    database.execute("DELETE FROM econsent.certificates WHERE company_id = 'acme'")
    assert database.execute("SELECT count(*) FROM econsent.attestations").fetchone() == (0,)


def test_a_company_created_twice_at_once_is_one_company(database: Connection, another_connection: Connection) -> None:
    another_connection.execute("SET lock_timeout = '100ms'")
    with database.transaction():
        create(database, "acme")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            create(another_connection, "acme")
    create(another_connection, "acme")
    assert database.execute("SELECT count(*) FROM econsent.companies").fetchone() == (1,)


def test_a_later_revision_reaches_the_partitions_of_every_company(database: Connection) -> None:
    create(database, "acme")
    database.execute("SET ROLE econsent_migrator")
    database.execute("ALTER TABLE econsent.certificates ADD COLUMN added integer")
    database.execute("ALTER TABLE econsent.certificates DROP COLUMN last_error")
    database.execute("ALTER TABLE econsent.certificates DROP CONSTRAINT certificates_source_check")
    database.execute("ALTER TABLE econsent.certificates ALTER COLUMN capture DROP NOT NULL")
    database.execute("CREATE INDEX certificates_added ON econsent.certificates (added)")
    left_behind = database.execute(
        """
        SELECT conrelid::regclass, conname FROM pg_constraint
        WHERE conname = 'certificates_source_check' OR conname LIKE 'certificates%capture_not_null'
        """
    ).fetchall()
    assert left_behind == []
    columns = database.execute(
        """
        SELECT attname, count(*) FROM pg_attribute JOIN pg_partition_tree('econsent.certificates') ON attrelid = relid
        WHERE attname IN ('added', 'last_error') GROUP BY attname
        """
    ).fetchall()
    assert columns == [("added", 3)]
    assert database.execute("SELECT count(*) FROM pg_partition_tree('econsent.certificates_added')").fetchone() == (3,)
