"""Why a delivery stands where it stands, in one line for each thing that happened and one for what happens next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from econsent_jobs.core.dated_lines import Line
from econsent_jobs.webhook_delivery_retry.model import SUCCESSES, Outcome

WORDS: Final = {
    Outcome.HTTP_ERROR: "an HTTP error",
    Outcome.GONE: "410, gone",
    Outcome.REDIRECT: "a redirect",
    Outcome.BLOCKED: "a blocked address",
    Outcome.DNS: "a DNS error",
    Outcome.DNS_TIMEOUT: "a DNS time-out",
    Outcome.CONNECT: "a connection error",
    Outcome.CONNECT_TIMEOUT: "a time-out of the connection",
    Outcome.TLS: "a TLS error",
    Outcome.TLS_NAME: "a TLS certificate for another name",
    Outcome.TLS_EXPIRED: "an expired TLS certificate",
    Outcome.TLS_UNTRUSTED: "an untrusted TLS certificate",
    Outcome.TLS_TIMEOUT: "a time-out of the TLS handshake",
    Outcome.NO_ANSWER: "no answer in time",
    Outcome.SLOW_BODY: "an answer that did not end in time",
    Outcome.HEADERS_TOO_LARGE: "headers that are too large",
    Outcome.INVALID_HTTP: "an invalid answer",
    Outcome.RESET: "a broken connection",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One row of ``webhook_attempts``."""

    attempt_no: int
    started_at: datetime
    duration_ms: int
    outcome: Outcome
    status_code: int | None
    resolved_ip: str | None
    error: str | None
    backoff_seconds: int | None
    jitter_percent: int | None
    retry_after_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A delivery, its event and its endpoint, as they stand ``read_at``."""

    event_type: str
    subject_id: str | None
    occurred_at: datetime
    endpoint_id: str
    endpoint_status: str
    circuit: str
    circuit_until: datetime | None
    consecutive_failures: int
    paused_until: datetime | None
    disabled_at: datetime | None
    status: str
    attempts: int
    max_attempts: int
    next_attempt_at: datetime
    last_error_class: str | None
    last_error: str | None
    created_at: datetime
    read_at: datetime


def explain(way: Way, attempts: Sequence[Attempt]) -> list[Line]:
    """Tell a delivery's way, oldest first; the last line says what happens next. Nothing of the consumer is in it."""
    subject = f" of {way.subject_id}" if way.subject_id else ""
    lines = [
        Line(at=way.occurred_at, text=f"{way.event_type}{subject} occurred"),
        Line(at=way.created_at, text=f"queued for {way.endpoint_id}"),
        *(Line(at=attempt.started_at, text=attempt_text(attempt)) for attempt in attempts),
    ]
    return [*lines, Line(at=way.read_at, text=next_text(way, attempts))]


def attempt_text(attempt: Attempt) -> str:
    to = f" at {attempt.resolved_ip}" if attempt.resolved_ip else ""
    ended = f"{attempt.outcome}{f' {attempt.status_code}' if attempt.status_code else ''}"
    return f"attempt {attempt.attempt_no}{to}: {ended} after {attempt.duration_ms} ms{f' ({attempt.error})' if attempt.error else ''}"


def next_text(way: Way, attempts: Sequence[Attempt]) -> str:
    """Say what happens next, and why then."""
    match way.status:
        case "delivered":
            return "delivered"
        case "cancelled":
            return "cancelled: the endpoint was deleted"
        case "exhausted":
            return f"a dead letter ({way.last_error_class}: {way.last_error}); ./econsent webhooks replay puts it back"
        case "delivering":
            return f"in hand; if its worker was lost it is due again at {short(way.next_attempt_at, way.read_at)}"
        case _:
            return waiting_text(way, attempts)


def waiting_text(way: Way, attempts: Sequence[Attempt]) -> str:
    last = attempts[-1] if attempts else None
    due = f"next attempt at {short(way.next_attempt_at, way.read_at)}" if way.next_attempt_at > way.read_at else "due now"
    reason = f" because {cause_text(last, way)}" if last is not None and last.outcome not in SUCCESSES else ""
    held = held_text(way)
    return f"{due}{reason}{f'; but {held}' if held else ''}"


def cause_text(last: Attempt, way: Way) -> str:
    ended_at = last.started_at + timedelta(milliseconds=last.duration_ms)
    told = f"attempt {last.attempt_no} failed with {WORDS.get(last.outcome, last.outcome)} at {short(ended_at, way.read_at)}"
    if last.retry_after_seconds is not None:
        return f"{told}: the receiver asked for {duration(last.retry_after_seconds)}, +{last.jitter_percent} %"
    if last.backoff_seconds is None:
        return told
    return f"{told}: {duration(last.backoff_seconds)} backoff, {last.jitter_percent:+d} % jitter"


def held_text(way: Way) -> str | None:
    """Say what keeps a delivery that is due from being sent, None if nothing does."""
    if way.endpoint_status != "enabled":
        since = f" since {short(way.disabled_at, way.read_at)}" if way.disabled_at else ""
        return f"the endpoint is {way.endpoint_status}{since}, and keeps its queue until it is enabled again"
    if way.paused_until is not None and way.paused_until > way.read_at:
        return f"the endpoint is paused until {short(way.paused_until, way.read_at)}"
    if way.circuit != "closed" and way.circuit_until is not None and way.circuit_until > way.read_at:
        until = short(way.circuit_until, way.read_at)
        return f"the endpoint's circuit is {way.circuit} until {until}: {way.consecutive_failures} failures in a row"
    return None


def duration(seconds: int) -> str:
    """Return ``8 min``, ``12 h`` or ``45 s``."""
    if seconds >= 3_600 and seconds % 3_600 == 0:
        return f"{seconds // 3_600} h"
    return f"{seconds // 60} min" if seconds >= 60 and seconds % 60 == 0 else f"{seconds} s"


def short(at: datetime, now: datetime) -> str:
    """Return the time of day, and the date where it is not today."""
    return f"{at:%H:%M}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M}"
