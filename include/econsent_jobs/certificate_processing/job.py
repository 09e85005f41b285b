"""Finalise pending certificates: once each, provably, oldest first.

1. Claim a batch under a lease; a certificate whose row outlived three workers is quarantined, it may be what kills them.
2. Load the batch. What an earlier try sealed goes straight to step 5; what is not ripe yet is put back until it is.
3. Build the documents of the others, one certificate in hand at a time, from its recording, page and capture.
4. Seal: the exact bytes, their keys and lock date are committed before anything is sent.
5. Store the sealed documents under their locks; what an earlier try left there is read back and adopted.
6. Finalise in one transaction: status, storage rows, webhook events, audit, retention; the search outbox follows by trigger.
7. Write down what went wrong: bad certificates fail with class and sentence, transient trouble backs off.
8. Begin again until nothing is due or the time is up; then count what is left.

It can be killed at any line: what was not sealed is built anew, what was sealed is sent again as it was, what was stored is adopted.
Two runs at once share the queue, and a worker frozen past its lease finds the fence closed.
"""

import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import TypeVar

from econsent_jobs.certificate_processing.model import (
    Built,
    Capture,
    Claim,
    Finalised,
    Key,
    Pending,
    Sealed,
    SealedDocument,
    Stored,
    Trouble,
)
from econsent_jobs.certificate_processing.rules import lifecycle
from econsent_jobs.certificate_processing.rules.capture import read_capture
from econsent_jobs.certificate_processing.rules.documents import Evidence, build
from econsent_jobs.certificate_processing.rules.events import events_of
from econsent_jobs.certificate_processing.store import AuditEntry, Lease
from econsent_jobs.certificate_processing.tools import Tools
from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.collecting import rarely_collected
from econsent_jobs.core.errors import BadItem, ErrorClass, TransientError
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.logs import about
from econsent_jobs.core.results import JobResult
from econsent_jobs.core.text import norm_text

log = logging.getLogger(__name__)

Item = TypeVar("Item")


@dataclass(slots=True, kw_only=True)
class Batch:
    """One claimed batch and what became of it so far: every claim ends in exactly one of the outcomes."""

    lease: Lease
    sealed: list[Sealed] = field(default_factory=list[Sealed])
    finalised: list[Key] = field(default_factory=list[Key])
    unripe: dict[Key, datetime] = field(default_factory=dict[Key, datetime])
    gone: list[Key] = field(default_factory=list[Key])
    troubles: list[Trouble] = field(default_factory=list[Trouble])

    def result(self) -> JobResult:
        """Count the outcomes. Someone else's work by now, and what is not ripe, counts as skipped."""
        final = [trouble for trouble in self.troubles if trouble.final]
        return JobResult(
            examined=len(self.lease.claims),
            changed=len(self.finalised),
            skipped=len(self.lease.claims) - len(self.finalised) - len(self.troubles),
            quarantined=len(final),
            failed=len(self.troubles) - len(final),
            causes=Counter(trouble.error_class for trouble in self.troubles),
        )


@rarely_collected()
def process_certificates(*, tools: Tools, limits: Limits) -> JobResult:
    """Run the job once. Raises TransientError or PermanentError when the run itself cannot go on; nothing is half done then."""
    deadline = tools.clock.monotonic() + limits.run_seconds
    tools.recordings.check()
    result = JobResult()
    while tools.clock.monotonic() < deadline:
        lease = tools.store.claim(limit=limits.batch_size, lease_seconds=tools.settings.lease_seconds)
        if not lease.claims:
            break
        batch = work_on(lease, tools).result()
        log.info(
            "Batch of %d: %d finalised, %d not ripe yet or another worker's, %d failed for good, %d wait for another try",
            *(batch.examined, batch.changed, batch.skipped, batch.quarantined, batch.failed),
        )
        result += batch
        if batch.failed == batch.examined:
            break  # the other side is down: the rest of the queue must not lose its attempts to that
    left = tools.store.backlog()
    return result + JobResult(backlog=left.due, oldest_seconds=left.oldest_seconds)


def work_on(lease: Lease, tools: Tools) -> Batch:
    """Take one batch through steps 1 to 7."""
    batch = Batch(lease=lease)
    poisoned = [claim for claim in lease.claims if claim.lost_leases >= lifecycle.MOST_LOST_LEASES]
    batch.troubles += [poison(claim) for claim in poisoned]
    sound = [claim.key for claim in lease.claims if claim not in poisoned]
    pending = load(batch, sound, tools)
    built = build_all(batch, pending, tools)
    seal(batch, built, tools)
    tools.store.renew(lease, lease_seconds=tools.settings.lease_seconds)
    stored = store(batch, tools)
    finalise(batch, stored, tools)
    write_down_troubles(batch, tools)
    return batch


