"""The second of two phases: what is marked, and still due when it is looked at again, is deleted, version by version.

1. Take the company's batch lock: whoever places a hold waits for it, and from the hold's commit on nothing that it covers is deleted.
2. Load a batch of marks whose time has come, at most 1,000 and as many as the archive deletes within seconds, with all that decides about
   them, and decide again: a hold, a claim or a retention wins.
3. Take the mark off what is kept after all, unless a worker that died had deleted it; leave what the mass-delete guard refuses, and ask.
4. Delete the versions at once, and the files; what is refused is looked at one by one.
5. Close the rows and write a tombstone for each into the log, in the transaction that holds the lock.
6. List what is left under the deleted keys: nothing may be.

It can be killed at any line: a version that is gone already is deleted again without harm, and its tombstone is written once.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from econsent_jobs.core.errors import BadItem, ErrorClass, TransientError
from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement import log as tombstone_log
from econsent_jobs.retention_enforcement.model import Backend, Decision, Facts, Refusal, Rule, Verdict
from econsent_jobs.retention_enforcement.rules import guard, pace
from econsent_jobs.retention_enforcement.store import AuditEntry, Page
from econsent_jobs.retention_enforcement.turn import Turn, count

log = logging.getLogger(__name__)

Gone = tuple[Facts, Rule]


@dataclass(slots=True, kw_only=True)
class Batch:
    """What became of one batch. ``last_key`` None: there was none, or another run has the company."""

    last_key: str | None = None
    full: bool = False
    gone: list[Gone] = field(default_factory=list[Gone])
    skipped: int = 0
    refused: list[Refusal] = field(default_factory=list[Refusal])

    def result(self) -> JobResult:
        busy = sum(refusal.transient for refusal in self.refused)
        causes = Counter({ErrorClass.S3_WRITE: busy, ErrorClass.INTEGRITY: len(self.refused) - busy})
        return count(
            changed=len(self.gone),
            skipped=self.skipped,
            failed=busy,
            quarantined=len(self.refused) - busy,
            causes={cause: number for cause, number in causes.items() if number},
        )


def purge(turn: Turn, *, marked_by: str | None = None) -> JobResult:
    """Delete a company's due marks, those of one step or all. Raises TransientError when a whole request failed: nothing is half done."""
    result, after, size = JobResult(), "", pace.FIRST
    while turn.in_time():
        began = turn.tools.clock.monotonic()
        with turn.tools.store.transaction():
            batch = purge_batch(turn, after=after, marked_by=marked_by, size=size)
        size = pace.next_size(size, seconds=turn.tools.clock.monotonic() - began)
        result += batch.result() + check_gone(turn, batch.gone)
        if batch.last_key is None or not batch.full:
            break
        after = batch.last_key
    return result


def purge_batch(turn: Turn, *, after: str, marked_by: str | None, size: int) -> Batch:
    """Steps 1 to 5, in the caller's transaction."""
    store = turn.tools.store
    if not store.lock_company(turn.company_id):
        log.info("Company %s: another run, or a hold that is being placed, has it in hand", turn.company_id)
        return Batch()
    page = Page(company_id=turn.company_id, now=turn.now, after=after, size=size)
    found = store.find("find_marked", page, marked_by=marked_by)
    if not found:
        return Batch()
    batch = Batch(last_key=found[-1]["object_key"], full=len(found) == size)
    facts = store.facts(turn.company_id, store.lock_objects(turn.company_id, [row["object_id"] for row in found]))
    decided = [(each, turn.decide(each)) for each in facts]
    kept = [each for each, decision in decided if decision.verdict is Verdict.KEEP]
    lost = [each for each in kept if is_gone(turn, each)]
    keep(turn, [each for each in kept if each not in lost])
    due = allowed(turn, [pair for pair in decided if pair[1].verdict is Verdict.DELETE])
    batch.refused = delete(turn, [each for each, _ in due])
    refused = {refusal.object_id: refusal.reason for refusal in batch.refused}
    store.refuse(turn.company_id, refused)
    batch.gone = [(each, decision.rule) for each, decision in due if each.object_id not in refused]
    batch.gone += [(each, each.mark_rule or Rule.DEFAULT) for each in lost]
    tombstone_log.append(store, turn.company_id, batch.gone, run_id=turn.tools.settings.run_id)
    for rule in Rule:
        turn.note_objects(f"delete {rule}", [each for each, by in batch.gone if by is rule])
    batch.skipped = len(facts) - len(batch.gone) - len(batch.refused)
    return batch


