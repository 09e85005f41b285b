"""Every program may do what it must, and nothing else."""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

Connection = psycopg.Connection[tuple[Any, ...]]
AsRole = Callable[[Connection, str], AbstractContextManager[Connection]]
Insert = Callable[..., Any]

APPEND_ONLY = ("audit_log", "audit_chain", "tombstones", "wallet_ledger")
PARTITIONED = ("sessions", "certificates", "attestations")

STATEMENT_TIMEOUTS = {
    "econsent_certificate_processing": "1min",
    "econsent_mp4_conversion": "1min",
    "econsent_retention_enforcement": "5min",
    "econsent_elasticsearch_sync": "1min",
    "econsent_webhook_delivery_retry": "1min",
    "econsent_wallet_reconciliation": "5min",
    "econsent_mail": "15s",
    "econsent_platform": "15s",
    "econsent_dashboard": "5s",
    "econsent_verify": "10min",
    "econsent_migrator": "0",
    "econsent_watch": "5min",
    "econsent_cron_management": "5s",
}
READERS = ("econsent_dashboard", "econsent_verify")

AUDIT = """
    INSERT INTO econsent.audit_log (company_id, action, category, "user", dedupe_key)
    VALUES ('acme', 'a.b', 'jobs', 'system:scheduler', 'k') ON CONFLICT (dedupe_key) DO NOTHING
    """
MAIL = """
    INSERT INTO econsent.mail_outbox (message_id, recipients, subject, body)
    VALUES ('m', '{}', '', '') ON CONFLICT (message_id) DO NOTHING
    """
USAGE = """
    INSERT INTO econsent.retention_usage_items (company_id, session_id, period, retained_at)
    VALUES ('acme', 's-2', '2026-03-01', now()) ON CONFLICT DO NOTHING
    """
EVENT = """
    INSERT INTO econsent.webhook_events (company_id, event_type, dedupe_key)
    VALUES ('acme', 'consent.granted', 'k') ON CONFLICT (dedupe_key) DO NOTHING
    """
OBJECT = """
    INSERT INTO econsent.storage_objects (company_id, kind, backend, tier, object_key, bytes, sha256)
    VALUES ('acme', 'dom', 'efs', 1, 'k', 1, '')
    """

