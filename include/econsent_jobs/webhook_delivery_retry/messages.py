"""What people are told when an endpoint is disabled: the audit trail, and the company's owner and admins."""

from typing import Any, Final
from urllib.parse import quote

from econsent_jobs.webhook_delivery_retry.model import Health
from econsent_jobs.webhook_delivery_retry.store import AuditEntry, Mail

SUBJECT: Final = "A webhook endpoint was disabled"
BODY: Final = """The webhook endpoint {endpoint_id} was disabled, because {why}.

Nothing is lost: its deliveries wait for 30 days, and new events join them. Mend the receiver, then enable the endpoint again under
Integrations > Webhooks; the waiting deliveries are sent then, oldest first.
"""


def why(health: Health, *, gone: bool) -> str:
    """Say in half a sentence why an endpoint is disabled."""
    if gone:
        return "it answered 410, which means that it wants no more deliveries"
    assert health.first_failure_at is not None
    return f"every attempt since {health.first_failure_at:%Y-%m-%d %H:%M} UTC failed, for 72 hours or longer"


def occasion(health: Health) -> str:
    assert health.first_failure_at is not None
    return health.first_failure_at.isoformat()


def disabled_audit(health: Health, *, gone: bool) -> AuditEntry:
    details: dict[str, Any] = {
        "endpointId": health.endpoint_id,
        "reason": "gone" if gone else "failing",
        "since": occasion(health),
        "old": {"status": "enabled"},
        "new": {"status": health.status},
    }
    return AuditEntry(
        company_id=health.company_id,
        action="webhook.disabled",
        details=details,
        dedupe_key=f"webhook.disabled:{health.endpoint_id}:{occasion(health)}",
    )


def disabled_mail(health: Health, *, gone: bool) -> Mail:
    assert health.first_failure_at is not None
    moment = int(health.first_failure_at.timestamp() * 1000)
    return Mail(
        message_id=f"<webhook-disabled.{quote(health.endpoint_id, safe='')}.{moment}@econsent.org>",
        company_id=health.company_id,
        subject=SUBJECT,
        body=BODY.format(endpoint_id=health.endpoint_id, why=why(health, gone=gone)),
    )
