"""Rows and parameters with which each statement of webhook delivery finds something to do."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)

ENDPOINTS = """
    INSERT INTO econsent.webhook_endpoints (endpoint_id, company_id, url, status, disabled_at, created_at)
    SELECT %(company)s || '-' || word, %(company)s, 'https://example.com/' || word, status, disabled_at, now() - interval '60 days'
    FROM (VALUES
        ('live', 'enabled', NULL::timestamptz),
        ('suspect', 'enabled', NULL),
        ('rotating', 'enabled', NULL),
        ('promoted', 'enabled', NULL),
        ('deleted', 'deleted', NULL),
        ('off', 'disabled_auto', now() - interval '40 days')
    ) AS kept (word, status, disabled_at)
    """
SECRETS = """
    INSERT INTO econsent.webhook_secrets (endpoint_id, secret_no, ciphertext, key_id, documented_header, ends_at)
    SELECT %(company)s || '-' || word, secret_no, '\\x00'::bytea, 'key-1', documented, ends_at
    FROM (VALUES
        ('live', 1, TRUE, NULL::timestamptz),
        ('rotating', 1, TRUE, now() - interval '1 hour'),
        ('rotating', 2, FALSE, NULL),
        ('promoted', 1, FALSE, NULL)
    ) AS kept (word, secret_no, documented, ends_at)
    """
EVENTS = """
    INSERT INTO econsent.webhook_events (event_id, company_id, event_type, subject_id, dedupe_key, body, occurred_at, fanned_out_at)
    SELECT
        gen_random_uuid(), %(company)s, 'consent.granted', word, %(company)s || ':' || word, 'body', now() - interval '50 days',
        fanned_out_at
    FROM (VALUES ('fresh', NULL::timestamptz), ('sent', now() - interval '40 days'), ('old', now() - interval '40 days'))
        AS kept (word, fanned_out_at)
    """
DELIVERIES = """
    INSERT INTO econsent.webhook_deliveries (
        delivery_id, event_id, endpoint_id, company_id, status, attempts, lost_leases, next_attempt_at, lease_token, leased_until
    )
    SELECT
        kept.delivery_id, event.event_id, %(company)s || '-' || kept.word, %(company)s, kept.status, 1, kept.lost_leases,
        now() - interval '1 hour', kept.lease_token, CASE WHEN kept.lease_token IS NOT NULL THEN now() + interval '1 hour' END
    FROM (VALUES
        (%(due)s::uuid, 'live', 'sent', 'retrying', 0, NULL::uuid),
        (%(held)s, 'rotating', 'sent', 'delivering', 1, %(token)s::uuid),
        (gen_random_uuid(), 'suspect', 'sent', 'retrying', 1, NULL),
        (gen_random_uuid(), 'deleted', 'sent', 'retrying', 0, NULL),
        (gen_random_uuid(), 'off', 'sent', 'retrying', 0, NULL)
    ) AS kept (delivery_id, word, subject, status, lost_leases, lease_token)
    INNER JOIN econsent.webhook_events AS event ON event.company_id = %(company)s AND event.subject_id = kept.subject
    """


def statement_parameters(database: psycopg.Connection[Any], company_id: str) -> dict[str, dict[str, Any]]:
    """Put endpoints of every state, a rotation, events and deliveries that are due, held, suspect and orphaned into the database."""
    token, due, held = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    given = {"company": company_id, "token": token, "due": due, "held": held}
    database.execute("INSERT INTO econsent.memberships (company_id, email, role) VALUES (%(company)s, 'o@example.com', 'owner')", given)
    for query in (ENDPOINTS, SECRETS, EVENTS, DELIVERIES):
        database.execute(query, given)
    database.execute("INSERT INTO econsent.webhook_attempts VALUES (%s, 1, now(), 5, NULL, 500, '', 'http_error', 'told 500')", [due])
    return by_statement(company_id, token, due=due, held=held)


def by_statement(company_id: str, token: uuid.UUID, *, due: uuid.UUID, held: uuid.UUID) -> dict[str, dict[str, Any]]:
    live, rotating, promoted = (f"{company_id}-{word}" for word in ("live", "rotating", "promoted"))
    lease = {"lease_token": token, "batch_size": 10, "lease_seconds": 60.0}
    month = timedelta(days=30)
    return {
        "audit_endpoints": {
            "user": "system:scheduler",
            "company_ids": [company_id],
            "actions": ["webhook.disabled"],
            "details": ["{}"],
            "dedupe_keys": [f"{company_id}:disabled"],
        },
        "cancel_deliveries": {"batch_size": 10},
        "claim_deliveries": {
            **lease,
            "endpoint_ids": [live],
            "rooms": [4],
            "proven": [True],
            "failing": [False],
            "held": [False],
            "new_room": 5,
            "failing_room": 5,
        },
        "claim_suspects": {**lease, "busy_endpoint_ids": [live]},
        "drop_bodies": {"kept_for": month, "batch_size": 10},
        "explain_delivery": {"delivery_id": due},
        "fan_out_events": {"batch_size": 10, "given_up_after": month},
        "find_ended_rotations": {"batch_size": 10},
        "find_endpoint": {"endpoint_id": live},
        "give_up_deliveries": {"batch_size": 10, "given_up_after": month},
        "list_deliveries": {
            "delivery_id": None,
            "endpoint_id": live,
            "company_id": company_id,
            "event": "consent.granted",
            "since": MOMENT,
            "status": "retrying",
            "most": 10,
        },
        "load_attempts": {"delivery_id": due},
        "load_secrets": {"endpoint_ids": [live, rotating]},
        "lock_health": {"endpoint_ids": [live]},
        "mail_owners": {"message_ids": [f"{company_id}:m"], "company_ids": [company_id], "subjects": ["s"], "bodies": ["b"]},
        "promote_secrets": {"endpoint_ids": [promoted]},
        "recover_endpoint": {"endpoint_id": live},
        "release_deliveries": {
            "lease_token": token,
            "delivery_ids": [held],
            "due_ats": [MOMENT],
            "lost_leases": [0],
            "waits_seconds": [0.0],
            "error_classes": [None],
            "errors": [None],
        },
        "replay_deliveries": {"delivery_ids": [due], "user": "a person"},
        "retire_secrets": {"endpoint_ids": [rotating]},
        "settle_deliveries": settled(token, held),
        "write_health": {
            "endpoint_ids": [live],
            "statuses": ["enabled"],
            "circuits": ["closed"],
            "circuit_untils": [None],
            "circuits_opened": [0],
            "failures": [0],
            "first_failure_ats": [None],
            "last_success_ats": [MOMENT],
        },
    }


def settled(token: uuid.UUID, held: uuid.UUID) -> dict[str, Any]:
    """One attempt that failed and is made again."""
    return {
        "lease_token": token,
        "run_id": "run",
        "delivery_ids": [held],
        "attempts": [1],
        "statuses": ["retrying"],
        "delays_seconds": [60.0],
        "error_classes": ["http_delivery"],
        "errors": ["told 500"],
        "agos_seconds": [1.0],
        "outcomes": ["http_error"],
        "durations_ms": [5],
        "addresses": [None],
        "status_codes": [500],
        "excerpts": [""],
        "backoffs_seconds": [60],
        "jitters_percent": [0],
        "retry_afters_seconds": [None],
    }
