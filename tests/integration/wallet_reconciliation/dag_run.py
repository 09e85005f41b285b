"""What wallet reconciliation finds before a run of its DAG, and what it leaves behind."""

from decimal import Decimal
from typing import Any

from econsent_stack.stores import Stores

COMPANY = "dag-run-wallet"


def given(stores: Stores) -> None:
    """Insert usage, one of an unknown sku, a payment with a refund, and a wallet that recharges itself."""
    database = stores.database
    database.execute("SELECT econsent.create_company(%s, 'Wallet of the DAG run', 'starter')", [COMPANY])
    database.execute("INSERT INTO econsent.memberships (company_id, email, role) VALUES (%s, 'owner@wallet.example', 'owner')", [COMPANY])
    database.execute(
        """
        INSERT INTO econsent.usage_events (company_id, sku, request_id, occurred_at)
        SELECT %s, sku, sku, now() - place * interval '1 hour'
        FROM unnest(ARRAY['verification', 'otp', 'teleport']) WITH ORDINALITY AS used (sku, place)
        """,
        [COMPANY],
    )
    database.execute(
        """
        INSERT INTO econsent.payments (payment_id, company_id, kind, idempotency_key, amount, status, settled_at)
        VALUES ('dag-run-p-1', %s, 'recharge', 'dag-run-p-1', 20, 'succeeded', now())
        """,
        [COMPANY],
    )
    database.execute(
        "INSERT INTO econsent.payment_refunds (refund_ref, payment_id, kind, amount, created_at)"
        " VALUES ('dag-run-re-1', 'dag-run-p-1', 'refund', 15, now())"
    )
    database.execute(
        """
        UPDATE econsent.wallets SET auto_recharge_enabled = TRUE, auto_recharge_threshold = 5, auto_recharge_amount = 50
        WHERE company_id = %s
        """,
        [COMPANY],
    )


def expect(stores: Stores) -> None:
    """Check the ledger, what was set aside, the recharge by the sandbox provider, the mail and the audit trail."""
    entries = rows(stores, "SELECT entry_type, amount FROM econsent.wallet_ledger WHERE company_id = %s ORDER BY entry_no")
    assert entries == [
        ("usage_charge", Decimal("-0.1000")),
        ("usage_charge", Decimal("-0.0150")),
        ("recharge", Decimal("20.0000")),
        ("refund", Decimal("-15.0000")),
        ("auto_recharge", Decimal("50.0000")),
    ]
    assert rows(stores, "SELECT balance, needs_review_at, lease_token FROM econsent.wallets WHERE company_id = %s") == [
        (Decimal("54.8850"), None, None)
    ]
    assert rows(stores, "SELECT sku FROM econsent.usage_events WHERE company_id = %s AND status = 'quarantined'") == [("teleport",)]
    assert rows(stores, "SELECT status, attempts FROM econsent.payments WHERE company_id = %s AND kind = 'auto_recharge'") == [
        ("succeeded", 1)
    ]
    assert rows(stores, "SELECT result FROM econsent.wallet_reconciliations WHERE company_id = %s") == [("clean",)]
    sent = "SELECT recipients, sent_at IS NOT NULL FROM econsent.mail_outbox WHERE company_id = %s"
    assert rows(stores, sent) == [(["owner@wallet.example"], True)]
    assert rows(stores, "SELECT action FROM econsent.audit_log WHERE company_id = %s ORDER BY audit_id") == [
        ("wallet.auto_recharge_requested",),
        ("wallet.recharged",),
    ]


def rows(stores: Stores, query: str) -> list[tuple[Any, ...]]:
    return stores.database.execute(query, [COMPANY]).fetchall()
