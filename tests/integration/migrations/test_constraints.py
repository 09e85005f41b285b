"""What the tables refuse, whoever writes: each rule at its edge, with a row that passes and one that does not."""

from typing import Any

import psycopg
import pytest

Connection = psycopg.Connection[tuple[Any, ...]]

PROPERTY = """
    INSERT INTO econsent.properties (company_id, property_id, name, origin, uid, session_expiration, certificate_expiration)
    VALUES ('acme', 'new', 'New', 'https://example.com', 'new', '{}', '{}')
"""
CERTIFICATE = """
    INSERT INTO econsent.certificates
    (company_id, property_id, consent_at, capture, source, session_id, source_ref, status, certificate_id, signature)
    VALUES ('acme', 'shop', now(), '{{}}', {})
"""
OBJECT = """
    INSERT INTO econsent.storage_objects
    (company_id, kind, object_key, bytes, sha256, backend, tier, bucket, version_id, lock_mode, retain_until)
    VALUES ('acme', 'dom', 'k', 1, '', {})
"""
ENTRY = """
    INSERT INTO econsent.wallet_ledger
    (company_id, entry_no, balance_after, idempotency_key, request_sha256, period, prev_hash, entry_hash, entry_type, amount)
    VALUES ('acme', 1, 0, 'k', '', '2026-03-01', '', '', {})
"""
HOLD = """
    INSERT INTO econsent.legal_holds (company_id, scope, scope_value, reason, placed_by, released_at, released_by, release_confirmed_by)
    VALUES ('acme', 'company', 'acme', 'a claim', 'a', {})
"""
EVENT = "INSERT INTO econsent.webhook_events (company_id, event_type, dedupe_key) VALUES ('acme', '{}', 'k')"
ENDPOINT = "INSERT INTO econsent.webhook_endpoints (endpoint_id, company_id, url, events) VALUES ('wh-1', 'acme', '{}', '{}')"
USAGE = "INSERT INTO econsent.usage_events (company_id, sku, request_id, session_id, occurred_at) VALUES ('acme', {}, now())"
PERIOD = "INSERT INTO econsent.retention_usage (company_id, period) VALUES ('acme', '{}')"
PAYMENT = """
    INSERT INTO econsent.payments (payment_id, company_id, kind, idempotency_key, amount, status)
    VALUES ('p', 'acme', 'recharge', 'k', {}, 'pending')
"""
AUDIT = "INSERT INTO econsent.audit_log (action, category, \"user\") VALUES ('{}', '{}', 'system:scheduler')"

ACCEPTED = [
    PROPERTY.format("1 day", "5 years"),
    PROPERTY.format("90 days", "1826 days"),
    CERTIFICATE.format("'session', 's-1', NULL, 'pending', NULL, NULL"),
    CERTIFICATE.format("'meta', NULL, 'lead-1', 'pending', NULL, NULL"),
    CERTIFICATE.format("'session', 's-1', NULL, 'finalized', 'EC-1', 's'"),
    OBJECT.format("'efs', 1, NULL, NULL, NULL, NULL"),
    OBJECT.format("'s3', 2, 'b', 'v', 'COMPLIANCE', now()"),
    ENTRY.format("'recharge', 0.0001"),
    ENTRY.format("'usage_charge', -0.0150"),
    ENTRY.format("'adjustment', -1"),
    HOLD.format("NULL, NULL, NULL"),
    HOLD.format("now(), 'a', 'b'"),
    *[EVENT.format(name) for name in ("session.certificate.created", "meta.certificate.created", "session.created")],
    *[EVENT.format(name) for name in ("consent.granted", "consent.revoked", "high_risk.detected")],
    ENDPOINT.format("https://example.com/hook", "{}"),
    ENDPOINT.format("https://example.com/hook", "{consent.revoked}"),
    USAGE.format("'otp', 'r', NULL"),
    USAGE.format("'session_retention', 'r', 's-1'"),
    PERIOD.format("2026-03-01"),
    PAYMENT.format("25.10"),
    AUDIT.format("certificate.generated", "certificates"),
    AUDIT.format("dag_run.ended", "jobs"),
]
REFUSED = [
    PROPERTY.format("23 hours", "5 years"),
    PROPERTY.format("90 days", "5 years 1 day"),
    PROPERTY.format("5 years 1 day", "5 years"),
    CERTIFICATE.format("'session', NULL, NULL, 'pending', NULL, NULL"),
    CERTIFICATE.format("'session', 's-1', 'lead-1', 'pending', NULL, NULL"),
    CERTIFICATE.format("'meta', 's-1', 'lead-1', 'pending', NULL, NULL"),
    CERTIFICATE.format("'meta', NULL, NULL, 'pending', NULL, NULL"),
    CERTIFICATE.format("'session', 's-1', NULL, 'finalized', NULL, 's'"),
    CERTIFICATE.format("'session', 's-1', NULL, 'finalized', 'EC-1', NULL"),
    CERTIFICATE.format("'session', 's-1', NULL, 'done', 'EC-1', 's'"),
    OBJECT.format("'s3', 2, 'b', NULL, 'COMPLIANCE', now()"),
    OBJECT.format("'s3', 2, 'b', 'v', NULL, now()"),
    OBJECT.format("'s3', 2, 'b', 'v', 'COMPLIANCE', NULL"),
    OBJECT.format("'s3', 2, 'b', 'v', 'GOVERNANCE', now()"),
    ENTRY.format("'recharge', -1"),
    ENTRY.format("'usage_charge', 1"),
    ENTRY.format("'refund', 1"),
    ENTRY.format("'adjustment', 0"),
    HOLD.format("now(), 'a', NULL"),
    HOLD.format("now(), 'a', 'a'"),
    EVENT.format("certificate.generated"),
    ENDPOINT.format("http://example.com/hook", "{}"),
    ENDPOINT.format("https://example.com/hook", "{certificate.generated}"),
    USAGE.format("'session_retention', 'r', NULL"),
    PERIOD.format("2026-03-02"),
    PAYMENT.format("25.105"),
    PAYMENT.format("0"),
    AUDIT.format("Certificate", "certificates"),
    AUDIT.format("certificate.generated", "Certificates"),
]


