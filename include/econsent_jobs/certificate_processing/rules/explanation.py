"""A certificate's way in dated lines, for a person who asks where it is. Pure: it words what one read of the database saw."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from econsent_jobs.certificate_processing.rules import lifecycle
from econsent_jobs.core.dated_lines import Line, clock_text
from econsent_jobs.core.errors import ErrorClass

ADVICE: Final[Mapping[ErrorClass, str]] = {
    ErrorClass.DATA: "What the page sent cannot become a certificate: tell the customer; retry it only when a missing file is back",
    ErrorClass.INTEGRITY: "Find out who changed the file or the object, and overwrite nothing; retry it only when the right file is back",
    ErrorClass.TIMEOUT: "Read the workers' logs of that time, then retry it",
    ErrorClass.S3_WRITE: "When S3 takes objects again, retry it",
    ErrorClass.DB_CONNECTIVITY: "When PostgreSQL is steady again, retry it",
    ErrorClass.CONFIG: "Set right what the sentence names, then retry it",
    ErrorClass.UNKNOWN: "When the shared file system answers again, retry it",
}
RETRY: Final = "./econsent certificates retry {company_id}/{certificate_pk}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One certificate as one moment saw it. Fields are named after the statement's columns; times are aware UTC.

    ``stored_objects``: kind, key, version_id, state. ``audit_entries``: at (ISO 8601), action, user, details.
    """

    company_id: str
    certificate_pk: int
    certificate_id: str | None
    source: str
    source_ref: str | None
    session_id: str | None
    status: str
    consent_at: datetime
    captured_at: datetime
    issued_at: datetime | None
    signature_key_id: str | None
    finalized_at: datetime | None
    expires_at: datetime | None
    retain_until: datetime | None
    error_class: str | None
    last_error: str | None
    updated_at: datetime
    session_found: bool
    last_chunk_at: datetime | None
    closed_at: datetime | None
    retention_status: str | None
    queued_at: datetime | None
    attempts: int | None
    lost_leases: int | None
    next_attempt_at: datetime | None
    lease_token: UUID | None
    leased_until: datetime | None
    sealed_keys: Sequence[str] | None
    stored_objects: Sequence[Mapping[str, Any]] | None
    audit_entries: Sequence[Mapping[str, Any]] | None
    read_at: datetime


def explain(way: Way) -> list[Line]:
    """Return the steps so far, oldest first, and as the last line where it stands now and what happens next."""
    steps = sorted([*began(way), *entries(way), *sealed(way), *ended(way)], key=lambda line: line.at)
    return [*steps, Line(at=way.read_at, text=stands(way))]


def began(way: Way) -> Iterator[Line]:
    origin = f"session {way.session_id}" if way.session_id is not None else f"{way.source} {way.source_ref}, without a session"
    yield Line(at=way.captured_at, text=f"captured: {origin}; consent given at {clock_text(way.consent_at)}")
    if way.queued_at is not None:
        yield Line(at=way.queued_at, text="queued")
    if way.closed_at is not None:
        yield Line(at=way.closed_at, text="session closed: its recording is complete")


def entries(way: Way) -> Iterator[Line]:
    """What the audit trail says of earlier failures and of persons who put it back."""
    for entry in way.audit_entries or []:
        details: Mapping[str, Any] = entry["details"]
        at = datetime.fromisoformat(entry["at"])
        if entry["action"] == "certificate.requeued":
            left = "; what the failed try had stored stays in the archive until its lock ends" if details.get("abandoned") else ""
            yield Line(at=at, text=f"put back into the queue by {entry['user']}{left}")
        else:
            yield Line(at=at, text=f"failed: {details.get('error_class')}: {details.get('reason')}")


def sealed(way: Way) -> Iterator[Line]:
    if way.issued_at is None:
        return
    until = f"lock until {clock_text(way.retain_until)}" if way.retain_until is not None else "no lock date"
    yield Line(at=way.issued_at, text=f"sealed: {way.certificate_id}, signed by key {way.signature_key_id}, {until}")


def ended(way: Way) -> Iterator[Line]:
    if way.finalized_at is not None:
        yield from (
            Line(at=way.finalized_at, text=f"stored: {stored['kind']} {stored['key']}, version {stored['version_id']}, {stored['state']}")
            for stored in way.stored_objects or []
        )
        if not way.stored_objects:
            yield Line(at=way.finalized_at, text="stored nowhere: its lock date had already passed")
        yield Line(at=way.finalized_at, text=f"finalised; the certificate expires at {clock_text(way.expires_at)}")


def stands(way: Way) -> str:
    """Say in one sentence where it stands and what happens next."""
    if way.status == "failed":
        return failed(way)
    if way.status not in {"pending", "processing"}:
        kept = f"; its session is {way.retention_status}" if way.retention_status else ""
        return f"{'finalised: nothing is left to do' if way.status == 'finalized' else way.status}{kept}"
    if way.next_attempt_at is None:
        return "it waits, but no queue row will ever wake it: tell an engineer, with what ./econsent verify certificate_processing says"
    if way.lease_token is not None and way.leased_until is not None:
        return leased(way, until=way.leased_until)
    return waits(way, due_at=way.next_attempt_at)


def failed(way: Way) -> str:
    advice = (
        ADVICE.get(ErrorClass(way.error_class), "Mend what the sentence names")
        if way.error_class in set(ErrorClass)
        else "Tell an engineer"
    )
    command = RETRY.format(company_id=way.company_id, certificate_pk=way.certificate_pk)
    return f"failed: {way.error_class}: {way.last_error}. {advice}: {command}"


def leased(way: Way, *, until: datetime) -> str:
    worker = f"the worker of lease {str(way.lease_token)[:8]}"
    if until > way.read_at:
        return f"claimed: {worker} holds it until {clock_text(until)}"
    return f"claimed, but the lease ran out at {clock_text(until)}: {worker} died or stands still, and the next run takes it up"


def waits(way: Way, *, due_at: datetime) -> str:
    if way.attempts:
        tried = f"try {way.attempts} of {lifecycle.MOST_ATTEMPTS} failed ({way.error_class}: {way.last_error})"
        step = "its sealed bytes are sent again" if way.status == "processing" else "it is tried again"
        return f"waits: {tried}; {step} {from_then_on(way, due_at)}"
    if way.status == "processing":
        return f"sealed, {len(way.sealed_keys or [])} documents wait to be stored: the next run sends them {from_then_on(way, due_at)}"
    at, reason = ripe(way)
    if at > way.read_at:
        return f"waits: ripe at {clock_text(at)}: {reason}"
    return f"ripe since {clock_text(at)} ({reason}): the next run takes it up {from_then_on(way, due_at)}"


def from_then_on(way: Way, due_at: datetime) -> str:
    return f"at {clock_text(due_at)}" if due_at > way.read_at else "now"


def ripe(way: Way) -> tuple[datetime, str]:
    """Say when it is ripe, as ``lifecycle.ripe_at`` does, and why then."""
    if not way.session_found:
        return way.captured_at, "a source without a session need not wait"
    if way.closed_at is not None:
        return way.captured_at, "the session is closed"
    longest = way.captured_at + lifecycle.LONGEST_WAIT
    if way.last_chunk_at is None:
        return longest, "no chunk of its session has come, and after 30 minutes it is made without more"
    quiet = way.last_chunk_at + lifecycle.QUIET
    if quiet <= longest:
        return quiet, f"the session's last chunk came at {clock_text(way.last_chunk_at)}"
    return longest, f"chunks still come, the last at {clock_text(way.last_chunk_at)}, and after 30 minutes it is made with what there is"