MAY: dict[str, list[str]] = {
    "econsent_certificate_processing": [
        """
            SELECT * FROM econsent.certificates AS c JOIN econsent.sessions AS s USING (company_id, session_id)
            WHERE c.company_id = 'acme' FOR NO KEY UPDATE
            """,
        """
            SELECT * FROM econsent.companies JOIN econsent.retention_settings USING (company_id) JOIN
            econsent.properties USING (company_id)
            """,
        "SELECT * FROM econsent.consent_templates",
        "SELECT * FROM econsent.attestations WHERE company_id = 'acme'",
        "UPDATE econsent.certificate_queue SET lease_token = gen_random_uuid(), attempts = attempts + 1",
        """
            INSERT INTO econsent.sealed_documents (company_id, certificate_pk, kind, object_key, bytes, sha256, content_type)
            VALUES ('acme', 1, 'dom', 'k', '', '', '')
            """,
        """
            UPDATE econsent.certificates SET status = 'finalized', certificate_id = 'EC-1', signature = '', domain =
            'example.com' WHERE company_id = 'acme'
            """,
        """
            INSERT INTO econsent.attestations (company_id, certificate_pk, disclosure_sha256, document, attestation_sha256)
            SELECT 'acme', certificate_pk, '', '{}', '' FROM econsent.certificates WHERE company_id = 'acme' AND session_id = 's-1'
            """,
        """
            UPDATE econsent.sessions SET closed_at = now(), recording_sha256 = '', retention_status = 'retained',
            rrweb_to_video_status = 'pending' WHERE company_id = 'acme'
            """,
        OBJECT,
        EVENT,
        USAGE,
        AUDIT,
        MAIL,
        "DELETE FROM econsent.sealed_documents",
        "DELETE FROM econsent.certificate_queue",
    ],
    "econsent_mp4_conversion": [
        "SELECT certificate_id, retain_until FROM econsent.certificates WHERE company_id = 'acme' AND session_id = 's-2'",
        "UPDATE econsent.video_conversions SET status = 'processing', lease_token = gen_random_uuid()",
        "UPDATE econsent.sessions SET rrweb_to_video_status = 'completed' WHERE company_id = 'acme' AND session_id = 's-2'",
        OBJECT,
        AUDIT,
    ],
    "econsent_retention_enforcement": [
        "UPDATE econsent.sessions SET retention_status = 'expired', ip = NULL WHERE company_id = 'acme' AND session_id = 's-1'",
        "UPDATE econsent.certificates SET capture = '{}', consumer_phone = NULL, pii_erased_at = now() WHERE company_id = 'acme'",
        "UPDATE econsent.deletion_requests SET status = 'completed', email = NULL",
        """
            INSERT INTO econsent.tombstones (log_no, company_id, object_key, bytes, sha256, rule, run_id, deleted_at,
            leaf_sha256) VALUES (0, 'acme', 'k', 1, '', 'r', 'r', now(), '')
            """,
        "UPDATE econsent.claim_tokens SET status = 'expired'",
        "DELETE FROM econsent.mail_outbox WHERE sent_at < now()",
        USAGE,
        AUDIT,
    ],
    "econsent_elasticsearch_sync": [
        "SELECT * FROM econsent.certificates WHERE company_id = 'acme'",
        "UPDATE econsent.search_outbox SET lease_token = gen_random_uuid()",
        "DELETE FROM econsent.search_outbox",
        "UPDATE econsent.certificates SET updated_at = now() WHERE company_id = 'acme' AND certificate_pk = 0",
    ],
    "econsent_webhook_delivery_retry": [
        "SELECT * FROM econsent.webhook_endpoints JOIN econsent.webhook_secrets USING (endpoint_id)",
        "UPDATE econsent.webhook_events SET fanned_out_at = now()",
        "UPDATE econsent.webhook_deliveries SET status = 'delivering'",
        AUDIT,
        MAIL,
    ],
    "econsent_wallet_reconciliation": [
        "SELECT * FROM econsent.wallets FOR UPDATE",
        "UPDATE econsent.wallets SET balance = 1, checkpoint_balance = 1",
        "UPDATE econsent.usage_events SET status = 'posted'",
        "INSERT INTO econsent.retention_usage (company_id, period) VALUES ('acme', '2026-03-01') ON CONFLICT DO NOTHING",
        AUDIT,
    ],
    "econsent_platform": [
        "SELECT econsent.create_company('other', 'Other', 'growth')",
        """
            INSERT INTO econsent.properties (company_id, property_id, name, origin, uid)
            VALUES ('other', 'shop', 'Shop', 'https://example.org', 'u-2')
            """,
        """
            INSERT INTO econsent.sessions (company_id, session_id, property_id, started_at, expires_at)
            VALUES ('other', 's-1', 'shop', now(), now())
            """,
        """
            INSERT INTO econsent.certificates (company_id, session_id, property_id, consent_at, capture)
            VALUES ('other', 's-1', 'shop', now(), '{}') RETURNING certificate_pk
            """,
        "UPDATE econsent.certificates SET opt_out = '{\"revoke\": true}' WHERE company_id = 'other'",
        """
            UPDATE econsent.sessions SET retention_status = 'retained', rrweb_to_video_status = 'pending'
            WHERE company_id = 'other'
            """,
        "INSERT INTO econsent.usage_events (company_id, sku, request_id, occurred_at) VALUES ('other', 'otp', 'r-1', now())",
        """
            INSERT INTO econsent.webhook_endpoints (endpoint_id, company_id, url)
            VALUES ('wh-1', 'other', 'https://example.com/hook')
            """,
        EVENT,
        AUDIT,
    ],
    "econsent_dashboard": [
        "SELECT count(*) FROM econsent.certificate_queue",
        "SELECT status, count(*) FROM econsent.certificates WHERE company_id = 'acme' GROUP BY status",
        "SELECT count(*) FROM econsent.search_outbox, econsent.video_conversions, econsent.webhook_deliveries, econsent.wallets",
    ],
    "econsent_verify": [
        "SELECT * FROM econsent.certificates WHERE company_id = 'acme'",
        "SELECT * FROM econsent.audit_log JOIN econsent.audit_chain USING (audit_id)",
        "SELECT * FROM econsent.wallet_ledger",
    ],
}

