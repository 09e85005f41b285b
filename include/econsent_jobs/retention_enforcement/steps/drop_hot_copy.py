"""Step 3: remove recordings from the shared file system that the archive holds and nobody looks at, or that it holds no longer.

The archived copy is read to its end first: only when size and hash are right does the hot one go. One whose archived copy was deleted
since, because its time had come while somebody still looked at it, goes after it.
"""

from econsent_jobs.core.errors import ErrorClass
from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.marking import mark
from econsent_jobs.retention_enforcement.purging import purge
from econsent_jobs.retention_enforcement.store import Row
from econsent_jobs.retention_enforcement.turn import Turn, count


def drop_hot_copy(turn: Turn) -> JobResult:
    result = JobResult()
    for rows in turn.pages("find_cold_copies", by="session_id", first=""):
        good = [row for row in rows if is_archived(turn, row)]
        wrong = len(rows) - len(good)
        result += mark_copies(turn, good) + count(quarantined=wrong, causes={ErrorClass.INTEGRITY: wrong} if wrong else {})
    for rows in turn.pages("find_left_copies", by="session_id", first=""):
        result += mark_copies(turn, rows)
    return result + purge(turn, marked_by=turn.step)


def mark_copies(turn: Turn, rows: list[Row]) -> JobResult:
    """Give the copies their rows and mark what is due; returns what is kept."""
    store, session_ids = turn.tools.store, [row["session_id"] for row in rows]
    with store.transaction():
        keys = [turn.files.key_of(row["recording_path"]) for row in rows]
        store.run("register_recordings", company_id=turn.company_id, session_ids=session_ids, object_keys=keys)
        ids = [row["object_id"] for row in store.rows("find_files", company_id=turn.company_id, session_ids=session_ids)]
        return count(skipped=len(mark(turn, ids).kept))


def is_archived(turn: Turn, row: Row) -> bool:
    """Whether the archive holds exactly the bytes that its row says."""
    copies = turn.tools.store.rows("find_archived", company_id=turn.company_id, session_id=row["session_id"])
    return bool(copies) and all(
        turn.tools.archive.sha256(copy["object_key"], copy["version_id"]) == (copy["bytes"], copy["sha256"]) for copy in copies
    )
