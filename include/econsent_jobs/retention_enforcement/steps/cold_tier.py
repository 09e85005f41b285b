"""Step 4: move what nobody looked at for 180 days to the cold tier, where the archive can.

The archive is asked each night. Where it cannot, ``tier`` stays 2 and the log says why. A new version is never written: an object is
tagged, the archive's own lifecycle rule moves it, and the row follows when the archive shows the class.
"""

import logging

from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.model import Facts
from econsent_jobs.retention_enforcement.rules.tiers import COLD_CLASS, is_cold
from econsent_jobs.retention_enforcement.turn import Turn, count

log = logging.getLogger(__name__)


def cold_tier(turn: Turn) -> JobResult:
    result, able = JobResult(), None
    for rows in turn.pages("find_cold", by="object_id"):
        facts = turn.tools.store.facts(turn.company_id, [row["object_id"] for row in rows])
        cold = [each for each in facts if is_cold(each, now=turn.now)]
        able = able or turn.tools.archive.cold_tier()
        if not able.moves:
            log.info("Company %s: %d objects are cold, but %s", turn.company_id, len(cold), able.sentence)
            turn.note_objects(able.sentence, cold)
            return result + count(skipped=len(facts))
        moved = [each for each in cold if cool(turn, each)]
        turn.note_objects("tier 3", moved)
        result += count(changed=len(moved), skipped=len(facts) - len(moved))
    return result


def cool(turn: Turn, facts: Facts) -> bool:
    """Tag one object, and say whether it has moved already: until then its row stays as it is."""
    assert facts.version_id is not None, "an archived object has a version"
    turn.tools.archive.cool(facts.object_key, facts.version_id)
    head = turn.tools.archive.head(facts.object_key, facts.version_id)
    if head is None or head.storage_class != COLD_CLASS:
        return False
    turn.tools.store.run("note_tier", company_id=turn.company_id, object_id=facts.object_id, storage_class=head.storage_class, now=turn.now)
    return True
