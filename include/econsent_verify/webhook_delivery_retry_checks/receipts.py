"""What receivers say that they received, held against the database: one JSON object a line.

``{"endpoint_id", "delivery_id", "method", "headers": {lower-case name: value}, "body_base64", "status"}``. ``status`` is what the receiver
answered, None where it answered nothing. Secrets are the receivers' own: the verifier may not read the platform's.
"""

import base64
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from econsent_verify.findings import Difference, short
from econsent_verify.webhook_delivery_retry_checks.deliveries import SUCCESSES
from econsent_verify.webhook_delivery_retry_checks.findings import Trouble
from econsent_verify.webhook_delivery_retry_checks.records import Delivery, Event
from econsent_verify.webhook_delivery_retry_checks.signature import HEADER, is_signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One whole request as its receiver had it."""

    endpoint_id: str
    delivery_id: str
    method: str
    headers: Mapping[str, str]
    body: bytes
    status: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """What receivers had, by delivery; ``secrets`` by endpoint. Only endpoints in ``secrets`` kept books, so only they can miss any."""

    by_delivery: Mapping[str, list[Receipt]]
    secrets: Mapping[str, bytes]


def read_receipts(lines: Iterable[str], secrets: Mapping[str, bytes]) -> Receipts:
    """Read a receiver's log. Raises ValueError for a line that is none of its."""
    found: dict[str, list[Receipt]] = {}
    for line in lines:
        row: dict[str, Any] = json.loads(line)
        receipt = Receipt(
            endpoint_id=row["endpoint_id"],
            delivery_id=row["delivery_id"],
            method=row["method"],
            headers=row["headers"],
            body=base64.b64decode(row["body_base64"]),
            status=row["status"],
        )
        found.setdefault(receipt.delivery_id, []).append(receipt)
    return Receipts(by_delivery=found, secrets=secrets)


def check_receipts(event: Event, delivery: Delivery, receipts: Receipts, *, method: str) -> Iterator[Difference]:
    """The receiver had the stored bytes, signed by its secret, at least as often as a success is written down."""
    endpoint_id = delivery.row["endpoint_id"]
    secret = receipts.secrets.get(endpoint_id)
    if secret is None:
        return
    had = receipts.by_delivery.get(str(UUID(str(delivery.row["delivery_id"]))), [])
    body = event.row["body"]
    for receipt in had:
        yield from check_receipt(receipt, endpoint_id, body=None if body is None else bytes(body), secret=secret, method=method)
    successes = sum(attempt["outcome"] in SUCCESSES for attempt in delivery.attempts)
    taken = sum(receipt.status is not None and 200 <= receipt.status < 300 for receipt in had)
    if taken < successes:
        yield Difference(trouble=Trouble.RECEIPT, what="receiver", expected=f"{successes} taken by the receiver", found=f"{taken}")
    answered = Counter(attempt["status_code"] for attempt in delivery.attempts if attempt["status_code"] is not None)
    said = Counter(receipt.status for receipt in had)
    for code in sorted(code for code in answered if answered[code] > said[code]):
        yield Difference(
            trouble=Trouble.RECEIPT, what=f"answers with {code}", expected=f"{answered[code]} by the receiver", found=f"{said[code]}"
        )


def check_receipt(receipt: Receipt, endpoint_id: str, *, body: bytes | None, secret: bytes, method: str) -> Iterator[Difference]:
    if receipt.endpoint_id != endpoint_id:
        yield Difference(trouble=Trouble.RECEIPT, what="receiver", expected=endpoint_id, found=short(receipt.endpoint_id))
    if receipt.method != method:
        yield Difference(trouble=Trouble.RECEIPT, what="method", expected=method, found=short(receipt.method))
    if body is None:
        return
    sent = b"" if method == "GET" else body
    if receipt.body != sent:
        yield Difference(trouble=Trouble.RECEIPT, what="body", expected="the stored bytes", found=f"{len(receipt.body)} other bytes")
    if not is_signed(receipt.headers.get(HEADER), secret=secret, body=body):
        yield Difference(trouble=Trouble.SIGNATURE, what=HEADER, expected="the endpoint's signature", found="another one")
