"""The schema loads into any database, as often as one likes, and belongs to its owner alone."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from econsent_jobs.migrations import FOLDER, upgrade

NewDatabase = Callable[[], str]


def revisions() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return ScriptDirectory.from_config(config)


def applied(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT version_num FROM econsent.alembic_version")]


def fingerprint(url: str) -> list[tuple[object, ...]]:
    """What the catalogue says about the schema: relations, columns, constraints, functions and rights."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            """
            SELECT 'relation', relname::text, relkind::text, relacl::text FROM pg_class WHERE relnamespace = 'econsent'::regnamespace
            UNION ALL
            SELECT 'column', attrelid::regclass::text, attname::text, format_type(atttypid, atttypmod) || coalesce(attacl::text, '')
            FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid WHERE relnamespace = 'econsent'::regnamespace AND attnum > 0
            UNION ALL
            SELECT 'constraint', conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)
            FROM pg_constraint WHERE connamespace = 'econsent'::regnamespace
            UNION ALL
            SELECT 'function', proname::text, prosrc, proacl::text FROM pg_proc WHERE pronamespace = 'econsent'::regnamespace
            ORDER BY 1, 2, 3, 4
            """
        ).fetchall()


def test_an_empty_database_gets_every_revision(new_database: NewDatabase) -> None:
    url = new_database()
    upgrade(url)
    assert applied(url) == [revisions().get_current_head()]


def test_a_second_upgrade_changes_nothing(new_database: NewDatabase) -> None:
    url = new_database()
    upgrade(url)
    before = fingerprint(url)
    upgrade(url)
    assert fingerprint(url) == before
    assert len(before) > 500


def test_a_newer_version_s_schema_is_left_as_it_is(new_database: NewDatabase) -> None:
    """As after a rollback of the code: the old version's init runs on what the new one had migrated."""
    url = new_database()
    upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE econsent.alembic_version SET version_num = '9999'")
    before = fingerprint(url)

    upgrade(url)

    assert applied(url) == ["9999"]
    assert fingerprint(url) == before


@pytest.fixture
def processes() -> Iterator[ProcessPoolExecutor]:
    """Four processes: threads of one process would take turns before they reach the database."""
    with ProcessPoolExecutor(max_workers=4, mp_context=get_context("spawn")) as pool:
        yield pool


def test_upgrades_of_one_database_at_once_make_one_schema(new_database: NewDatabase, processes: ProcessPoolExecutor) -> None:
    url, alone = new_database(), new_database()
    for outcome in [processes.submit(upgrade, url) for _ in range(4)]:
        outcome.result()
    upgrade(alone)
    assert fingerprint(url) == fingerprint(alone)


def test_databases_of_one_cluster_can_be_upgraded_at_once(new_database: NewDatabase, processes: ProcessPoolExecutor) -> None:
    urls = [new_database() for _ in range(4)]
    for outcome in [processes.submit(upgrade, url) for url in urls]:
        outcome.result()
    assert [applied(url) for url in urls] == [[revisions().get_current_head()]] * 4


def test_threads_of_one_process_can_upgrade_at_once(new_database: NewDatabase) -> None:
    urls = [new_database() for _ in range(3)]
    with ThreadPoolExecutor(max_workers=3) as pool:
        for outcome in [pool.submit(upgrade, url) for url in urls]:
            outcome.result()
    assert [applied(url) for url in urls] == [[revisions().get_current_head()]] * 3


def test_an_owner_who_is_no_superuser_can_upgrade(new_database: NewDatabase) -> None:
    url = new_database()
    with psycopg.connect(url, autocommit=True) as administrator:
        owner = Identifier("schema_test_owner")
        database = Identifier(administrator.info.dbname)
        administrator.execute(SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD 'not-a-secret'").format(owner))
        try:
            administrator.execute(SQL("ALTER DATABASE {} OWNER TO {}").format(database, owner))
            roles = administrator.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'econsent\\_%'").fetchall()
            for (role,) in roles:  # made by the cluster's first upgrade, so its creator hands them on
                administrator.execute(SQL("GRANT {} TO {} WITH ADMIN OPTION").format(Identifier(role), owner))
            parts = conninfo_to_dict(url) | {"user": "schema_test_owner", "password": "not-a-secret"}
            upgrade(make_conninfo("", **parts))
        finally:
            administrator.execute(SQL("ALTER DATABASE {} OWNER TO CURRENT_USER").format(database))
            administrator.execute(SQL("DROP OWNED BY {}").format(owner))
            administrator.execute(SQL("DROP ROLE {}").format(owner))
    assert applied(url) == [revisions().get_current_head()]


def test_revisions_form_one_line() -> None:
    assert len(revisions().get_heads()) == 1


def test_every_revision_says_why_in_code_and_sql() -> None:
    for revision in revisions().walk_revisions():
        assert len((revision.module.__doc__ or "").split()) > 5, revision.revision
    for path in (FOLDER / "versions").glob("*.sql"):
        assert path.read_text(encoding="utf-8").startswith("-- "), path.name


@pytest.mark.parametrize("revision", sorted(entry.revision for entry in revisions().walk_revisions()))
def test_no_revision_goes_back(revision: str) -> None:
    with pytest.raises(NotImplementedError, match="only go forward"):
        revisions().get_revision(revision).module.downgrade()


def test_a_revision_that_fails_leaves_nothing_behind(new_database: NewDatabase) -> None:
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA econsent")
        connection.execute("GRANT ALL ON SCHEMA econsent TO PUBLIC")
        connection.execute("CREATE TABLE econsent.wallet_periods (in_the_way integer)")
        with pytest.raises(psycopg.errors.DuplicateTable, match='relation "wallet_periods" already exists'):
            upgrade(url)
        present = connection.execute("SELECT relname FROM pg_class WHERE relnamespace = 'econsent'::regnamespace").fetchall()
    assert present == [("wallet_periods",)]


def test_everything_belongs_to_the_owner(database: psycopg.Connection[tuple[object, ...]]) -> None:
    owners = database.execute(
        """
        SELECT relowner::regrole::text FROM pg_class WHERE relnamespace = 'econsent'::regnamespace
        UNION SELECT proowner::regrole::text FROM pg_proc WHERE pronamespace = 'econsent'::regnamespace
        UNION SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'econsent'
        """
    ).fetchall()
    assert owners == [("econsent_migrator",)]


def test_functions_that_act_for_the_owner_fix_their_search_path(database: psycopg.Connection[tuple[object, ...]]) -> None:
    # an aggregate has no body, and one that is an expression was bound to its functions when it was made
    loose = database.execute(
        """
        SELECT proname FROM pg_proc
        WHERE
            pronamespace = 'econsent'::regnamespace AND prokind = 'f' AND (prosqlbody IS NULL OR prosecdef)
            AND NOT coalesce(proconfig @> ARRAY['search_path=pg_catalog'], FALSE)
        """
    ).fetchall()
    assert loose == []
