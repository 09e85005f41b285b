"""Books of two companies with one of everything that a ledger can hold, written by the ledger's own door and by no job."""

from typing import Any, Final

import psycopg
from psycopg import sql

Database = psycopg.Connection[Any]

ROLE: Final = "system:scheduler"
ONE_OF_EVERYTHING: Final = (
    # (company, entry_type, amount, sku, quantity, unit_price, usage request, payment, reverses request, key, occurred_at, memo)
    ("books-1", "recharge", "100.00", None, None, None, None, "pay-1", None, "payment:pay-1", "2026-01-02T10:00:00Z", None),
    ("books-1", "usage_charge", "-0.0150", "verification", 1, "0.0150", "req-1", None, None, None, "2026-01-03T10:00:00.123456Z", None),
    ("books-1", "usage_charge", "-0.0450", "verification", 3, "0.0150", "req-2", None, None, None, "2026-01-31T23:59:59.999999Z", None),
    ("books-1", "retention_charge", "-0.1000", "session_retention", 1, "0.1000", "req-3", None, None, None, "2026-02-01T00:00:00Z", None),
    ("books-1", "usage_charge", "-0.3500", "debt_lookup", 1, "0.3500", "req-4", None, None, None, "2026-02-02T08:00:00Z", None),
    ("books-1", "reversal", "0.3500", "debt_lookup", 1, "0.3500", None, None, "req-4", None, "2026-02-02T09:00:00Z", "voided"),
    ("books-1", "overage_charge", "-1200.0000", "retention_overage", 10_000, "0.1200", None, None, None,
     "overage:books-1:2026-02-01:0-9999", "2026-02-03T00:00:00Z", None),
    ("books-1", "overage_charge", "-0.2000", "retention_overage", 2, "0.1000", None, None, None,
     "overage:books-1:2026-02-01:10000-10001", "2026-02-03T00:00:00Z", None),
    ("books-1", "auto_recharge", "50.00", None, None, None, None, "auto:books-1:1", None, "payment:auto:books-1:1",
     "2026-02-04T00:00:00Z", None),
    ("books-1", "refund", "-20.50", None, None, None, None, "pay-1", None, "refund:back-1", "2026-02-05T00:00:00Z", None),
    ("books-1", "dispute", "-50.00", None, None, None, None, "auto:books-1:1", None, "dispute:back-2", "2026-02-06T00:00:00Z", None),
    ("books-2", "recharge", "10.00", None, None, None, None, "pay-2", None, "payment:pay-2", "2026-02-01T00:00:00Z", "Überweisung"),
    ("books-2", "usage_charge", "-0.1000", "otp", 1, "0.1000", "req-1", None, None, None, "2026-02-07T00:00:00Z", None),
)  # fmt: skip
USAGE: Final = """
INSERT INTO econsent.usage_events (company_id, sku, quantity, request_id, session_id, occurred_at)
VALUES (%(company)s, %(sku)s, %(quantity)s, %(request)s, %(session)s, %(at)s) RETURNING usage_id
"""
POST: Final = """
SELECT posted.ledger_id FROM econsent.post_entries(%(company)s, ARRAY[ROW(
    %(entry_type)s, %(amount)s, %(sku)s, %(quantity)s, %(unit_price)s, %(usage_id)s, %(payment)s, %(reverses)s, %(key)s, %(at)s, %(memo)s
)::econsent.ledger_request], %(by)s, 'a run of the tests') AS posted
"""
MONEY: Final = """
INSERT INTO econsent.payments (payment_id, company_id, kind, idempotency_key, amount, status, created_at, settled_at) VALUES
('pay-1', 'books-1', 'recharge', 'pay-1', 100, 'succeeded', '2026-01-02Z', '2026-01-02Z'),
('auto:books-1:1', 'books-1', 'auto_recharge', 'auto:books-1:1', 50, 'succeeded', '2026-02-04Z', '2026-02-04Z'),
('pay-2', 'books-2', 'recharge', 'pay-2', 10, 'succeeded', '2026-02-01Z', '2026-02-01Z'),
('pay-3', 'books-2', 'recharge', 'pay-3', 10, 'pending', '2026-02-01Z', NULL);
INSERT INTO econsent.payment_refunds (refund_ref, payment_id, kind, amount, created_at) VALUES
('back-1', 'pay-1', 'refund', 20.5, '2026-02-05Z'), ('back-2', 'auto:books-1:1', 'dispute', 50, '2026-02-06Z')
"""
RETENTIONS: Final = """
INSERT INTO econsent.retention_usage (company_id, period, overage_billed, monthly_quota) VALUES ('books-1', '2026-02-01', 10002, 1000);
INSERT INTO econsent.retention_usage_items (company_id, session_id, period, retained_at)
SELECT 'books-1', 'session-' || n, '2026-02-01', '2026-02-02Z' FROM generate_series(1, 11002) AS n
"""
LATE: Final = """
INSERT INTO econsent.wallet_periods (company_id, period, closed_at, closed_by, opening_balance, closing_balance, last_entry_no)
SELECT 'books-1', '2026-01-01', '2026-02-10Z', 'person@example.com', 0,
    sum(amount) FILTER (WHERE period = '2026-01-01'), max(entry_no) FROM econsent.wallet_ledger WHERE company_id = 'books-1'
"""
LATE_ENTRY: Final = (
    "books-1", "usage_charge", "-0.0500", "fraud_check", 1, "0.0500", "req-5", None, None, None, "2026-01-15T00:00:00Z", None,
)  # fmt: skip
RECONCILED: Final = """
INSERT INTO econsent.wallet_reconciliations (
    run_id, company_id, opening_balance, expected_balance, drift, closing_balance, result, snapshot, report, report_sha256
)
SELECT 'a run', 'books-1', 12.5, 12.0, 0.5, 12.0, 'repaired', 'a snapshot', 'a report',
    encode(sha256(convert_to('a report', 'UTF8')), 'hex');
INSERT INTO econsent.wallet_findings (reconciliation_id, finding_no, company_id, kind, amount, sentence)
SELECT reconciliation_id, 1, 'books-1', 'unexplained', 0.5, 'nobody knows' FROM econsent.wallet_reconciliations
"""
TABLES: Final = (
    "wallets",
    "wallet_ledger",
    "usage_events",
    "payments",
    "payment_refunds",
    "price_book",
    "retention_usage",
    "retention_usage_items",
    "wallet_periods",
    "wallet_reconciliations",
    "wallet_findings",
)
IDENTITIES: Final = (("wallet_ledger", "ledger_id"), ("wallet_reconciliations", "reconciliation_id"))
CHECKPOINTS: Final = """
UPDATE econsent.wallets AS wallet SET checkpoint_entry_no = entry.entry_no, checkpoint_balance = entry.balance_after
FROM econsent.wallet_ledger AS entry
WHERE entry.company_id = wallet.company_id AND entry.entry_no = 2
"""


