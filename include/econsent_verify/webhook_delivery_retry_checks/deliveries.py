"""What has to be true inside one delivery: its status follows from its attempts, and its attempts from the specification."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from econsent_verify.findings import Difference, short
from econsent_verify.webhook_delivery_retry_checks.addresses import is_loopback, is_public, parsed
from econsent_verify.webhook_delivery_retry_checks.events import DISABLED_FOR_GOOD
from econsent_verify.webhook_delivery_retry_checks.findings import Trouble
from econsent_verify.webhook_delivery_retry_checks.records import Delivery, Endpoint, Row
from econsent_verify.webhook_delivery_retry_checks.schedule import (
    CLOCKS_APART,
    TRIES,
    WRITTEN_DOWN,
    check_backoffs,
    check_next,
    check_waits,
    ended_at,
)

SUCCESSES: Final = frozenset({"success", "success_truncated", "success_opaque"})
CODES: Final[Mapping[str, range]] = {
    **dict.fromkeys(SUCCESSES, range(200, 300)),
    "gone": range(410, 411),
    "redirect": range(300, 400),
    "http_error": range(100, 600),
}
"""The answers' statuses by outcome; an ``http_error`` is what no other word says."""
UNCONNECTED: Final = frozenset({"blocked", "dns", "dns_timeout"})
CONNECTING: Final = frozenset({"connect", "connect_timeout", "tls", "tls_name", "tls_expired", "tls_untrusted", "tls_timeout"})
AFTER_SENDING: Final = frozenset({"no_answer", "slow_body", "headers_too_large", "invalid_http", "reset"})
MOST_LOST_LEASES: Final = 3
MOST_SECONDS: Final = 15
"""Ten, and what a loaded machine takes to notice that they are over."""
MOST_EXCERPT_BYTES: Final = 4 * 1024 * 3
"""4 KB, in which each wrong byte may have become a replacement character of three."""
MOST_RETRY_AFTER_SECONDS: Final = 12 * 3_600
FORGOTTEN_AFTER: Final = timedelta(days=90)
"""Retention removes what receivers answered longer ago, of deliveries that have ended."""
ENDED: Final = frozenset({"delivered", "exhausted", "cancelled"})


def check_delivery(
    delivery: Delivery, endpoint: Endpoint | None, *, loopback: bool, written_down: timedelta = WRITTEN_DOWN
) -> Iterator[Difference]:
    """``loopback``: addresses of this machine are allowed too, as in the embedded stack. ``written_down``: how late attempts may be."""
    row, attempts = delivery.row, delivery.attempts
    reopened = row["replayed"]
    yield from check_numbering(row, attempts)
    yield from check_state(row, attempts, endpoint, written_down=written_down)
    yield from check_lease(row)
    yield from check_summary(row, attempts)
    yield from check_ends(row, attempts, written_down=written_down)
    yield from check_waits(attempts, reopened=reopened)
    yield from check_backoffs(attempts, reopened=reopened, waiting=row["status"] == "retrying")
    yield from check_next(row, attempts, reopened=reopened, written_down=written_down)
    for attempt in attempts:
        yield from check_attempt(attempt, loopback=loopback)


def check_numbering(row: Row, attempts: Sequence[Row]) -> Iterator[Difference]:
    numbers = [attempt["attempt_no"] for attempt in attempts]
    first = first_kept(row, attempts)
    if numbers != list(range(first, row["attempts"] + 1)):
        expected, found = f"{first} to {row['attempts']}", short(numbers)
        yield Difference(trouble=Trouble.NUMBERING, what="webhook_attempts", expected=expected, found=found)
    made_before = row["max_attempts"] - TRIES  # by whoever replayed it, who gave it as many tries again
    if not 0 <= made_before <= row["attempts"] <= row["max_attempts"]:
        expected, found = f"{TRIES} more than were made before", f"{row['attempts']} of {row['max_attempts']}"
        yield Difference(trouble=Trouble.BOUND, what="webhook_deliveries.max_attempts", expected=expected, found=found)
    elif made_before and not row["replayed"]:
        expected, found = f"{TRIES}, because nobody replayed it", str(row["max_attempts"])
        yield Difference(trouble=Trouble.BOUND, what="webhook_deliveries.max_attempts", expected=expected, found=found)


def first_kept(row: Row, attempts: Sequence[Row]) -> int:
    """Return the number of the first attempt that must be there still: retention removes old ones from the first on."""
    forgotten_until = datetime.now(UTC) - FORGOTTEN_AFTER
    if row["created_at"] > forgotten_until or not (row["status"] in ENDED or row["replayed"]):
        return 1
    if attempts:
        return attempts[0]["attempt_no"]
    delivered_lately = row["delivered_at"] is not None and row["delivered_at"] > forgotten_until
    return row["attempts"] if delivered_lately else row["attempts"] + 1


