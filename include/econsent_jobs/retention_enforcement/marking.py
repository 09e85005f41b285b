"""The first of two phases: what is due gets its mark, by the one decision function, in the transaction that looked."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from econsent_jobs.retention_enforcement.model import Decision, Facts, Rule, Verdict
from econsent_jobs.retention_enforcement.rules.decision import is_guarded
from econsent_jobs.retention_enforcement.turn import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """``marked``: now, or by an earlier run. ``kept``: everything else."""

    marked: Sequence[Facts] = field(default_factory=list[Facts])
    kept: Sequence[Facts] = field(default_factory=list[Facts])


def mark(turn: Turn, object_ids: Sequence[int]) -> Marked:
    """Decide about objects and mark those that are due. To be called in a transaction; what another run has in hand is left to it."""
    store = turn.tools.store
    facts = store.facts(turn.company_id, store.lock_objects(turn.company_id, object_ids))
    decided = [(each, turn.decide(each)) for each in facts]
    due = [
        (each, decision, is_guarded(each, rule=decision.rule, now=turn.now))
        for each, decision in decided
        if decision.verdict is Verdict.MARK or is_overtaken(each, decision)
    ]
    done = set(store.mark(turn.company_id, due, now=turn.now, step=turn.step))
    for rule in Rule:
        turn.note_objects(f"mark {rule}", [each for each, decision, _ in due if decision.rule is rule and each.object_id in done])
    fresh = [each for each, _, _ in due if each.object_id in done]
    waiting = [each for each, decision in decided if decision.verdict in {Verdict.WAIT, Verdict.DELETE} and each.object_id not in done]
    ours = {each.object_id for each in [*waiting, *fresh]}
    return Marked(marked=[*fresh, *waiting], kept=[each for each in facts if each.object_id not in ours])


def is_overtaken(facts: Facts, decision: Decision) -> bool:
    """Whether an erasure was asked for while another mark's grace is running: what somebody asked to be erased waits for no grace."""
    return decision.verdict is Verdict.DELETE and decision.rule is Rule.ERASURE_REQUEST and facts.mark_rule is not Rule.ERASURE_REQUEST