def is_gone(turn: Turn, facts: Facts) -> bool:
    """Whether an earlier worker deleted it and died before it could say so: then it cannot be kept any more, only be told of."""
    if facts.backend is Backend.EFS:
        return not turn.files.is_there(facts.object_key)
    return turn.tools.archive.head(facts.object_key, facts.version_id or "") is None


def keep(turn: Turn, facts: Sequence[Facts]) -> None:
    """What has to be kept after all loses its mark: a later one begins its grace anew."""
    ids = [each.object_id for each in facts if each.object_id is not None]
    if ids:
        turn.tools.store.unmark(turn.company_id, ids)
        turn.note_objects("keep", facts)


def allowed(turn: Turn, due: Sequence[tuple[Facts, Decision]]) -> Sequence[tuple[Facts, Decision]]:
    """Leave out what the mass-delete guard refuses, and ask a second person about it, once a company and day."""
    if not any(facts.guarded for facts, _ in due):
        return due
    store = turn.tools.store
    numbers = store.one("count_guarded", company_id=turn.company_id, now=turn.now)
    verdict = guard.check(**numbers)
    if not verdict.sentence:
        return due
    asked = {name: numbers[name] for name in ("selected", "gone_today", "whole")}
    run_id = turn.tools.settings.run_id
    if store.rows("ask_mass_deletion", company_id=turn.company_id, now=turn.now, run_id=run_id, sentence=verdict.sentence, **asked):
        log.warning("Company %s: %s", turn.company_id, verdict.sentence)
        key = f"retention:mass_deletion:{turn.company_id}:{turn.now.date()}:asked"
        turn.audit([AuditEntry(action="retention.mass_deletion_refused", category="organization", details=asked, dedupe_key=key)])
    turn.note_objects("refused by the guard", [facts for facts, _ in due if facts.guarded])
    return [pair for pair in due if not pair[0].guarded]


def delete(turn: Turn, due: Sequence[Facts]) -> list[Refusal]:
    """Delete versions and files and return what was refused, one by one. Raises TransientError when the whole request failed.

    A worker that was frozen has lost its locks, and a hold may have come: so it asks before it deletes. Where it is frozen in between,
    the archive's own hold still stands.
    """
    turn.tools.store.beat()
    archived = {(each.object_key, each.version_id or ""): each for each in due if each.backend is Backend.S3}
    refused: list[Refusal] = []
    for version, undeleted in turn.tools.archive.delete(list(archived)).items():
        facts = archived.get(version)
        if facts is not None and facts.object_id is not None:
            reason = f"the archive refused to delete this version ({undeleted.code})"
            refused.append(Refusal(object_id=facts.object_id, reason=reason, transient=undeleted.busy))
            log.warning("Company %s: %s: %s", turn.company_id, facts.object_key, reason)
    removed = [remove(turn, each) for each in due if each.backend is Backend.EFS]
    return refused + [refusal for refusal in removed if refusal is not None]


def remove(turn: Turn, facts: Facts) -> Refusal | None:
    """Remove one file; a trouble is that file's alone."""
    assert facts.object_id is not None, "a file is removed only when it has its row"
    turn.tools.store.beat()
    try:
        turn.files.remove(facts.object_key)
    except (BadItem, TransientError) as error:
        log.warning("Company %s: %s", turn.company_id, error.reason)
        return Refusal(object_id=facts.object_id, reason=error.reason, transient=isinstance(error, TransientError))
    return None


def check_gone(turn: Turn, gone: Sequence[Gone]) -> JobResult:
    """Step 6: a version that is still listed under a deleted key is an incident, told and counted."""
    keys = [facts.object_key for facts, _ in gone if facts.backend is Backend.S3]
    left = turn.tools.archive.left_of(keys)
    if not left:
        return JobResult()
    for version in left:
        log.error("Company %s: version %s of %s is still there", turn.company_id, version.version_id, version.key)
    details = [{"object_key": version.key, "version_id": version.version_id} for version in left]
    turn.audit(
        [
            AuditEntry(
                action="retention.version_left",
                category="organization",
                details=detail,
                dedupe_key=f"retention:version_left:{detail['object_key']}:{detail['version_id']}",
            )
            for detail in details
        ]
    )
    return count(quarantined=len(left), causes={ErrorClass.INTEGRITY: len(left)})
