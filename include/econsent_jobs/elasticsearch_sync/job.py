"""Bring what changed in PostgreSQL into every index that follows it: revocations first, deletes as tombstones.

1. See to it that there is a live index under both aliases. One that is new, or was lost, is filled by wanting every document again.
2. Claim a batch from the outbox under a lease. A row that three workers lost is tried alone, and set aside when it is lost alone too.
3. Read the targets and the rows of one moment. Beside the reading of the next batch, project them: what counts becomes a document, what
   is gone a tombstone.
4. Send bulks of bounded bytes to every target, several batches at a time, under external versions: no older one overwrites a newer.
5. Look at what was refused as not newer: the same document is a success, so is a newer state's; anything else is drift and is repaired.
6. Close the rows that every target has, unless a newer version is wanted by now; let the others wait, or set them aside with their reason.
7. Begin again, one batch being sent while the next is read, until nothing is due or the time is up.
8. Prove a part of each index against the database, bring in what was found wrong, and remove tombstones that served their time.

It can be killed at any line: what was sent and not closed is sent again and found to be there. A worker that was frozen past its lease
closes nothing, and what it still sends is older than what the index holds.
"""

import logging
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from itertools import groupby

from econsent_jobs.core.collecting import rarely_collected
from econsent_jobs.core.errors import BadItem, ErrorClass, PermanentError
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.logs import about
from econsent_jobs.core.results import JobResult
from econsent_jobs.elasticsearch_sync import drift
from econsent_jobs.elasticsearch_sync.model import (
    SCHEMA_VERSION,
    Answer,
    Batch,
    Document,
    Found,
    Key,
    Lease,
    Result,
    Sent,
    Source,
    Target,
    Trouble,
)
from econsent_jobs.elasticsearch_sync.rules import outcomes
from econsent_jobs.elasticsearch_sync.rules.projection import project
from econsent_jobs.elasticsearch_sync.tools import Tools

log = logging.getLogger(__name__)

BATCHES_AHEAD = 2
"""Batches that are being sent while the next is read: memory holds so many and one more, whatever the backlog."""
FILL_PAGE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One batch on its way."""

    batch: Batch
    sent: Future[Sent]


@dataclass(slots=True, kw_only=True)
class Settled:
    """What became of one batch: every claim ends in exactly one of these, or is someone else's by now."""

    written: list[Key] = field(default_factory=list[Key])
    troubles: list[Trouble] = field(default_factory=list[Trouble])
    skipped: int = 0

    def result(self) -> JobResult:
        final = sum(trouble.final for trouble in self.troubles)
        return JobResult(
            examined=len(self.written) + len(self.troubles) + self.skipped,
            changed=len(self.written),
            skipped=self.skipped,
            quarantined=final,
            failed=len(self.troubles) - final,
            causes=Counter(trouble.error_class for trouble in self.troubles),
        )


@rarely_collected()
def sync_search(*, tools: Tools, limits: Limits) -> JobResult:
    """Run the sync once. Raises TransientError or PermanentError when the run itself cannot go on; nothing is half done then."""
    deadline = tools.clock.monotonic() + limits.run_seconds
    ensure_live_index(tools)
    result = drain(tools, limits, deadline=deadline)
    mended = prove_indices(tools, deadline=deadline)
    if mended:
        result += drain(tools, limits, deadline=deadline)
    left = tools.store.backlog()
    return result + JobResult(backlog=left.due, oldest_seconds=left.oldest_seconds, mended=mended)