MAY_NOT: dict[str, list[str]] = {
    "econsent_certificate_processing": [
        "UPDATE econsent.certificates SET capture = '{}' WHERE company_id = 'acme'",
        "UPDATE econsent.certificates SET consent_at = now() WHERE company_id = 'acme'",
        "UPDATE econsent.certificates SET consumer_phone = NULL WHERE company_id = 'acme'",
        "UPDATE econsent.certificates SET opt_out = '{\"revoke\": false}' WHERE company_id = 'acme'",
        "DELETE FROM econsent.certificates WHERE company_id = 'acme'",
        """
            INSERT INTO econsent.certificates (company_id, session_id, property_id, consent_at, capture)
            VALUES ('acme', 's-1', 'shop', now(), '{}')
            """,
        "UPDATE econsent.attestations SET document = '{}' WHERE company_id = 'acme'",
        "DELETE FROM econsent.attestations WHERE company_id = 'acme'",
        "UPDATE econsent.sessions SET expires_at = now() WHERE company_id = 'acme'",
        "DELETE FROM econsent.sessions WHERE company_id = 'acme'",
        "INSERT INTO econsent.certificate_queue (company_id, certificate_pk) VALUES ('acme', 99)",
        "UPDATE econsent.sealed_documents SET bytes = ''",
        "UPDATE econsent.storage_objects SET retain_until = now()",
        "DELETE FROM econsent.storage_objects",
        "UPDATE econsent.retention_settings SET object_lock_years = 1",
        "UPDATE econsent.companies SET name = 'x'",
        "DELETE FROM econsent.retention_usage_items",
        "INSERT INTO econsent.search_outbox (company_id, doc_key, op, wanted_version) VALUES ('acme', '1', 'delete', 1)",
        "INSERT INTO econsent.video_conversions (company_id, session_id) VALUES ('acme', 's-1')",
        "SELECT body FROM econsent.webhook_events",
        "SELECT * FROM econsent.webhook_secrets",
        "SELECT * FROM econsent.wallets",
        "SELECT econsent.create_company('mine', 'Mine', 'starter')",
        "SELECT econsent.want_in_search('acme', '1', 'delete', 1, true)",
        "SELECT econsent.add_partition('sessions', 'mine')",
        "CREATE TABLE econsent.mine (a integer)",
        "ALTER TABLE econsent.certificates DISABLE TRIGGER ALL",
        "DROP TABLE econsent.audit_log",
    ],
    "econsent_mp4_conversion": [
        "SELECT consumer_phone FROM econsent.certificates WHERE company_id = 'acme'",
        "SELECT capture FROM econsent.certificates WHERE company_id = 'acme'",
        "UPDATE econsent.certificates SET status = 'failed' WHERE company_id = 'acme'",
        "UPDATE econsent.sessions SET retention_status = 'expired' WHERE company_id = 'acme'",
        "DELETE FROM econsent.video_conversions",
        "DELETE FROM econsent.storage_objects",
    ],
    "econsent_retention_enforcement": [
        "UPDATE econsent.legal_holds SET released_at = now()",
        "DELETE FROM econsent.legal_holds",
        "DELETE FROM econsent.certificates WHERE company_id = 'acme'",
        "DELETE FROM econsent.storage_objects",
        "UPDATE econsent.certificates SET signature = '' WHERE company_id = 'acme'",
        "UPDATE econsent.retention_settings SET object_lock_years = 7",
        "SELECT * FROM econsent.webhook_secrets",
    ],
    "econsent_elasticsearch_sync": [
        "UPDATE econsent.certificates SET row_version = 0 WHERE company_id = 'acme'",
        "UPDATE econsent.certificates SET opt_out = '{\"revoke\": false}' WHERE company_id = 'acme'",
        "DELETE FROM econsent.certificates WHERE company_id = 'acme'",
    ],
    "econsent_webhook_delivery_retry": [
        "UPDATE econsent.webhook_events SET body = ''",
        "UPDATE econsent.webhook_endpoints SET url = 'https://example.com'",
        "UPDATE econsent.webhook_secrets SET ciphertext = ''",
        "DELETE FROM econsent.webhook_attempts",
        "SELECT * FROM econsent.certificates WHERE company_id = 'acme'",
    ],
    "econsent_wallet_reconciliation": [
        """
            INSERT INTO econsent.wallet_ledger (company_id, entry_no, entry_type, amount, balance_after,
            idempotency_key, request_sha256, period, prev_hash, entry_hash) VALUES ('acme', 1, 'adjustment', 1, 1,
            'k', '', '2026-03-01', '', '')
            """,
        "UPDATE econsent.price_book SET unit_price = 0",
        "DELETE FROM econsent.usage_events",
        "DELETE FROM econsent.payments",
        "SELECT * FROM econsent.certificates WHERE company_id = 'acme'",
    ],
    "econsent_platform": [
        """
            INSERT INTO econsent.certificates (company_id, session_id, property_id, consent_at, capture, certificate_id)
            VALUES ('acme', 's-3', 'shop', now(), '{}', 'EC-x')
            """,
        "UPDATE econsent.certificates SET signature = '' WHERE company_id = 'acme'",
        "UPDATE econsent.certificates SET status = 'finalized' WHERE company_id = 'acme'",
        """
            INSERT INTO econsent.attestations (company_id, certificate_pk, disclosure_sha256, document, attestation_sha256)
            VALUES ('acme', 1, '', '{}', '')
            """,
        "INSERT INTO econsent.companies (company_id, name, plan) VALUES ('half', 'Half', 'starter')",
        "UPDATE econsent.wallets SET balance = 1000000",
        """
            INSERT INTO econsent.storage_objects (company_id, kind, backend, tier, object_key, bytes, sha256)
            VALUES ('acme', 'dom', 'efs', 1, 'k', 1, '')
            """,
        "DELETE FROM econsent.consent_templates",
        "DELETE FROM econsent.sessions WHERE company_id = 'acme'",
        "SELECT * FROM econsent.sealed_documents",
    ],
    "econsent_dashboard": [
        "SELECT capture FROM econsent.certificates WHERE company_id = 'acme'",
        "SELECT consumer_email FROM econsent.certificates WHERE company_id = 'acme'",
        "SELECT ip FROM econsent.sessions WHERE company_id = 'acme'",
        "SELECT * FROM econsent.sealed_documents",
        "SELECT * FROM econsent.webhook_secrets",
        "SELECT * FROM econsent.audit_personal",
    ],
    "econsent_verify": ["SELECT * FROM econsent.webhook_secrets"],
}


