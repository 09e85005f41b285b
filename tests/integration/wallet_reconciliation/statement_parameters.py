"""Rows and parameters with which each statement of wallet reconciliation finds something to do."""

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg

MOMENT = datetime(2040, 1, 1, tzinfo=UTC)
PERIOD = date(2026, 11, 1)


def statement_parameters(database: psycopg.Connection[Any], company_id: str) -> dict[str, dict[str, Any]]:
    """Put usage in each state, payments, refunds, retentions above the quota, and a counterpart elsewhere into the database."""
    token = uuid.uuid4()
    company = {"company": company_id, "token": token, "period": PERIOD}
    for query in PREPARE:
        database.execute(query, company)
    row = database.execute(RECONCILED, company).fetchone()
    assert row is not None
    return by_statement(company_id, token, row[0])


PREPARE = (
    "INSERT INTO econsent.memberships (company_id, email, role) VALUES (%(company)s, 'o@example.com', 'owner')",
    """
    INSERT INTO econsent.usage_events (company_id, sku, request_id, occurred_at)
    SELECT %(company)s, 'otp', 'r-' || n, '2026-11-10Z' FROM generate_series(1, 20) AS n
    """,
    """
    INSERT INTO econsent.payments (payment_id, company_id, kind, idempotency_key, amount, status, created_at, lease_token)
    SELECT id, %(company)s, 'recharge', id, 50, status, '2026-11-01Z', CASE WHEN word = 'held' THEN %(token)s::uuid END
    FROM (VALUES ('due', 'succeeded'), ('booked', 'succeeded'), ('open', 'pending'), ('held', 'pending')) AS kept (word, status),
    LATERAL (SELECT %(company)s || '-' || word AS id) AS named
    """,
    "INSERT INTO econsent.payment_refunds VALUES (%(company)s || '-re', %(company)s || '-booked', 'refund', 1, '2026-11-02Z')",
    "INSERT INTO econsent.retention_usage (company_id, period) VALUES (%(company)s, %(period)s)",
    """
    INSERT INTO econsent.retention_usage_items
    SELECT %(company)s, 's-' || n, %(period)s, '2026-11-02Z' FROM generate_series(1, 1100) AS n
    """,
    """
    INSERT INTO econsent.usage_events (company_id, sku, request_id, occurred_at, status)
    SELECT %(company)s, 'otp', 'twice', at, 'posted' FROM unnest(ARRAY['2026-11-08Z', '2026-11-09Z']::timestamptz[]) AS at
    """,
    """
    WITH entries AS (
        SELECT entry.* FROM econsent.post_entries(%(company)s, (
            SELECT array_agg(ROW('usage_charge', -0.1, 'otp', 1, 0.1, usage_id, NULL, NULL, 'usage:' || usage_id, occurred_at,
            NULL)::econsent.ledger_request)
            FROM econsent.usage_events WHERE company_id = %(company)s AND status = 'posted'
        ), 'system:scheduler', NULL) AS entry
    )
    UPDATE econsent.usage_events SET ledger_id = entries.ledger_id FROM entries WHERE usage_events.usage_id = entries.usage_id
    """,
    "UPDATE econsent.payments SET ledger_id = 1 WHERE payment_id = %(company)s || '-booked'",
    """
    SELECT econsent.post_entries('c-0', ARRAY[ROW('adjustment', 1, NULL, NULL, NULL, NULL, NULL, NULL, 'adjustment:of c-0', now(),
    'a gift')::econsent.ledger_request], 'a person', NULL)
    """,
    "UPDATE econsent.wallets SET balance = balance - 1 WHERE company_id = 'c-0'",
    "UPDATE econsent.wallets SET lease_token = %(token)s WHERE company_id = %(company)s",
)
RECONCILED = """
    INSERT INTO econsent.wallet_reconciliations (company_id, opening_balance, expected_balance, drift, closing_balance, result)
    VALUES (%(company)s, 0, 0, 0, 0, 'clean') RETURNING reconciliation_id
"""


TURN = {"needs_review": False, "low_balance_entry_no": None, "low_balance_notified_no": None, "notifies": False}
SUMS = {"opening": Decimal(0), "expected": Decimal(0), "drift": Decimal(0), "closing": Decimal(0), "overage": Decimal(0)}
COUNTS = {"charges": 0, "reversals": 0, "recharges": 0}
WORDS = {"run_id": None, "result": "clean", "error": None, "snapshot": None, "report": None, "report_sha256": None}
FINDING = {
    "kinds": ["late"],
    "ledger_ids": [1],
    "usage_ids": [None],
    "payment_ids": [None],
    "amounts": [Decimal(0)],
    "sentences": ["x"],
}
CLOSING = {"closed_by": "a person", "opening": Decimal(0), "closing": Decimal(0)}