def load(batch: Batch, keys: Sequence[Key], tools: Tools) -> list[Pending]:
    """Step 2: return what has to be built; the rest is noted in the batch."""
    to_build: list[Pending] = []
    for company_id, group in by_company(keys, key=lambda key: key):
        pks = [key.certificate_pk for key in group]
        found = {pending.key: pending for pending in tools.store.load(company_id, pks)}
        documents = tools.store.load_sealed(company_id, pks)
        for key in group:
            pending = found.get(key)
            if pending is None or pending.status not in {"pending", "processing"}:
                batch.gone.append(key)
            elif pending.status == "processing":
                batch.sealed.append(resume(pending, documents.get(key.certificate_pk, [])))
            elif (ripe_at := lifecycle.ripe_at(pending)) > pending.read_at:
                batch.unripe[key] = ripe_at
            else:
                to_build.append(pending)
    tools.store.postpone(batch.lease, batch.unripe)
    for company_id, group in by_company(batch.gone, key=lambda key: key):
        tools.store.leave_queue(batch.lease, company_id, [key.certificate_pk for key in group])
    return to_build


def build_all(batch: Batch, pending: Sequence[Pending], tools: Tools) -> list[Built]:
    """Step 3: whatever is wrong with one certificate is that certificate's trouble alone."""
    captures = read_captures(batch, pending)
    templates = {
        company_id: tools.store.find_templates(company_id, [disclosure_hash(captures[each.key]) for each in group])
        for company_id, group in by_company([each for each in pending if each.key in captures], key=lambda each: each.key)
    }
    built: list[Built] = []
    before: Key | None = None
    renewed_at = tools.clock.monotonic()
    for each in pending:
        if each.key not in captures:
            continue
        tools.store.take_in_hand(batch.lease, key=each.key, before=before)
        before = each.key
        if tools.clock.monotonic() - renewed_at > tools.settings.lease_seconds / 3:
            tools.store.renew(batch.lease, lease_seconds=tools.settings.lease_seconds)
            renewed_at = tools.clock.monotonic()
        capture = captures[each.key]
        try:
            evidence = replace(gather(each, capture, tools), template=templates[each.key.company_id].get(disclosure_hash(capture)))
            built.append(
                build(
                    evidence,
                    key=tools.settings.signing_key,
                    entropy=secrets.token_hex(16),
                    issued_at=each.read_at,
                    unit=tools.settings.character_unit,
                )
            )
        except (BadItem, TransientError) as error:
            batch.troubles.append(trouble_of(each.key, error))
    if before is not None:
        tools.store.take_in_hand(batch.lease, key=None, before=before)
    return built


def read_captures(batch: Batch, pending: Iterable[Pending]) -> dict[Key, Capture]:
    captures: dict[Key, Capture] = {}
    for each in pending:
        try:
            captures[each.key] = read_capture(each.capture, source=each.source)
        except BadItem as error:
            batch.troubles.append(trouble_of(each.key, error))
    return captures


def gather(pending: Pending, capture: Capture, tools: Tools) -> Evidence:
    """Read recording and page, and detect the language. Raises BadItem, or TransientError when the file system fails."""
    session = pending.session
    if session is None:
        recording, dom = None, None
    else:
        until_ms = int(capture.submitted_at.timestamp() * 1000) if capture.submitted_at else None
        recording, dom = tools.recordings.read(pending, session, until_ms=until_ms), tools.recordings.read_page(pending)
        if session.recording_sha256 is not None and session.recording_sha256 != recording.sha256:
            raise BadItem(
                ErrorClass.INTEGRITY,
                f"the recording's bytes (sha256 {recording.sha256}) are not those of the closed session ({session.recording_sha256})",
            )
    return Evidence(
        pending=pending,
        capture=capture,
        recording=recording,
        dom=dom,
        language=tools.languages.detect(norm_text(capture.disclosure)),
        template=None,
    )


def seal(batch: Batch, built: Sequence[Built], tools: Tools) -> None:
    """Step 4: one transaction a company. When the database refuses a value of one certificate, each is sealed on its own."""
    for company_id, group in by_company(built, key=lambda each: each.sealed.key):
        try:
            batch.sealed += seal_together(batch.lease, company_id, group, tools)
        except BadItem:
            for each in group:
                try:
                    batch.sealed += seal_together(batch.lease, company_id, [each], tools)
                except BadItem as error:
                    batch.troubles.append(trouble_of(each.sealed.key, error))


def seal_together(lease: Lease, company_id: str, group: Sequence[Built], tools: Tools) -> list[Sealed]:
    """Seal one company's certificates; what lost its lease in between is left to whoever has it now. Raises BadItem, nothing kept."""
    pks = [each.sealed.key.certificate_pk for each in group]
    closed = [each.closes for each in group if each.closes]
    with tools.store.transaction():
        tools.store.lock(company_id, session_ids=[each.session_id for each in closed], certificate_pks=pks)
        held = tools.store.hold(lease, company_id, pks)
        ours = [each for each in group if each.sealed.key.certificate_pk in held]
        tools.store.close_sessions(company_id, [each.closes for each in ours if each.closes])
        tools.store.seal(company_id, ours)
    return [each.sealed for each in ours]


def store(batch: Batch, tools: Tools) -> list[Stored]:
    """Step 5."""
    stored: list[Stored] = []
    for outcome in tools.archive.store(batch.sealed).values():
        if isinstance(outcome, Stored):
            stored.append(outcome)
        else:
            batch.troubles.append(outcome)
    return stored