def pairs(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(role, statement) for role, statements in table.items() for statement in statements]


def all_roles(database: Connection) -> list[str]:
    rows = database.execute(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'econsent\\_%' AND rolname <> 'econsent_migrator' ORDER BY 1"
    ).fetchall()
    return [row[0] for row in rows]


@pytest.fixture
def rows(insert_session: Insert, insert_certificate: Insert) -> None:
    """Something for each statement to find: two sessions, one of them retained, and a pending certificate."""
    insert_session("s-1")
    insert_session("s-2", retention_status="retained", rrweb_to_video_status="pending")
    insert_certificate("s-1")


@pytest.mark.parametrize("role", sorted(STATEMENT_TIMEOUTS))
def test_settings(database: Connection, as_role: AsRole, role: str) -> None:
    with as_role(database, role):
        shown = {
            name: database.execute(SQL("SHOW {}").format(Identifier(name))).fetchone()
            for name in ("statement_timeout", "plan_cache_mode", "timezone", "lock_timeout", "default_transaction_read_only")
        }
    assert shown == {
        "statement_timeout": (STATEMENT_TIMEOUTS[role],),
        "plan_cache_mode": ("force_custom_plan",),
        "timezone": ("UTC",),
        "lock_timeout": ("10s",),
        "default_transaction_read_only": ("on" if role in READERS else "off",),
    }


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("role", sorted(MAY))
def test_what_a_role_may_do(database: Connection, as_role: AsRole, role: str) -> None:
    with as_role(database, role):
        for statement in MAY[role]:
            database.execute(statement)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("role", sorted(MAY_NOT))
