"""What is to become of one object, in words: the decision that the night takes, taken now."""

from econsent_jobs.retention_enforcement.model import State, Verdict
from econsent_jobs.retention_enforcement.rules.decision import day, decide
from econsent_jobs.retention_enforcement.tools import Tools


def explain(tools: Tools, name: str) -> list[str]:
    """Return the lines about every object of this name; empty where there is none."""
    store = tools.store
    lines: list[str] = []
    now = store.now(tools.settings.as_of)
    for row in store.rows("find_named_objects", name=name):
        for facts in store.facts(row["company_id"], [row["object_id"]]):
            place = f"{facts.company_id}  {facts.kind} ({facts.backend})  {facts.object_key}"
            lines.append(f"{place}  version {facts.version_id}" if facts.version_id else place)
            if facts.state is State.DELETED:
                lines.append("  deleted: ./econsent retention prove gives the proof.")
                continue
            decision = decide(facts, now=now, grace=tools.settings.grace)
            word = "delete" if decision.verdict is Verdict.DELETE else "keep"
            lines.append(f"  {word}, by {decision.rule}: {decision.sentence}")
            if decision.due_at is not None:
                lines.append(f"  looked at again by itself on {day(decision.due_at)}")
    return lines
