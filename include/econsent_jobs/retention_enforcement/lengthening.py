"""Locks follow what needs them for longer: a later certificate, a longer policy, a partner's claim. None is ever shortened."""

from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.turn import Turn, count


def lengthen_locks(turn: Turn) -> JobResult:
    """First certificates follow a longer policy or a claim, then their objects' locks."""
    store, result = turn.tools.store, JobResult()
    while turn.in_time():
        more = {"company_id": turn.company_id, "now": turn.now, "batch_size": turn.batch_size}
        lengthened = store.rows("lengthen_certificates", **more)
        turn.note("lengthen", objects=len(lengthened))
        result += count(changed=len(lengthened))
        if len(lengthened) < turn.batch_size:
            break
    for rows in turn.pages("find_short_locks", by="object_id"):
        for row in rows:
            turn.tools.archive.lock_until(row["object_key"], row["version_id"], row["retain_until"])
            store.run("note_lock", company_id=turn.company_id, object_id=row["object_id"], retain_until=row["retain_until"])
        turn.note("lock for longer", objects=len(rows))
        result += count(changed=len(rows))
    return result