def by_statement(company_id: str, token: uuid.UUID, reconciliation_id: int) -> dict[str, dict[str, Any]]:
    company = {"company_id": company_id}
    now = {"moment": MOMENT}
    posting = company | {"batch_size": 2, "run_id": "r"}
    payment = {"payment_id": f"{company_id}-open"}
    lease = {"lease_token": token, "lease_seconds": 60.0}
    month = company | {"period": PERIOD}
    request = {
        "entry_types": ["adjustment"],
        "amounts": [Decimal(1)],
        "skus": [None],
        "quantities": [None],
        "unit_prices": [None],
        "usage_ids": [None],
        "payment_ids": [None],
        "reverses_ledger_ids": [None],
        "idempotency_keys": [f"adjustment:{company_id}"],
        "occurred_ats": [MOMENT],
        "memos": ["a gift"],
    }
    audit = {"action": "wallet.drift_detected", "user": "system:scheduler", "details": "{}", "dedupe_key": f"wallet:{company_id}"}
    refund = {"refund_refs": [f"{company_id}-another"], "kinds": ["refund"], "amounts": [Decimal(1)], "created_ats": [MOMENT]}
    return {
        "advance_checkpoint": company | {"entry_no": 0, "expected": Decimal(0)},
        "advance_overage": month | {"billed": 0, "billed_before": 0},
        "audit_wallet": company | now | audit,
        "claim_wallet": now | lease | {"due_before": MOMENT, "batch_size": 1},
        "close_month": month | now | CLOSING,
        "close_turn": company | now | TURN | {"expected": Decimal(0), "entry_no": 0},
        "count_due": now | {"due_before": MOMENT},
        "count_failures": company | {"failed": False, "most": 3},
        "count_recharges": company | {"since": MOMENT},
        "fail_turn": company | now | {"lease_token": token},
        "figures": {},
        "find_duplicates": company | {"after_entry_no": 0, "most": 10},
        "find_oddities": company | {"after_entry_no": 0, "late_before": MOMENT, "most": 10},
        "insert_findings": company | FINDING | {"reconciliation_id": reconciliation_id},
        "insert_recharge": company | now | {"payment_id": f"auto:{company_id}:1", "amount": Decimal(50)},
        "insert_reconciliation": company | now | SUMS | COUNTS | WORDS,
        "insert_refunds": {"payment_id": f"{company_id}-booked"} | refund,
        "lease_payment": payment | now | lease,
        "list_last_entries": company | now | {"most": 10},
        "list_open_months": company | {"running_month": PERIOD, "most": 10},
        "list_pending": company | now | {"asked_from": MOMENT, "most": 10},
        "load_entries": company | {"last_entry_no": 10, "balance": Decimal(0), "drift": Decimal(1), "most": 10},
        "load_report": {"reconciliation_id": reconciliation_id},
        "load_statement": month,
        "load_strangers": company | now | {"drift": Decimal(1), "most": 10},
        "load_tiers": now,
        "load_units": month | {"quota": 1_000, "billed": 0, "most": 10},
        "load_unposted": company | {"most": 10},
        "load_wallet": company,
        "lock_wallet": company,
        "note_payment": {"payment_id": f"{company_id}-held"} | {"lease_token": token, "last_error": "x"},
        "plan_wallets": company | {"occurred_until": MOMENT, "most": 10},
        "post_payments": posting,
        "post_refunds": posting,
        "post_requests": company | request | {"created_by": "a person", "run_id": None},
        "post_usage": posting | {"occurred_until": MOMENT},
        "read_clock": {},
        "renew_lease": company | now | lease,
        "reverse_usage": posting | {"duplicate_ids": []},
        "settle_payment": payment | now | {"status": "failed", "provider_ref": None, "last_error": None},
        "sum_before": month | {"next_period": datetime(2026, 12, 1, tzinfo=UTC)},
        "sum_entries": {"company_ids": [company_id]},
        "sum_months": company | now,
        "write_mail": company | {"message_id": f"m-{company_id}", "subject": "s", "body": "b"},
    }