@pytest.mark.usefixtures("company")
def test_rows_that_keep_the_rules_are_accepted(database: Connection) -> None:
    for statement in ACCEPTED:
        with database.transaction(force_rollback=True):
            database.execute(statement)


@pytest.mark.usefixtures("company")
def test_rows_that_break_a_rule_are_refused(database: Connection) -> None:
    for statement in REFUSED:
        with pytest.raises(psycopg.errors.CheckViolation):
            database.execute(statement)


@pytest.mark.usefixtures("company")
def test_one_object_is_stored_once_until_it_is_deleted(database: Connection) -> None:
    stored = OBJECT.format("'s3', 2, 'b', 'v', 'COMPLIANCE', now()")
    database.execute(stored)
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.execute(stored)
    database.execute("UPDATE econsent.storage_objects SET state = 'deleted'")
    database.execute(stored)


@pytest.mark.usefixtures("company")
def test_a_session_is_charged_for_retention_once(database: Connection) -> None:
    database.execute(USAGE.format("'session_retention', 'r-1', 's-1'"))
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.execute(USAGE.format("'session_retention', 'r-2', 's-1'"))


@pytest.mark.usefixtures("company")
def test_one_automatic_recharge_is_open_at_a_time(database: Connection) -> None:
    open_recharge = """
        INSERT INTO econsent.payments (payment_id, company_id, kind, idempotency_key, amount, status)
        VALUES (%(key)s, 'acme', 'auto_recharge', %(key)s, 10, 'pending')
    """
    database.execute(open_recharge, {"key": "p-1"})
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.execute(open_recharge, {"key": "p-2"})
    database.execute("UPDATE econsent.payments SET status = 'failed'")
    database.execute(open_recharge, {"key": "p-2"})


def test_the_price_book_holds_the_documented_prices(database: Connection) -> None:
    prices = database.execute("SELECT sku, tier_from, unit_price::text FROM econsent.price_book ORDER BY sku, tier_from").fetchall()
    assert prices == [
        ("debt_lookup", 0, "0.3500"),
        ("email_validation", 0, "0.0500"),
        ("fraud_check", 0, "0.0500"),
        ("otp", 0, "0.1000"),
        ("phone_validation", 0, "0.0500"),
        ("retention_overage", 0, "0.1200"),
        ("retention_overage", 10_000, "0.1000"),
        ("retention_overage", 25_000, "0.0800"),
        ("retention_overage", 50_000, "0.0640"),
        ("session_retention", 0, "0.1000"),
        ("verification", 0, "0.0150"),
    ]