def check_state(row: Row, attempts: Sequence[Row], endpoint: Endpoint | None, *, written_down: timedelta) -> Iterator[Difference]:
    """The status is the one that the attempts lead to; who reopens a delivery takes it back to waiting."""
    status, made_before = row["status"], row["max_attempts"] - TRIES
    if row["attempts"] and not attempts and first_kept(row, attempts) > row["attempts"]:
        return  # of what it followed from, nothing is kept any more
    last = attempts[-1]["outcome"] if attempts else None
    successes = sum(attempt["outcome"] in SUCCESSES for attempt in attempts)
    wrong = ""
    if status == "pending" and attempts and not made_before:
        wrong = "no attempt yet"
    elif status == "delivered" and last not in SUCCESSES:
        wrong = "a successful last attempt"
    elif status in {"retrying", "delivering"} and last in SUCCESSES and not made_before:
        wrong = "delivered"
    elif status == "retrying" and not attempts and row["lost_leases"] == 0 and not made_before:
        wrong = "an attempt, or a lost lease"
    elif status == "exhausted" and not is_exhausted(row, attempts, endpoint):
        wrong = "a last retry, a 410, three lost leases or an endpoint that stayed disabled"
    elif status == "cancelled" and (endpoint is None or endpoint.row["status"] != "deleted"):
        wrong = "a deleted endpoint"
    elif status == "retrying" and row["attempts"] >= row["max_attempts"]:
        wrong = "exhausted"
    elif (row["delivered_at"] is not None) != (status == "delivered") and not (made_before and successes):
        wrong = "a time of delivery for what is delivered, and for nothing else"
    elif status == "delivered" and not is_shortly_after(row["delivered_at"], attempts[-1], written_down):
        wrong = "a time of delivery at the end of the last attempt"
    elif successes > 1 + made_before:
        wrong = "one success, and one for each replay"
    if wrong:
        yield Difference(trouble=Trouble.STATE, what="webhook_deliveries.status", expected=wrong, found=f"{status} after {short(last)}")


def is_exhausted(row: Row, attempts: Sequence[Row], endpoint: Endpoint | None) -> bool:
    disabled_at = None if endpoint is None else endpoint.row["disabled_at"]
    for_good = disabled_at is not None and disabled_at <= datetime.now(UTC) - DISABLED_FOR_GOOD
    # enabled again since: nobody can tell any more for how long it had been disabled
    for_good |= endpoint is not None and disabled_at is None and endpoint.row["updated_at"] > row["created_at"]
    return (
        row["attempts"] >= row["max_attempts"]
        or (bool(attempts) and attempts[-1]["outcome"] == "gone")
        or row["last_error_class"] == "timeout"
        or (for_good and row["last_error_class"] == "http_delivery")
        or row["last_error_class"] == "data"
    )


def is_shortly_after(at: datetime, attempt: Row, written_down: timedelta) -> bool:
    """Whether ``at`` is the end of the attempt, give or take what writing it down takes."""
    distance = at - ended_at(attempt)
    return -CLOCKS_APART <= distance <= written_down


def check_lease(row: Row) -> Iterator[Difference]:
    leased = row["lease_token"] is not None
    if leased != (row["leased_until"] is not None):
        yield Difference(trouble=Trouble.LEASE, what="webhook_deliveries.lease_token", expected="both or none", found="one of the two")
    if leased != (row["status"] == "delivering"):
        yield Difference(
            trouble=Trouble.LEASE, what="webhook_deliveries.status", expected="delivering with a lease, and only then", found=row["status"]
        )
    # a claim counts as lost until it is over, and a worker may end while it sets aside what three had lost: one more, each time
    most = {"delivered": 0, "delivering": row["lost_leases"]}.get(row["status"], MOST_LOST_LEASES)
    if not 0 <= row["lost_leases"] <= most:
        yield Difference(
            trouble=Trouble.LEASE,
            what="webhook_deliveries.lost_leases",
            expected="0 to 3, 0 when delivered, more only while delivering",
            found=short(row["lost_leases"]),
        )


def check_summary(row: Row, attempts: Sequence[Row]) -> Iterator[Difference]:
    """The delivery repeats its last attempt, for lists that do not read attempts."""
    last = attempts[-1] if attempts else None
    given_up = row["status"] in {"exhausted", "cancelled"} and row["last_status_code"] is None  # without a further attempt
    if last is not None and row["last_status_code"] != last["status_code"] and not given_up:
        yield Difference(
            trouble=Trouble.SUMMARY,
            what="webhook_deliveries.last_status_code",
            expected=short(last["status_code"]),
            found=short(row["last_status_code"]),
        )
    if last is None and row["last_status_code"] is not None and first_kept(row, attempts) == 1:
        yield Difference(
            trouble=Trouble.SUMMARY, what="webhook_deliveries.last_status_code", expected="nothing", found=short(row["last_status_code"])
        )
    failed = row["status"] in {"retrying", "exhausted"} and last is not None and last["outcome"] not in SUCCESSES
    if failed and row["last_error_class"] is None:
        yield Difference(trouble=Trouble.SUMMARY, what="webhook_deliveries.last_error_class", expected="a class", found="nothing")
    if row["status"] == "delivered" and (row["last_error_class"] is not None or row["last_error"] is not None):
        yield Difference(
            trouble=Trouble.SUMMARY, what="webhook_deliveries.last_error_class", expected="nothing", found=short(row["last_error_class"])
        )


