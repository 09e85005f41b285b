"""Step 5: unretained sessions past their window. The file gets its row and its mark in one transaction; it goes after the grace."""

from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.marking import mark
from econsent_jobs.retention_enforcement.store import Row
from econsent_jobs.retention_enforcement.turn import Turn, count


def expire_sessions(turn: Turn) -> JobResult:
    refreshed = turn.tools.store.rows("refresh_windows", company_id=turn.company_id)
    turn.note("window changed", objects=len(refreshed))
    result = JobResult()
    for rows in turn.pages("find_expired_sessions", by="session_id", first="", everything=False):
        with turn.tools.store.transaction():
            result += expire(turn, rows)
    return result


def expire(turn: Turn, rows: list[Row]) -> JobResult:
    """Register the files of these sessions, mark those that are due, and expire their sessions. In the caller's transaction."""
    store, files = turn.tools.store, turn.files
    with_file = [row for row in rows if row["recording_path"] is not None]
    session_ids = [row["session_id"] for row in with_file]
    keys = [files.key_of(row["recording_path"]) for row in with_file]
    store.run("register_recordings", company_id=turn.company_id, session_ids=session_ids, object_keys=keys)
    ids = [row["object_id"] for row in store.rows("find_files", company_id=turn.company_id, session_ids=session_ids)]
    if turn.company.closes:
        store.rows("ask_erasure", company_id=turn.company_id, object_ids=ids, now=turn.now)
    marked = mark(turn, ids).marked
    over = [each.session_id for each in marked] + [row["session_id"] for row in rows if row["recording_path"] is None]
    expired = store.rows("expire_sessions", company_id=turn.company_id, session_ids=over)
    return count(changed=len(expired), skipped=len(rows) - len(expired))
