"""What has to be true of an event: its body, its fan-out, and one delivery for every endpoint that subscribed."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, cast

from econsent_verify.findings import Difference, short
from econsent_verify.webhook_delivery_retry_checks.findings import Trouble
from econsent_verify.webhook_delivery_retry_checks.records import Endpoint, Event, Row

DISABLED_FOR_GOOD: Final = timedelta(days=30)
BODY_KEPT: Final = timedelta(days=30)
OPEN: Final = frozenset({"pending", "delivering", "retrying"})


def check_event(event: Event, endpoints: Mapping[str, Endpoint]) -> Iterator[Difference]:
    """Everything about one event but what lies inside one delivery."""
    yield from check_body(event)
    yield from check_fan_out(event)
    if event.row["fanned_out_at"] is not None:
        yield from check_subscribers(event, endpoints)


def check_body(event: Event) -> Iterator[Difference]:
    """A JSON object that names its event and its time (docs/platform/webhooks); dropped only when nobody is to get it any more."""
    body = event.row["body"]
    if body is None:
        still_open = [each.name for each in event.deliveries if each.row["status"] in OPEN]
        if still_open or event.row["fanned_out_at"] is None:
            yield Difference(trouble=Trouble.BODY, what="webhook_events.body", expected="bytes to send", found="nothing")
        return
    try:
        parsed: Any = json.loads(bytes(body))
    except ValueError:
        yield Difference(trouble=Trouble.BODY, what="webhook_events.body", expected="JSON", found="something else")
        return
    said = cast("dict[str, Any]", parsed if isinstance(parsed, dict) else {})
    if said.get("event") != event.row["event_type"]:
        yield Difference(
            trouble=Trouble.BODY, what="event in the body", expected=event.row["event_type"], found=short(type(said.get("event")).__name__)
        )
    if not is_timestamp(said.get("timestamp")):
        yield Difference(trouble=Trouble.BODY, what="timestamp in the body", expected="YYYY-MM-DDTHH:MM:SS.mmmZ", found="something else")
    if not isinstance(said.get("data"), dict):
        yield Difference(trouble=Trouble.BODY, what="data in the body", expected="an object", found=short(type(said.get("data")).__name__))


def is_timestamp(text: object) -> bool:
    if not isinstance(text, str) or len(text) != len("2026-03-02T09:30:00.000Z"):
        return False
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").utcoffset() == timedelta(0)
    except ValueError:
        return False


def check_fan_out(event: Event) -> Iterator[Difference]:
    """Deliveries come into being with the fan-out, in one transaction, and never without it."""
    fanned_out_at, occurred_at = event.row["fanned_out_at"], event.row["occurred_at"]
    if fanned_out_at is None:
        if event.deliveries:
            yield Difference(
                trouble=Trouble.FANNED_OUT,
                what="webhook_events.fanned_out_at",
                expected="a time",
                found=f"{len(event.deliveries)} deliveries",
            )
        return
    if fanned_out_at < occurred_at - timedelta(minutes=5):
        yield Difference(
            trouble=Trouble.FANNED_OUT, what="webhook_events.fanned_out_at", expected=f"after {occurred_at}", found=short(fanned_out_at)
        )
    for delivery in event.deliveries:
        if delivery.row["created_at"] != fanned_out_at:
            yield Difference(
                trouble=Trouble.FANNED_OUT,
                what=f"created_at of {delivery.name}",
                expected=short(fanned_out_at),
                found=short(delivery.row["created_at"]),
            )


def check_subscribers(event: Event, endpoints: Mapping[str, Endpoint]) -> Iterator[Difference]:
    counted: dict[str, int] = {}
    for delivery in event.deliveries:
        row = delivery.row
        counted[row["endpoint_id"]] = counted.get(row["endpoint_id"], 0) + 1
        endpoint = endpoints.get(row["endpoint_id"])
        companies = {event.row["company_id"], row["company_id"], endpoint.row["company_id"] if endpoint else None}
        if len(companies) > 1:
            yield Difference(trouble=Trouble.COMPANY, what=delivery.name, expected="one company", found=short(sorted(map(str, companies))))
        elif endpoint is not None and subscribed(event.row, endpoint.row) is False:
            yield Difference(trouble=Trouble.UNEXPECTED, what=endpoint.name, expected="no delivery", found=delivery.name)
    for endpoint_id, count in counted.items():
        if count > 1:
            yield Difference(trouble=Trouble.REPEATED, what=f"endpoint {endpoint_id}", expected="1 delivery", found=f"{count} deliveries")
    for endpoint_id, endpoint in endpoints.items():
        if endpoint.row["company_id"] == event.row["company_id"] and endpoint_id not in counted and subscribed(event.row, endpoint.row):
            yield Difference(trouble=Trouble.MISSING, what=endpoint.name, expected="1 delivery", found="none")


def subscribed(event: Row, endpoint: Row) -> bool | None:
    """Whether the endpoint is to get the event; None where it was changed after the fan-out, so that nobody can tell any more."""
    if event["occurred_at"] < endpoint["created_at"]:
        return False
    if endpoint["updated_at"] >= event["fanned_out_at"] or endpoint["status"] == "deleted":
        return None
    if endpoint["disabled_at"] is not None:
        disabled_for = event["fanned_out_at"] - endpoint["disabled_at"]
        if disabled_for >= DISABLED_FOR_GOOD:
            return False
    return not endpoint["events"] or event["event_type"] in endpoint["events"]