def check_ends(row: Row, attempts: Sequence[Row], *, written_down: timedelta) -> Iterator[Difference]:
    """The first attempt comes after the delivery was made, and an end by a 410 is noted where the next attempt would be."""
    if attempts and attempts[0]["started_at"] < row["created_at"] - CLOCKS_APART:
        yield Difference(
            trouble=Trouble.SCHEDULE,
            what=f"attempt {attempts[0]['attempt_no']}",
            expected=f"after the delivery was made at {row['created_at'].isoformat(timespec='seconds')}",
            found=attempts[0]["started_at"].isoformat(timespec="seconds"),
        )
    gone = row["status"] == "exhausted" and bool(attempts) and attempts[-1]["outcome"] == "gone"
    if gone and not is_shortly_after(row["next_attempt_at"], attempts[-1], written_down):
        yield Difference(
            trouble=Trouble.SCHEDULE,
            what="webhook_deliveries.next_attempt_at",
            expected=f"the end of the last attempt, {ended_at(attempts[-1]).isoformat(timespec='seconds')}",
            found=row["next_attempt_at"].isoformat(timespec="seconds"),
        )


def check_attempt(attempt: Row, *, loopback: bool) -> Iterator[Difference]:
    name, outcome, code = f"attempt {attempt['attempt_no']}", attempt["outcome"], attempt["status_code"]
    if not code_fits(outcome, code):
        yield Difference(trouble=Trouble.OUTCOME, what=name, expected=f"a status that fits {outcome}", found=short(code))
    if (attempt["error"] is None) != (outcome in SUCCESSES):
        yield Difference(trouble=Trouble.OUTCOME, what=f"{name}, error", expected="a sentence for each failure", found=outcome)
    if not 0 <= attempt["duration_ms"] <= MOST_SECONDS * 1_000:
        yield Difference(trouble=Trouble.BOUND, what=f"{name}, duration_ms", expected="0 to 10,000", found=short(attempt["duration_ms"]))
    if (attempt["excerpt_bytes"] or 0) > MOST_EXCERPT_BYTES:
        yield Difference(
            trouble=Trouble.BOUND, what=f"{name}, response_excerpt", expected="4 KB at most", found=f"{attempt['excerpt_bytes']} bytes"
        )
    yield from check_backoff(attempt, name)
    yield from check_address(attempt, name, loopback=loopback)


def code_fits(outcome: str, code: int | None) -> bool:
    if outcome in CODES:
        fits = code is not None and code in CODES[outcome]
        return fits and (outcome != "http_error" or not any(code in CODES[word] for word in ("success", "gone", "redirect")))
    if outcome in UNCONNECTED | CONNECTING:
        return code is None
    return outcome in AFTER_SENDING and (code is None or 100 <= code <= 599)


def check_backoff(attempt: Row, name: str) -> Iterator[Difference]:
    jitter, asked = attempt["jitter_percent"], attempt["retry_after_seconds"]
    if jitter is not None and not -25 <= jitter <= 25:
        yield Difference(trouble=Trouble.BOUND, what=f"{name}, jitter_percent", expected="-25 to 25", found=short(jitter))
    if asked is not None and not 0 <= asked <= MOST_RETRY_AFTER_SECONDS:
        yield Difference(trouble=Trouble.BOUND, what=f"{name}, retry_after_seconds", expected="at most 12 h", found=short(asked))
    if attempt["outcome"] in SUCCESSES and attempt["backoff_seconds"] is not None:
        yield Difference(
            trouble=Trouble.SCHEDULE,
            what=f"{name}, backoff_seconds",
            expected="nothing after a success",
            found=short(attempt["backoff_seconds"]),
        )


def check_address(attempt: Row, name: str, *, loopback: bool) -> Iterator[Difference]:
    address, outcome = attempt["address"], attempt["outcome"]
    if address is None:
        if outcome not in UNCONNECTED:
            yield Difference(trouble=Trouble.ADDRESS, what=name, expected="the address that was connected to", found="nothing")
        return
    if outcome == "blocked":
        return
    found = parsed(address)
    if not (is_public(found) or (loopback and is_loopback(found))):
        yield Difference(trouble=Trouble.ADDRESS, what=name, expected="a public address", found=address)
