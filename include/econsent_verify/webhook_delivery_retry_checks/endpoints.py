"""What has to be true of an endpoint: its status, its circuit, and that its owner was told once when it was disabled."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from econsent_verify.findings import Difference, short
from econsent_verify.webhook_delivery_retry_checks.findings import Trouble
from econsent_verify.webhook_delivery_retry_checks.records import Endpoint


def check_endpoint(endpoint: Endpoint) -> Iterator[Difference]:
    row = endpoint.row
    url: str = row["url"]
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        yield Difference(trouble=Trouble.ENDPOINT, what="webhook_endpoints.url", expected="https, a host and no user", found="another URL")
    disabled = row["status"] in {"disabled", "disabled_auto"}
    if row["status"] != "deleted" and disabled != (row["disabled_at"] is not None):
        yield Difference(
            trouble=Trouble.ENDPOINT,
            what="webhook_endpoints.disabled_at",
            expected="a time" if disabled else "nothing",
            found=short(row["disabled_at"]),
        )
    if row["circuit"] != "closed" and row["circuit_until"] is None:
        yield Difference(trouble=Trouble.ENDPOINT, what="webhook_endpoints.circuit_until", expected="a time", found="nothing")
    if row["max_in_flight"] < 1 or (row["max_per_second"] is not None and row["max_per_second"] <= 0):
        yield Difference(trouble=Trouble.ENDPOINT, what="webhook_endpoints.max_in_flight", expected="1 or more", found="none")
    if row["status"] == "disabled_auto":
        yield from check_notices(endpoint)


def check_notices(endpoint: Endpoint) -> Iterator[Difference]:
    """The trail and the outbox say that the endpoint was disabled, each once for that moment.

    Both are written in the transaction that disables it, so they bear its very time: one that a person enabled again may be disabled anew
    within milliseconds, and is told of anew.
    """
    at = endpoint.row["disabled_at"]
    for what, rows in (("audit_log", endpoint.notices), ("mail_outbox", endpoint.mails)):
        told = [row for row in rows if row["at"] == at]
        if len(told) != 1:
            yield Difference(trouble=Trouble.NOTICE, what=what, expected="1 for this moment", found=f"{len(told)}")
