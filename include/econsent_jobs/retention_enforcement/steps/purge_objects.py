"""Step 7: delete what has been marked for long enough, and finish the certificates and sessions of which nothing is left."""

from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.erasing import erase
from econsent_jobs.retention_enforcement.holding import follow_holds
from econsent_jobs.retention_enforcement.purging import purge
from econsent_jobs.retention_enforcement.turn import Turn


def purge_objects(turn: Turn) -> JobResult:
    follow_holds(turn)
    result = purge(turn)
    finish(turn)
    return result


def finish(turn: Turn) -> None:
    """Nothing is stored of them any more: certificates become ``deleted`` and lose their personal data, sessions follow."""
    for rows in turn.pages("find_finished", by="certificate_pk"):
        with turn.tools.store.transaction():
            erased = erase(turn, [row["certificate_pk"] for row in rows], session_ids=[], deleted=True)
        turn.note("finish", objects=len(erased))
    turn.tools.store.rows("finish_sessions", company_id=turn.company_id, now=turn.now)
