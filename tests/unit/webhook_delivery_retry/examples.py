"""Deliveries and endpoints for tables, of which a row changes what it is about."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from econsent_jobs.webhook_delivery_retry.model import Attempted, Claimed, Health, Outcome

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
BODY = b'{"event":"consent.granted","timestamp":"2026-03-02T13:59:58.123Z","data":{"consumerPhone":"+12025550123","consumerName":"Ada"}}'


def claimed(**changes: Any) -> Claimed:
    values: dict[str, Any] = {
        "delivery_id": UUID(int=1),
        "event_id": UUID(int=2),
        "endpoint_id": "wh-1",
        "company_id": "acme",
        "event_type": "consent.granted",
        "subject_id": "EC-session-1",
        "body": BODY,
        "occurred_at": NOW,
        "attempts": 0,
        "max_attempts": 16,
        "lost_leases": 0,
        "due_at": NOW,
        "url": "https://hooks.example.com/in",
        "http_method": "POST",
        "max_in_flight": 4,
        "proven": False,
        "failing": False,
        "read_at": NOW,
    }
    return Claimed(**values | changes)


def health(**changes: Any) -> Health:
    values: dict[str, Any] = {
        "endpoint_id": "wh-1",
        "company_id": "acme",
        "status": "enabled",
        "circuit": "closed",
        "circuit_until": None,
        "circuit_opened": 0,
        "consecutive_failures": 0,
        "first_failure_at": None,
        "last_success_at": None,
    }
    return Health(**values | changes)


def attempted(outcome: Outcome = Outcome.HTTP_ERROR, **changes: Any) -> Attempted:
    values: dict[str, Any] = {"outcome": outcome, "duration_ms": 12, "status_code": 500}
    return Attempted(**values | changes)
