"""Step 11: what nobody needs any more: answers of receivers, bodies of webhooks, mail that left, copies never sent, old task logs."""

import logging
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from econsent_jobs.core.errors import BadItem, ErrorClass
from econsent_jobs.core.results import JobResult
from econsent_jobs.io.old_files import remove_older
from econsent_jobs.retention_enforcement.turn import Run, count

DELETES: Final = {
    "delete_old_attempts": "webhook attempts",
    "delete_sent_mail": "sent mail",
}
LOGS_KEPT_DAYS: Final = 400
STAGED_KEPT: Final = timedelta(days=2)  # longer than any lease: whoever staged it has sealed it by then, or is gone
MOST_STAGED: Final = 10_000

log = logging.getLogger(__name__)


def housekeeping(run: Run) -> JobResult:
    store, result = run.tools.store, JobResult()
    for query, words in DELETES.items():
        while run.in_time():
            gone = store.run(query, now=run.now, batch_size=run.batch_size)
            run.tools.tally.add((run.step, "", words), objects=gone, size_bytes=0)
            result += count(changed=gone)
            if gone < run.batch_size:
                break
    result += drop_bodies(run)
    store.rows("confirm_requests")
    overdue = store.one("count_overdue_requests", now=run.now)["overdue"]
    if overdue:
        log.error("%d deletion requests are past the 30 days that were promised: look at the step deletion_requests", overdue)
    return result + remove_staged(run) + remove_logs(run)


def drop_bodies(run: Run) -> JobResult:
    """Forget the bodies of webhooks; a plan only reads, and says nothing of them."""
    gone = 0
    while run.in_time() and not run.tools.settings.dry:
        dropped: int = run.tools.store.one("drop_old_bodies", batch_size=run.batch_size)["gone"]
        gone += dropped
        if dropped < run.batch_size:
            break
    run.tools.tally.add((run.step, "", "webhook bodies"), objects=gone, size_bytes=0)
    return count(changed=gone)


def remove_staged(run: Run) -> JobResult:
    """Remove copies that a worker staged and died over before it sealed them, or after it sent them: nobody knows of them any more."""
    run.tools.store.run("forget_late_seals")
    files, gone, bad = run.tools.files, 0, 0
    keys = list(islice(files.staged(before=run.now - STAGED_KEPT), MOST_STAGED))
    paths = [*keys, *(files.path_of(key) for key in keys)]
    needed = {files.key_of(row["staging_path"]) for row in run.tools.store.rows("find_staged", paths=paths)}
    for key in keys:
        if key not in needed:
            try:
                files.remove(key)
                gone += 1
            except BadItem as error:
                log.warning("%s", error.reason)
                bad += 1
    run.tools.tally.add((run.step, "", "staged copies"), objects=gone, size_bytes=0)
    return count(changed=gone, quarantined=bad, causes={ErrorClass.INTEGRITY: bad} if bad else {})


def remove_logs(run: Run) -> JobResult:
    """Remove task logs by the day they were last written to."""
    folder = run.tools.settings.task_logs
    if folder is None or run.tools.settings.dry:
        return JobResult()
    gone = remove_older(Path(folder), days=LOGS_KEPT_DAYS, now=run.now, most=run.batch_size)
    run.tools.tally.add((run.step, "", "task logs"), objects=gone, size_bytes=0)
    return count(changed=gone)