def ensure_live_index(tools: Tools) -> None:
    """Step 1. Killed between any two lines, the next run finds what is missing and goes on."""
    with tools.store.transaction():
        tools.store.lock_targets()
        targets = tools.store.targets()
        if not any(target.state == "live" for target in targets):
            name = tools.index.free_name(target.index_name for target in targets)
            tools.store.add_target(name, schema_version=SCHEMA_VERSION, version_epoch=0, state="live")
        for target in tools.store.targets():
            if target.state == "rollback" and target.built_through is not None:
                give_up(target, tools)
            elif not tools.index.exists(target):
                replace_lost(target, tools)
    (live,) = [target for target in tools.store.targets() if target.state == "live"]
    if tools.index.point_aliases(live):
        log.warning("The aliases now name the index %s", live.index_name)
    if live.built_through is not None:
        want_all(live, tools)


def give_up(target: Target, tools: Tools) -> None:
    """An index that was lost, and no longer live before it was full again, would show a part of the certificates after a rollback."""
    log.warning("The index %s, kept for a rollback, is not full; it is given up", target.index_name)
    tools.store.drop_target(target.index_name)
    tools.index.delete(target.index_name)


def replace_lost(target: Target, tools: Tools) -> None:
    """An index that is gone is filled anew; one that was only kept for a rollback is of no use any more."""
    if target.state == "rollback":
        log.warning("The index %s, kept for a rollback, is not there; it is given up", target.index_name)
        tools.store.drop_target(target.index_name)
        return
    log.warning("The index %s is not there; it is created and filled anew", target.index_name)
    tools.index.create(target.index_name)
    tools.store.note_progress(target.index_name, "")


def want_all(target: Target, tools: Tools) -> None:
    """Want every document, from where an earlier run was stopped. Those that are wanted already keep their place in the queue."""
    company_after, _, pk_after = (target.built_through or "").rpartition(":")
    last_pk = int(pk_after or 0)
    companies = [company_after] if company_after else []
    while companies := companies or tools.store.companies(after=company_after, most=1_000):
        for company_id in companies:
            company_after = company_id
            while pks := tools.store.page(company_id, after=last_pk, most=FILL_PAGE):
                last_pk = pks[-1]
                with tools.store.transaction():
                    tools.store.enqueue(company_id, pks)
                    tools.store.note_progress(target.index_name, Key(company_id, last_pk).document_id)
            last_pk = 0
        companies = []
    tools.store.note_progress(target.index_name, None)


def drain(tools: Tools, limits: Limits, *, deadline: float) -> JobResult:
    """Steps 2 to 7."""
    result = JobResult()
    going: deque[Sending] = deque()
    with tools.open_senders(tools.settings.bulks_in_flight) as pool:
        while True:
            batch = None
            if tools.clock.monotonic() < deadline:
                batch = take(tools, limits.batch_size)
            if batch is not None:
                going.append(start_sending(batch, tools, pool))
            if not going:
                break
            if batch is None or len(going) > BATCHES_AHEAD:
                settled = settle(going.popleft(), tools)
                result += settled
                if settled.examined and settled.failed == settled.examined:
                    deadline = 0.0  # the other side is down: the rest of the outbox must not be dragged through that
    return result


def prove_indices(tools: Tools, *, deadline: float) -> Counter[str]:
    """Step 8, for every index that is full. Return the kinds of what was found wrong and is repaired, counted."""
    mended: Counter[str] = Counter()
    for target in tools.store.targets():
        if target.built_through is None and target.state != "building":
            report = drift.prove_share(target, tools, deadline=deadline)
            log.log(logging.WARNING if report.kinds else logging.INFO, "%s: %s", target.index_name, report)
            mended.update(report.kinds)
            drift.purge(target, tools)
    return mended


def take(tools: Tools, limit: int) -> Batch | None:
    """Steps 2 and 3: claim and read. None when nothing is due."""
    claimed_at = tools.clock.monotonic()
    lease = tools.store.claim(limit=limit, lease_seconds=tools.settings.lease_seconds)
    if not lease.claims:
        return None
    lease, troubles = set_suspects_apart(lease, tools)
    lost = {trouble.key for trouble in troubles}
    rows: dict[Key, Source | None] = {claim.key: None for claim in lease.claims if claim.key not in lost}
    with tools.store.snapshot():
        targets = tools.store.targets()
        for company_id, keys in by_company(rows):
            rows |= {Key(company_id, row.certificate_pk): row for row in tools.store.load(company_id, [key.certificate_pk for key in keys])}
    return Batch(lease=lease, deadline=claimed_at + tools.settings.lease_seconds, targets=targets, rows=rows, troubles=troubles)


