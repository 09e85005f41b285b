"""What is evidence only grows, even for its owner and for a superuser."""

from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

Connection = psycopg.Connection[tuple[Any, ...]]

ROWS = {
    "audit_log": "INSERT INTO econsent.audit_log (action, category, \"user\") VALUES ('a.b', 'jobs', 'system:scheduler')",
    "audit_chain": """
        WITH entry AS (
            INSERT INTO econsent.audit_log (action, category, "user") VALUES ('a.b', 'jobs', 'system:scheduler') RETURNING audit_id
        )
        INSERT INTO econsent.audit_chain (seq, audit_id, prev_hash, entry_hash) SELECT 1, audit_id, '', '' FROM entry
    """,
    "tombstones": """
        INSERT INTO econsent.tombstones (log_no, company_id, object_key, bytes, sha256, rule, run_id, deleted_at, leaf_sha256)
        VALUES (0, 'acme', 'k', 1, '', 'r', 'r', now(), '')
    """,
    "wallet_ledger": """
        INSERT INTO econsent.wallet_ledger
        (company_id, entry_no, entry_type, amount, balance_after, idempotency_key, request_sha256, period, prev_hash, entry_hash)
        VALUES ('acme', 1, 'adjustment', 1, 1, 'k', '', '2026-03-01', '', '')
    """,
}
CHANGES = {
    "audit_log": "UPDATE econsent.audit_log SET category = 'consent'",
    "audit_chain": "UPDATE econsent.audit_chain SET entry_hash = 'x'",
    "tombstones": "UPDATE econsent.tombstones SET rule = 'x'",
    "wallet_ledger": "UPDATE econsent.wallet_ledger SET memo = 'x'",
}


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize("acting_as", ["a superuser", "econsent_migrator"])
@pytest.mark.parametrize("table", sorted(ROWS))
def test_rows_are_never_changed_deleted_or_truncated(database: Connection, table: str, acting_as: str) -> None:
    database.execute(ROWS[table])
    if acting_as == "econsent_migrator":
        database.execute("SET ROLE econsent_migrator")
    name = Identifier("econsent", table)
    for statement in (SQL(CHANGES[table]), SQL("DELETE FROM {}").format(name), SQL("TRUNCATE {} CASCADE").format(name)):
        with pytest.raises(psycopg.errors.RestrictViolation, match="is append-only: add a further row"):
            database.execute(statement)
    assert database.execute(SQL("SELECT count(*) FROM {}").format(name)).fetchone() == (1,)


def test_personal_data_of_the_audit_trail_can_be_erased(database: Connection) -> None:
    database.execute(
        """
        WITH entry AS (
            INSERT INTO econsent.audit_log (action, category, "user") VALUES ('a.b', 'jobs', 'system:scheduler') RETURNING audit_id
        )
        INSERT INTO econsent.audit_personal (audit_id, salt) SELECT audit_id, '' FROM entry
        """
    )
    database.execute("DELETE FROM econsent.audit_personal")
    assert database.execute("SELECT count(*) FROM econsent.audit_log").fetchone() == (1,)
