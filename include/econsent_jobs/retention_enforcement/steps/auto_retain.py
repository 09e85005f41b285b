"""Step 1: retain what retains itself.

1. Close sessions that have been without a chunk for half an hour, with the hash of their recording.
2. Retain closed sessions by the company's mode, each with its one unit of usage.
3. Tell of overage, once a month.
"""

from econsent_jobs.core.errors import BadItem
from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.rules.quota import overage_body, overage_subject
from econsent_jobs.retention_enforcement.store import Row
from econsent_jobs.retention_enforcement.turn import Turn, count


def auto_retain(turn: Turn) -> JobResult:
    result = JobResult()
    for rows in turn.pages("find_silent", by="session_id", first=""):
        for row in rows:
            result += close(turn, row)
    store = turn.tools.store
    for rows in turn.pages("find_retainable", by="session_id", first=""):
        before, _, _ = store.usage(turn.company_id, now=turn.now)
        with store.transaction():
            retained = set(store.retain(turn.company_id, [row["session_id"] for row in rows]))
        after, _, _ = store.usage(turn.company_id, now=turn.now)
        turn.note("retain", objects=len(retained), size_bytes=sum(row["bytes"] or 0 for row in rows if row["session_id"] in retained))
        turn.note("retain above the quota", objects=after.overage - before.overage)
        result += count(changed=len(retained), skipped=len(rows) - len(retained))
    tell_of_overage(turn)
    return result


def close(turn: Turn, row: Row) -> JobResult:
    """Close one session; one whose recording cannot be read stays open, and is told of."""
    size_bytes, sha256 = 0, None
    if row["recording_path"] is not None:
        try:
            size_bytes, sha256 = turn.files.sha256(turn.files.key_of(row["recording_path"]))
        except BadItem as error:
            return count(quarantined=1, causes={error.error_class: 1})
    turn.tools.store.close_session(turn.company_id, row, size_bytes=size_bytes, sha256=sha256)
    turn.note("close", objects=1, size_bytes=size_bytes)
    return count(changed=1)


def tell_of_overage(turn: Turn) -> None:
    """Write the mail of the month, if it is wanted and was not written. Whoever sets the time writes it."""
    store = turn.tools.store
    usage, emails, wanted = store.usage(turn.company_id, now=turn.now)
    if not wanted or usage.overage == 0:
        return
    with store.transaction():
        if store.note_overage(usage):
            store.write_mail(
                message_id=f"overage:{usage.company_id}:{usage.period}",
                company_id=usage.company_id,
                recipients=emails,
                subject=overage_subject(usage),
                body=overage_body(usage),
            )
            turn.note("overage mail", objects=1)
