"""The whole verification: events a page at a time, each with its deliveries and their attempts; endpoints once; what belongs to nothing.

Memory holds one page and the endpoints, whatever the size of the database. Nothing is written anywhere.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from econsent_verify.findings import Difference, Finding, Findings
from econsent_verify.webhook_delivery_retry_checks.deliveries import check_delivery
from econsent_verify.webhook_delivery_retry_checks.endpoints import check_endpoint
from econsent_verify.webhook_delivery_retry_checks.events import check_event
from econsent_verify.webhook_delivery_retry_checks.findings import Trouble
from econsent_verify.webhook_delivery_retry_checks.receipts import Receipts, check_receipts
from econsent_verify.webhook_delivery_retry_checks.records import Database, Endpoint, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What to look at. ``since``: only events from then on. ``loopback``: receivers of this machine are in order."""

    company_id: str | None = None
    since: datetime | None = None
    page_size: int = 500
    loopback: bool = False

    @property
    def whole(self) -> bool:
        return self.company_id is None and self.since is None


@dataclass(slots=True, kw_only=True)
class Report(Findings):
    """What was looked at and found. ``findings`` keeps the first 1,000; ``found`` counts all."""

    endpoints: int = 0
    events: int = 0
    deliveries: int = 0
    attempts: int = 0

    def as_dict(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in ("endpoints", "events", "deliveries", "attempts", "found")}
        listed = [finding.as_dict() for finding in self.findings]
        return {"job": "webhook_delivery_retry", **counts, "findings": listed, "seconds": round(self.seconds, 1)}


def verify(
    database: Database, *, scope: Scope, receipts: Receipts | None = None, progress: Callable[[Report], None] | None = None
) -> Report:
    """Run the verification. Raises psycopg.Error when the database cannot be read."""
    report, began = Report(), time.monotonic()
    endpoints = database.endpoints(scope.company_id)
    report.endpoints = len(endpoints)
    for endpoint in endpoints.values():
        report.add(named(endpoint.row["company_id"], endpoint.name, check_endpoint(endpoint)))
    for known, events in database.pages(scope.company_id, since=scope.since, page_size=scope.page_size):
        of_company = by_company(known)
        for event in events:
            count(report, event)
            report.add(findings_of(event, known, of_company.get(event.row["company_id"], {}), scope=scope, receipts=receipts))
            if progress is not None:
                progress(report)
    if scope.whole:
        report.add(stray(row) for row in database.strays())
    report.seconds = time.monotonic() - began
    return report


def count(report: Report, event: Event) -> None:
    report.events += 1
    report.deliveries += len(event.deliveries)
    report.attempts += sum(len(delivery.attempts) for delivery in event.deliveries)


def by_company(endpoints: Mapping[str, Endpoint]) -> dict[str, dict[str, Endpoint]]:
    found: dict[str, dict[str, Endpoint]] = {}
    for endpoint_id, endpoint in endpoints.items():
        found.setdefault(endpoint.row["company_id"], {})[endpoint_id] = endpoint
    return found


def findings_of(
    event: Event, known: Mapping[str, Endpoint], own: Mapping[str, Endpoint], *, scope: Scope, receipts: Receipts | None
) -> Iterator[Finding]:
    used = {each.row["endpoint_id"]: known[each.row["endpoint_id"]] for each in event.deliveries if each.row["endpoint_id"] in known}
    company_id = event.row["company_id"]
    yield from named(company_id, event.name, check_event(event, {**own, **used}))
    for delivery in event.deliveries:
        endpoint = used.get(delivery.row["endpoint_id"])
        yield from named(company_id, delivery.name, check_delivery(delivery, endpoint, loopback=scope.loopback))
        if receipts is not None and endpoint is not None:
            yield from named(company_id, delivery.name, check_receipts(event, delivery, receipts, method=endpoint.row["http_method"]))


def named(company_id: str, subject: str, differences: Iterable[Difference]) -> Iterator[Finding]:
    return (Finding(company_id=company_id, subject=subject, difference=each) for each in differences)


def stray(row: Mapping[str, Any]) -> Finding:
    nothing = Difference(
        trouble=Trouble.UNEXPECTED, what="webhook_deliveries", expected="its event and its endpoint", found="neither or one"
    )
    return Finding(company_id=row["company_id"], subject=f"delivery {row['delivery_id']}", difference=nothing)