def finalise(batch: Batch, stored: Sequence[Stored], tools: Tools) -> None:
    """Step 6: one transaction a company."""
    for company_id, group in by_company(stored, key=lambda each: each.sealed.key):
        pks = [each.sealed.key.certificate_pk for each in group]
        session_ids = [each.sealed.session_id for each in group if each.sealed.session_id]
        with tools.store.transaction():
            tools.store.lock(company_id, session_ids=session_ids, certificate_pks=pks)
            held = tools.store.hold(batch.lease, company_id, pks)
            finalised = tools.store.finalise(company_id, sorted(held))
            sealed = {each.sealed.key: each.sealed for each in group}
            done = {each.key for each in finalised}
            tools.store.record_objects(company_id, [each for each in group if each.sealed.key in done], bucket=tools.archive.bucket)
            tools.store.publish([event for each in finalised for event in events_of(each)])
            tools.store.audit(company_id, [generated(each, archived=bool(sealed[each.key].documents)) for each in finalised])
            tools.store.retain_sessions(company_id, [each.session_id for each in finalised if each.session_id])
            tools.store.leave_queue(batch.lease, company_id, sorted(held))
        batch.finalised += [each.key for each in finalised]


def write_down_troubles(batch: Batch, tools: Tools) -> None:
    """Step 7: one transaction a company. A transient trouble becomes final with the last attempt."""
    attempts = {claim.key: claim.attempts + 1 for claim in batch.lease.claims}
    batch.troubles = [exhausted(each) if attempts[each.key] >= lifecycle.MOST_ATTEMPTS else each for each in batch.troubles]
    for company_id, group in by_company(batch.troubles, key=lambda each: each.key):
        final = [each.key.certificate_pk for each in group if each.final]
        with tools.store.transaction():
            pks = [each.key.certificate_pk for each in group]
            tools.store.lock(company_id, session_ids=[], certificate_pks=pks)
            held = tools.store.hold(batch.lease, company_id, pks)
            ours = [each for each in group if each.key.certificate_pk in held]
            tools.store.note_errors(company_id, ours)
            tools.store.audit(company_id, [failed(each, batch.lease) for each in ours if each.final])
            tools.store.leave_queue(batch.lease, company_id, [pk for pk in final if pk in held])
            tools.store.back_off(batch.lease, {each.key: lifecycle.retry_delay(attempts[each.key]) for each in ours if not each.final})
        with about(company_id):
            for each in ours:
                state = "failed" if each.final else "waits"
                log.warning("Certificate %s/%d %s: %s: %s", *each.key, state, each.error_class, each.reason)


def resume(pending: Pending, documents: Sequence[SealedDocument]) -> Sealed:
    """What an earlier try sealed, as it was; but a lock date that passed meanwhile cannot be set any more, so then nothing is sent."""
    return Sealed(
        key=pending.key,
        session_id=pending.session.session_id if pending.session else None,
        source=pending.source,
        retain_until=pending.retain_until,
        documents=documents if lifecycle.archivable(pending) else [],
    )


def trouble_of(key: Key, error: BadItem | TransientError) -> Trouble:
    return Trouble(key=key, error_class=error.error_class, reason=error.reason, final=isinstance(error, BadItem))


def poison(claim: Claim) -> Trouble:
    reason = f"{claim.lost_leases} workers ended while this certificate was in hand; it was taken out of the queue for a person to look at"
    return Trouble(key=claim.key, error_class=ErrorClass.TIMEOUT, reason=reason, final=True)


def exhausted(trouble: Trouble) -> Trouble:
    return trouble if trouble.final else replace(trouble, reason=f"{trouble.reason}; {lifecycle.MOST_ATTEMPTS} attempts failed", final=True)


def disclosure_hash(capture: Capture) -> str:
    return sha256_hex(norm_text(capture.disclosure).encode())


def generated(finalised: Finalised, *, archived: bool) -> AuditEntry:
    """Documented action: docs/platform/audit-log. What is archived nowhere says why."""
    details = {
        "certificate_id": finalised.certificate_id,
        "archived": archived,
        **({} if archived else {"reason": "already_expired"}),
    }
    return AuditEntry(certificate_pk=finalised.key.certificate_pk, action="certificate.generated", details=details)


def failed(trouble: Trouble, lease: Lease) -> AuditEntry:
    details = {"certificate_pk": trouble.key.certificate_pk, "error_class": trouble.error_class.value, "reason": trouble.reason}
    return AuditEntry(certificate_pk=trouble.key.certificate_pk, action="certificate.failed", details=details, occasion=f":{lease.token}")


def by_company(items: Iterable[Item], *, key: Callable[[Item], Key]) -> Iterator[tuple[str, list[Item]]]:
    """Group by company, in the lock order: companies by id, certificates by number."""
    ordered = sorted(items, key=key)
    return ((company_id, list(group)) for company_id, group in groupby(ordered, key=lambda item: key(item).company_id))
