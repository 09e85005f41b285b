"""Step 10: companies that have been closing for 30 days. What is unlocked goes now, the rest as its lock ends; then they are closed.

1. Expire and mark everything that no hold covers, and delete what is unlocked, under the mass-delete guard as always.
2. Erase personal data; rows stay.
3. Closed when nothing is left in the archive, on the shared file system and on its way to the index, and the index was proven whole since.
"""

from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.erasing import erase
from econsent_jobs.retention_enforcement.marking import mark
from econsent_jobs.retention_enforcement.purging import purge
from econsent_jobs.retention_enforcement.steps import expire_certificates, expire_sessions
from econsent_jobs.retention_enforcement.steps.purge_objects import finish
from econsent_jobs.retention_enforcement.store import AuditEntry
from econsent_jobs.retention_enforcement.turn import Turn, count


def close_accounts(turn: Turn) -> JobResult:
    if not turn.company.closes:
        return JobResult()
    store, result = turn.tools.store, JobResult()
    for rows in turn.pages("find_expired_sessions", by="session_id", first="", everything=True):
        with store.transaction():
            result += expire_sessions.expire(turn, rows)
    for rows in turn.pages("find_expired_certificates", by="certificate_pk", everything=True):
        with store.transaction():
            result += expire_certificates.expire(turn, rows)
    for rows in turn.pages("find_company_objects", by="object_id"):
        ids = [row["object_id"] for row in rows]
        with store.transaction():
            store.rows("ask_erasure", company_id=turn.company_id, object_ids=ids, now=turn.now)
            mark(turn, ids)
    result += purge(turn)
    erase_people(turn)
    finish(turn)
    return result + close(turn)


def erase_people(turn: Turn) -> None:
    """Everybody's personal data, but what a hold covers."""
    store = turn.tools.store
    for rows in turn.pages("find_unerased", by="certificate_pk"):
        with store.transaction():
            pks = [row["certificate_pk"] for row in rows]
            covered = {row["certificate_pk"] for row in store.rows("find_covered", company_id=turn.company_id, certificate_pks=pks)}
            held = {row["session_id"] for row in rows if row["certificate_pk"] in covered}
            free = [row for row in rows if row["certificate_pk"] not in covered]
            sessions = sorted({row["session_id"] for row in free if row["session_id"]} - held)
            expire_certificates.register_pages(turn, [row["certificate_pk"] for row in free])
            erase(turn, [row["certificate_pk"] for row in free], session_ids=sessions, deleted=False)
        turn.note("erase", objects=len(free))


def close(turn: Turn) -> JobResult:
    """Close the company where nothing is left."""
    store = turn.tools.store
    left = store.one("count_left", company_id=turn.company_id)
    if any(left.values()):
        for what, number in left.items():
            if number:
                turn.note(f"left of a closing account: {what.replace('_', ' ')}", objects=number)
        return count(skipped=1)
    with store.transaction():
        closed = store.rows("close_company", company_id=turn.company_id, now=turn.now)
        store.rows("complete_account_requests", company_id=turn.company_id, now=turn.now)
        key = f"company:{turn.company_id}:closed"
        turn.audit([AuditEntry(action="organization.closed", category="organization", details={}, dedupe_key=key)])
    turn.note("close account", objects=len(closed))
    return count(changed=len(closed), skipped=1 - len(closed))