def set_suspects_apart(lease: Lease, tools: Tools) -> tuple[Lease, list[Trouble]]:
    """A row that keeps being lost may be what kills its workers, so it is tried alone; one that was lost alone too is set aside."""
    suspects = [claim for claim in lease.claims if claim.lost_leases >= outcomes.MOST_LOST_LEASES]
    if not suspects:
        return lease, []
    alone = suspects[0]
    tools.store.release(lease, [claim.key for claim in lease.claims if claim is not alone])
    if alone.lost_leases == outcomes.MOST_LOST_LEASES:
        return replace(lease, claims=[alone]), []
    reason = f"{alone.lost_leases} workers ended while they held this document, the last one with no other in hand"
    return replace(lease, claims=[alone]), [Trouble(key=alone.key, error_class=ErrorClass.TIMEOUT, reason=reason, final=True)]


def start_sending(batch: Batch, tools: Tools, pool: Executor) -> Sending:
    """Step 4, beside whatever follows."""
    return Sending(batch=batch, sent=pool.submit(send_batch, batch, tools))


def send_batch(batch: Batch, tools: Tools) -> Sent:
    """Project and send, in the order of the claim, so that what is urgent is in the first bulk. It asks no database."""
    documents: dict[Key, Document] = {}
    troubles: list[Trouble] = []
    for claim in batch.lease.claims:
        if claim.key in batch.rows:
            row = batch.rows[claim.key]
            try:
                documents[claim.key] = project(claim.key, row, row_version=claim.wanted_version, indexed_at_ms=batch.lease.claimed_at_ms)
            except BadItem as error:
                troubles.append(Trouble(key=claim.key, error_class=error.error_class, reason=error.reason, final=True))
    bulks = tools.index.split(list(documents.values()))
    if tools.clock.monotonic() > batch.deadline:
        bulks = []  # frozen past the lease: someone else sends these
    answers = [(target, tools.index.send(target, bulk)) for bulk in bulks for target in batch.targets]
    return Sent(documents=documents, troubles=troubles, answers=answers)


def settle(sending: Sending, tools: Tools) -> JobResult:
    """Steps 5 and 6, for one batch whose bulks are answered. Raises PermanentError, the rows given back, when nothing can be sent."""
    batch = sending.batch
    try:
        sent = sending.sent.result()
        conflicts = look_at_conflicts(sent, tools)
    except PermanentError:
        tools.store.release(batch.lease, [claim.key for claim in batch.lease.claims])
        raise
    worst: dict[Key, Answer] = {}
    for target, found in sent.answers:
        for key, answer in found.items():
            judged = conflicts.get((target.index_name, key), answer)
            if judged.result is not Result.WRITTEN:
                worst[key] = judged
            else:
                worst.setdefault(key, judged)
    attempts = {claim.key: claim.attempts + 1 for claim in batch.lease.claims}
    settled = Settled(written=[key for key, answer in worst.items() if answer.result is Result.WRITTEN])
    refused = [trouble_of(key, answer, attempts[key]) for key, answer in worst.items() if answer.reason]
    settled.troubles = [*batch.troubles, *sent.troubles, *refused]
    settled.skipped = len(batch.lease.claims) - len(settled.written) - len(settled.troubles)
    write_down(batch, sent, settled, attempts, tools)
    return settled.result()