def keep_books(database: Database) -> None:
    """Write them all into an empty, migrated database."""
    for company in ("books-1", "books-2"):
        database.execute("SELECT econsent.create_company(%s, %s, 'starter')", [company, company])
    database.execute(MONEY)
    database.execute(RETENTIONS)
    for entry in ONE_OF_EVERYTHING:
        post(database, entry)
    database.execute(LATE)
    post(database, LATE_ENTRY)
    database.execute("UPDATE econsent.usage_events SET status = 'voided' WHERE request_id = 'req-4'")
    database.execute("UPDATE econsent.usage_events SET status = 'reversed' WHERE request_id = 'req-4'")
    database.execute(USAGE, {"company": "books-2", "sku": "otp", "quantity": 1, "request": "waits", "session": None, "at": "2026-02-07Z"})
    database.execute(USAGE, {"company": "books-2", "sku": "unknown", "quantity": 1, "request": "bad", "session": None, "at": "2026-02-07Z"})
    database.execute(
        "UPDATE econsent.usage_events SET status = 'quarantined', error_class = 'data', last_error = 'no price' WHERE request_id = 'bad'"
    )
    database.execute(RECONCILED)
    database.execute(CHECKPOINTS)


def post(database: Database, entry: tuple[Any, ...]) -> None:
    """Write the usage row of an entry, if it has one, then the entry, and let the usage row name it."""
    company, entry_type, amount, sku, quantity, unit_price, request, payment, reverses, key, at, memo = entry
    row = {"company": company, "entry_type": entry_type, "amount": amount, "sku": sku, "quantity": quantity, "unit_price": unit_price}
    row |= {"payment": payment, "at": at, "memo": memo, "by": ROLE, "usage_id": None, "reverses": None, "key": key}
    if request is not None:
        session = f"session-{request}" if sku == "session_retention" else None
        row["usage_id"] = one(database, USAGE, row | {"request": request, "session": session})
        row["key"] = f"usage:{row['usage_id']}"
    if reverses is not None:
        cause = "SELECT ledger_id FROM econsent.usage_events WHERE company_id = %(company)s AND request_id = %(reverses)s"
        row["reverses"] = one(database, cause, {"company": company, "reverses": reverses})
        row["key"] = f"reversal:{row['reverses']}"
    ledger_id = one(database, POST, row)
    if key is not None and key.startswith("payment:"):
        database.execute("UPDATE econsent.payments SET ledger_id = %s WHERE payment_id = %s", [ledger_id, payment])
    if entry_type in {"refund", "dispute"}:
        database.execute("UPDATE econsent.payment_refunds SET ledger_id = %s WHERE payment_id = %s", [ledger_id, payment])
    if request is not None:
        database.execute(
            "UPDATE econsent.usage_events SET status = 'posted', ledger_id = %s WHERE usage_id = %s", [ledger_id, row["usage_id"]]
        )


def one(database: Database, query: str, parameters: dict[str, Any]) -> Any:
    row = database.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return row[0]


def without_guards(database: Database) -> None:
    """Take away what keeps a careless or malicious hand from the tables: no CHECK, no unique index, no trigger, no foreign key."""
    database.execute("SET session_replication_role = replica")
    for table, column in IDENTITIES:
        database.execute(f"ALTER TABLE econsent.{table} ALTER COLUMN {column} DROP IDENTITY".encode())
    found = database.execute(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE connamespace = 'econsent'::regnamespace"
        " AND contype IN ('c', 'f', 'p', 'u', 'x') AND conrelid = ANY(%s::regclass[]) ORDER BY contype IN ('p', 'u')",
        [[f"econsent.{table}" for table in TABLES]],
    ).fetchall()
    for table, name in found:
        database.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {} CASCADE").format(sql.Identifier(*table.split(".")), sql.Identifier(name))
        )
    unique = database.execute(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indisunique AND indrelid = ANY(%s::regclass[])",
        [[f"econsent.{table}" for table in TABLES]],
    ).fetchall()
    for (name,) in unique:
        database.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(*name.split("."))))