def test_what_a_role_may_not_do(database: Connection, as_role: AsRole, role: str) -> None:
    with as_role(database, role):
        database.execute("SET default_transaction_read_only = off")  # a reader may turn it off: the rights must hold without it
        for statement in MAY_NOT[role]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                database.execute(statement)


@pytest.mark.parametrize("role", READERS)
def test_readers_only_read(database: Connection, as_role: AsRole, role: str) -> None:
    with as_role(database, role), pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        database.execute("CREATE TEMPORARY TABLE scratch (a integer)")
    writable = database.execute(
        """
        SELECT relname FROM pg_class
        WHERE relnamespace = 'econsent'::regnamespace AND relkind IN ('r', 'p')
          AND (has_any_column_privilege(%(role)s, oid, 'INSERT, UPDATE') OR has_table_privilege(%(role)s, oid, 'DELETE, TRUNCATE'))
        """,
        {"role": role},
    ).fetchall()
    assert writable == []


def test_nobody_changes_what_only_grows(database: Connection) -> None:
    for role in all_roles(database):
        for table in APPEND_ONLY:
            found = database.execute(
                """
                    SELECT has_any_column_privilege(%(role)s, %(table)s, 'UPDATE') OR has_table_privilege(%(role)s,
                    %(table)s, 'DELETE, TRUNCATE')
                    """,
                {"role": role, "table": f"econsent.{table}"},
            ).fetchone()
            assert found == (False,), f"{role} may change {table}: revoke it."


@pytest.mark.usefixtures("company")
def test_nobody_truncates_makes_tables_or_reaches_a_partition(database: Connection) -> None:
    for role in all_roles(database):
        found = database.execute(
            """
            SELECT relname FROM pg_class
            WHERE relnamespace = 'econsent'::regnamespace AND relkind IN ('r', 'p')
              AND (has_table_privilege(%(role)s, oid, 'TRUNCATE, REFERENCES, TRIGGER, MAINTAIN')
                OR (relispartition AND has_any_column_privilege(%(role)s, oid, 'SELECT, INSERT, UPDATE')))
            """,
            {"role": role},
        ).fetchall()
        assert found == [], f"{role} has rights that no program needs."
        assert database.execute("SELECT has_schema_privilege(%s, 'econsent', 'CREATE')", [role]).fetchone() == (False,)


