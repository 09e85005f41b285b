"""What the mass-delete guard refused, and what a second person said about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from econsent_jobs.core.errors import ErrorClass, PermanentError
from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.rules.decision import POLICY_SETTLED
from econsent_jobs.retention_enforcement.store import AuditEntry, PostgresStore
from econsent_jobs.retention_enforcement.turn import count


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One company's refused deletions, with the numbers."""

    company_id: str
    name: str
    selected: int
    gone_today: int
    whole: int
    sentence: str


def asked(store: PostgresStore, *, run_id: str) -> Sequence[Question]:
    """Return what waits for an answer since this run."""
    return [Question(**row) for row in store.rows("list_mass_deletions", run_id=run_id)]


def answer(store: PostgresStore, *, run_id: str, approved: Sequence[str], by: str, started_by: str | None) -> JobResult:
    """Write down what was approved, refuse the rest, and audit both.

    Raises PermanentError (config) where ``by`` would approve a run of their own, or what follows from settings that they changed within
    the days in which the guard counts: the question stays open, and so refused.
    """
    if approved and started_by is not None and by == started_by:
        reason = f"{by} started this run and cannot approve its deletions: ask a second person and clear this task"
        raise PermanentError(ErrorClass.CONFIG, reason)
    own = store.rows("find_changed_by", company_ids=list(approved), by=by, within_days=POLICY_SETTLED.days)
    if own:
        names = ", ".join(row["company_id"] for row in own)
        reason = f"{by} changed the settings of {names} within {POLICY_SETTLED.days} days and cannot approve what follows from that"
        raise PermanentError(ErrorClass.CONFIG, f"{reason}: ask a second person and clear this task")
    questions = asked(store, run_id=run_id)
    yes = [question.company_id for question in questions if question.company_id in approved]
    no = [question.company_id for question in questions if question.company_id not in approved]
    for decision, company_ids in (("approved", yes), ("refused", no)):
        with store.transaction():
            more = {"run_id": run_id, "company_ids": company_ids, "decision": decision, "decided_by": by}
            for row in store.rows("answer_mass_deletions", **more):
                details = {name: row[name] for name in ("selected", "gone_today", "whole")}
                action = f"retention.mass_deletion_{'approved' if decision == 'approved' else 'declined'}"
                key = f"retention:mass_deletion:{row['company_id']}:{run_id}:answered"
                entry = AuditEntry(action=action, category="organization", details=details, dedupe_key=key)
                store.audit(row["company_id"], [entry], user=by)
    return count(changed=len(yes), skipped=len(no))
