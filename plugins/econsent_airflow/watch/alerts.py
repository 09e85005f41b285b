"""Who is told, and how: mail, a Slack-compatible webhook, PagerDuty events, health-check pings. Each is off until its Connection is there.

| Connection                 | what it holds                                                                               |
|----------------------------|---------------------------------------------------------------------------------------------|
| econsent_alert_mail        | extra ``{"recipients": ["…"]}``; the mail itself goes by econsent_smtp                       |
| econsent_alert_webhook     | password: the whole address, which is a secret                                              |
| econsent_alert_pagerduty   | password: the routing key; extra ``{"url": "…"}`` for another events address                |
| econsent_pings             | extra: an address by dag_id, and under ``watch`` the one that says that the watch is alive; |
|                            | ``watch_every_seconds`` (60): how often it says so                                          |
"""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from econsent_jobs.io.environment import connection_of

SECONDS: Final = 10
JSON: Final = {"Content-Type": "application/json"}
PAGERDUTY: Final = "https://events.pagerduty.com/v2/enqueue"
SOURCE: Final = "eConsent scheduled jobs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """What is switched on. Addresses and keys are secrets, so they are not shown."""

    recipients: Sequence[str] = ()
    webhook_url: str | None = field(default=None, repr=False)
    pagerduty_url: str = field(default=PAGERDUTY, repr=False)
    pagerduty_key: str | None = field(default=None, repr=False)
    pings: Mapping[str, str] = field(default_factory=dict, repr=False)
    ping_seconds: float = 60.0

    @property
    def names(self) -> list[str]:
        """The channels that a message of an incident goes to, mail aside."""
        return [name for name, there in (("webhook", self.webhook_url), ("pagerduty", self.pagerduty_key)) if there]


def channels_of(environment: Mapping[str, str]) -> Channels:
    """Read what is switched on from the Connections in the environment."""

    def read(name: str) -> dict[str, Any]:
        variable = f"AIRFLOW_CONN_ECONSENT_{name}"
        return connection_of(environment, variable) if environment.get(variable) else {}

    def extra(connection: Mapping[str, Any]) -> dict[str, Any]:
        found = connection.get("extra") or {}
        return json.loads(found) if isinstance(found, str) else found

    pagerduty, pings = read("ALERT_PAGERDUTY"), dict(extra(read("PINGS")))
    ping_seconds = float(pings.pop("watch_every_seconds", 60))
    return Channels(
        recipients=extra(read("ALERT_MAIL")).get("recipients", []),
        webhook_url=read("ALERT_WEBHOOK").get("password"),
        pagerduty_url=extra(pagerduty).get("url", PAGERDUTY),
        pagerduty_key=pagerduty.get("password"),
        pings=pings,
        ping_seconds=ping_seconds,
    )


def send(channels: Channels, channel: str, payload: Mapping[str, Any]) -> None:
    """Send one message. Raises OSError where it was not taken, and LookupError where its channel is switched off by now."""
    if channel == "ping":
        address = channels.pings[payload["name"]]
        call(address if payload["succeeded"] else f"{address.rstrip('/')}/fail", None)
    elif channel == "webhook" and channels.webhook_url:
        call(channels.webhook_url, {"text": words(payload)})
    elif channel == "pagerduty" and channels.pagerduty_key:
        call(channels.pagerduty_url, event(channels.pagerduty_key, payload))
    else:
        raise LookupError(f"the channel {channel} is switched off")


def words(payload: Mapping[str, Any]) -> str:
    if payload["kind"] == "recovered":
        return f"Recovered: {payload['dag_id']} ({payload['cause'].replace('_', ' ')})"
    return f"{payload['dag_id']} ({payload['cause'].replace('_', ' ')}): {payload['sentence']}"


def event(routing_key: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event of PagerDuty's Events API v2; the incident is its deduplication key."""
    return {
        "routing_key": routing_key,
        "event_action": "resolve" if payload["kind"] == "recovered" else "trigger",
        "dedup_key": payload["incident_id"],
        "payload": {"summary": words(payload)[:1024], "source": SOURCE, "severity": "error", "component": payload["dag_id"]},
    }


def mail(payload: Mapping[str, Any]) -> tuple[str, str]:
    """Return subject and body."""
    state = "recovered" if payload["kind"] == "recovered" else "needs attention"
    body = f"{words(payload)}\n\nCron Management shows its history. If it persists, write to support@econsent.org.\n"
    return f"eConsent: {payload['dag_id']} {state}", body


def call(address: str, body: Mapping[str, Any] | None) -> None:
    """Send a request and want a 2xx answer. Raises OSError without the address, which is a secret."""
    if urlsplit(address).scheme not in ("http", "https"):
        raise OSError("the address is no http address")
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data=data, headers=JSON)  # noqa: S310 the scheme was checked to be http or https
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310 the scheme was checked to be http or https
            return
    except OSError as error:
        reason = getattr(error, "code", None) or getattr(error, "reason", None) or type(error).__name__
        raise OSError(f"not taken ({reason})") from None