def look_at_conflicts(sent: Sent, tools: Tools) -> dict[tuple[str, Key], Answer]:
    """Step 5: judge every 409. What is drift is repaired here and counted as not now, so that the row stays until the repair is in."""
    judged: dict[tuple[str, Key], Answer] = {}
    for target, found in sent.answers:
        keys = [key for key, answer in found.items() if answer.result is Result.CONFLICT]
        if not keys:
            continue
        present = tools.index.look(target, keys)
        versions = {
            Key(company_id, pk): version
            for company_id, group in by_company(keys)
            for pk, version in tools.store.row_versions(company_id, [key.certificate_pk for key in group]).items()
        }
        for key in keys:
            meaning = outcomes.judge_conflict(sent.documents[key], target, present.get(key), row_version_now=versions.get(key))
            if meaning is None:
                judged[target.index_name, key] = repair(sent.documents[key], target, present[key], gone=key not in versions, tools=tools)
            else:
                reason = "" if meaning is Result.WRITTEN else why_busy(present.get(key))
                judged[target.index_name, key] = Answer(result=meaning, reason=reason)
    return judged


def why_busy(found: Found | None) -> str:
    """Say what kept a document out that is not in the index under this version, nor under a newer one."""
    if found is None:  # somebody removed it past the job, and Elasticsearch remembers under which version for a minute
        return "it was removed from the index a moment ago, which the index holds against it for a minute"
    return "the index changed while it was looked at"


def repair(document: Document, target: Target, found: Found, *, gone: bool, tools: Tools) -> Answer:
    """Make the next try win: by a newer epoch where the index is newer than the database, else by raising the row's version.

    A row that is gone has no version to raise: its document gets a tombstone over it at once.
    """
    if gone:
        tools.index.bury(target, {document.key: found})
        reason = "the index held something else of a certificate that is gone; a tombstone is written over it"
    elif found.version > target.version_of(document.row_version):
        tools.store.raise_epoch(target.index_name, outcomes.epoch_after(found.version))
        reason = "the index was newer than the database; it is written over"
    else:
        tools.store.touch(document.key.company_id, [document.key.certificate_pk])
        reason = "the index held other content under this version; it is written over"
    return Answer(result=Result.BUSY, error_class=ErrorClass.INTEGRITY, reason=reason)


def trouble_of(key: Key, answer: Answer, attempts: int) -> Trouble:
    """Return the trouble of a document; one that the index refuses is set aside with its last attempt."""
    final = answer.result is Result.REFUSED and attempts >= outcomes.MOST_ATTEMPTS
    return Trouble(key=key, error_class=answer.error_class, reason=answer.reason, final=final)


def write_down(batch: Batch, sent: Sent, settled: Settled, attempts: Mapping[Key, int], tools: Tools) -> None:
    """Step 6, in one transaction."""
    versions = {key: sent.documents[key].row_version for key in settled.written}
    wanted = {claim.key: claim.wanted_version for claim in batch.lease.claims}
    age_seconds = tools.clock.monotonic() - (batch.deadline - tools.settings.lease_seconds)
    named = {*versions, *(trouble.key for trouble in settled.troubles)}
    with tools.store.transaction():
        if tools.store.close(batch.lease, {key: max(version, wanted[key]) for key, version in versions.items()}) < len(versions):
            tools.store.free(batch.lease, settled.written, age_seconds=age_seconds)
        if len(named) < len(wanted):
            tools.store.release(batch.lease, [key for key in wanted if key not in named])
        if settled.troubles:
            tools.store.back_off(batch.lease, [(trouble, outcomes.retry_delay(attempts[trouble.key])) for trouble in settled.troubles])
    for trouble in settled.troubles:
        state = "is set aside" if trouble.final else "waits"
        with about(trouble.key.company_id):
            log.warning("Document %s %s: %s: %s", trouble.key.document_id, state, trouble.error_class, trouble.reason)


def by_company(keys: Iterable[Key]) -> Iterator[tuple[str, list[Key]]]:
    """Group by company, each statement naming one."""
    return ((company_id, list(group)) for company_id, group in groupby(sorted(keys), key=lambda key: key.company_id))