def test_each_function_is_called_by_those_that_need_it(database: Connection) -> None:
    callable_functions = {
        role: [
            row[0]
            for row in database.execute(
                """
                    SELECT proname FROM pg_proc
                    WHERE pronamespace = 'econsent'::regnamespace AND has_function_privilege(%s, oid, 'EXECUTE')
                    ORDER BY proname
                    """,
                [role],
            )
        ]
        for role in all_roles(database)
    }
    assert {role: names for role, names in callable_functions.items() if names} == {
        "econsent_certificate_processing": ["retain_automatically"],
        "econsent_cron_management": ["end_pause", "withdraw_pause"],
        "econsent_platform": ["create_company"],
        "econsent_verify": ["audit_field", "audit_text"],
        "econsent_retention_enforcement": [
            "drop_delivered_bodies",
            "forget_released_holds",
            "place_hold",
            "release_hold",
            "retain_automatically",
        ],
        "econsent_wallet_reconciliation": ["post_entries"],
        "econsent_watch": ["seal_audit", "withdraw_pause"],
        "econsent_webhook_delivery_retry": ["drop_delivered_bodies"],
    }


def test_strangers_have_nothing(database: Connection) -> None:
    database.execute("CREATE ROLE schema_test_stranger")
    try:
        for statement in ("SELECT * FROM econsent.companies", "SELECT econsent.create_company('a', 'A', 'starter')"):
            database.execute("SET ROLE schema_test_stranger")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                database.execute(statement)
            database.execute("RESET ROLE")
        assert database.execute(
            "SELECT has_schema_privilege('schema_test_stranger', 'econsent', 'USAGE')",
        ).fetchone() == (False,)
    finally:
        database.execute("RESET ROLE")
        database.execute("DROP ROLE schema_test_stranger")


def test_every_role_plans_afresh_in_utc_and_within_limits(database: Connection) -> None:
    for role in all_roles(database):
        row = database.execute("SELECT rolconfig FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        settings = dict(setting.split("=", maxsplit=1) for setting in (row[0] if row else None) or [])
        assert settings.get("plan_cache_mode") == "force_custom_plan", f"{role}: make it with econsent.ensure_role()."
        assert settings.get("TimeZone") == "UTC", role
        assert settings.get("statement_timeout", "0") != "0", role


def test_roles_are_no_members_and_no_superusers(database: Connection) -> None:
    assert (
        database.execute(
            """
        SELECT rolname FROM pg_roles
        WHERE rolname LIKE 'econsent\\_%' AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
        """
        ).fetchall()
        == []
    )
    assert (
        database.execute(
            "SELECT member::regrole FROM pg_auth_members JOIN pg_roles ON member = pg_roles.oid WHERE rolname LIKE 'econsent\\_%'"
        ).fetchall()
        == []
    )


def test_a_role_that_two_transactions_make_at_once_is_made_once(
    database: Connection, another_connection: Connection, run_when_waiting: Callable[..., Future[object]]
) -> None:
    call = "SELECT econsent.ensure_role('econsent_schema_test', '1s')"
    try:
        with database.transaction():
            database.execute(call)
            second = run_when_waiting(another_connection, call)
        second.result(timeout=30)
        assert database.execute("SELECT count(*) FROM pg_roles WHERE rolname = 'econsent_schema_test'").fetchone() == (1,)
    finally:
        database.execute("DROP OWNED BY econsent_schema_test")
        database.execute("DROP ROLE econsent_schema_test")


def test_a_role_with_another_kind_of_name_is_refused(database: Connection) -> None:
    for name in ("postgres", "econsent_", "econsent_a b", "pg_monitor"):
        with pytest.raises(psycopg.errors.RaiseException, match="must be named econsent_"):
            database.execute("SELECT econsent.ensure_role(%s, '1s')", [name])


def test_nobody_may_call_a_function_that_a_later_revision_adds(database: Connection) -> None:
    database.execute("SET ROLE econsent_migrator")
    database.execute("CREATE FUNCTION econsent.added() RETURNS integer LANGUAGE sql AS 'SELECT 1'")
    database.execute("RESET ROLE")
    for role in all_roles(database):
        allowed = database.execute("SELECT has_function_privilege(%s, 'econsent.added()', 'EXECUTE')", [role]).fetchone()
        assert allowed == (False,), role
