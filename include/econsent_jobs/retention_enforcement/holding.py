"""Legal holds: the rows are the truth, and the archive's own hold on each version is the second barrier."""

import logging

from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.model import Backend, Facts
from econsent_jobs.retention_enforcement.turn import Turn, count

log = logging.getLogger(__name__)


def follow_holds(turn: Turn) -> JobResult:
    """Hold in the archive what is covered by now, and lift it from what is not any more."""
    store, result = turn.tools.store, JobResult()
    if not store.one("has_holds", company_id=turn.company_id)["any_hold"]:
        return result
    for rows in turn.pages("find_company_objects", by="object_id"):
        facts = store.facts(turn.company_id, [row["object_id"] for row in rows])
        archived = [each for each in facts if each.backend is Backend.S3]
        to_hold = [each for each in archived if each.holds and each.held_at is None]
        to_free = [each for each in archived if not each.holds and each.held_at is not None]
        put(turn, to_hold, on=True)
        put(turn, to_free, on=False)
        turn.note_objects("hold", to_hold)
        turn.note_objects("free", to_free)
        result += count(changed=len(to_hold) + len(to_free), skipped=len(rows) - len(to_hold) - len(to_free))
    return result


def put(turn: Turn, facts: list[Facts], *, on: bool) -> None:
    """The archive first, the row afterwards: a kill in between leads to the same request again."""
    for each in facts:
        assert each.version_id is not None, "an archived object has a version"
        turn.tools.archive.hold(each.object_key, each.version_id, on=on)
    if facts:
        ids = [each.object_id for each in facts]
        turn.tools.store.run("note_holds", company_id=turn.company_id, object_ids=ids, is_held=on, now=turn.now)
