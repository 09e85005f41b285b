"""How a request says whom it is from: the documented signature over the raw body, and what rotation and replay protection add.

While a secret is being rotated both sign. The old one goes on signing the documented header until it ends, because receivers still check
that; the new one signs a header of its own. The other way round every receiver would break at once.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from econsent_jobs.core.canonical_json import timestamp_text
from econsent_jobs.webhook_delivery_retry.model import Claimed, HeaderNames, Request, Secret

LONGEST_TIMESTAMP: Final = 40  # characters


def sign(secret: bytes, body: bytes) -> str:
    """Return the HMAC-SHA256 of the raw body in lower-case hexadecimal."""
    return hmac.digest(secret, body, "sha256").hex()


def in_force(secrets: Sequence[Secret], *, now: datetime) -> tuple[Secret, Secret | None]:
    """Return what signs the documented header, and what signs the one for the next secret, if any. Raises ValueError without secrets.

    Once the old secret has ended the new one alone signs, whoever notes that in the table later.
    """
    live = [secret for secret in secrets if secret.ends_at is None or secret.ends_at > now]
    if not live:
        raise ValueError("no secret is in force")
    documented = next((secret for secret in live if secret.documented_header), live[0])
    return documented, next((secret for secret in live if secret is not documented), None)


def build_request(claimed: Claimed, secrets: Sequence[Secret], *, now: datetime, names: HeaderNames) -> Request:
    """Return the request of one attempt. The body's bytes are sent unchanged. Raises ValueError without a secret in force.

    A GET has no body and no personal data, because a query ends in access logs: event, ids and timestamp as parameters, and the
    signature over the body all the same.
    """
    assert claimed.body is not None
    documented, following = in_force(secrets, now=now)
    sent_at = int(now.timestamp())
    timed = f"{sent_at}.".encode() + claimed.body
    versions = [sign(secret.value, timed) for secret in (documented, following) if secret is not None]
    timestamp = body_timestamp(claimed)
    headers = {
        "User-Agent": names.user_agent,
        names.signature: f"sha256={sign(documented.value, claimed.body)}",
        names.event: claimed.event_type,
        names.timestamp: timestamp,
        names.delivery: str(claimed.delivery_id),
        names.attempt: str(claimed.attempt_no),
        names.signature_v1: ",".join([f"t={sent_at}", *(f"v1={version}" for version in versions)]),
    }
    if following is not None:
        headers[names.signature_next] = f"sha256={sign(following.value, claimed.body)}"
    if claimed.http_method == "GET":
        parameters = {"event": claimed.event_type, "delivery": str(claimed.delivery_id), "timestamp": timestamp}
        if claimed.subject_id is not None:
            parameters["id"] = claimed.subject_id
        return Request(method="GET", url=with_query(claimed.url, parameters), headers=headers, body=None)
    headers["Content-Type"] = "application/json"
    return Request(method=claimed.http_method, url=claimed.url, headers=headers, body=claimed.body)


def body_timestamp(claimed: Claimed) -> str:
    """Return the body's own timestamp, or when the event occurred, where the body names none that could stand in a header."""
    assert claimed.body is not None
    try:
        document: Any = json.loads(claimed.body)
        text: Any = document["timestamp"]
    except (ValueError, TypeError, KeyError, RecursionError):
        text = None
    if isinstance(text, str) and 0 < len(text) <= LONGEST_TIMESTAMP and text.isascii() and text.isprintable():
        return text
    return timestamp_text(claimed.occurred_at)


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """Return ``url`` with ``parameters`` behind the query that it has."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode(parameters)) if part)
    return urlunsplit(parts._replace(query=query, fragment=""))
