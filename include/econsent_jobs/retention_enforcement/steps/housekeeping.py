"""Step 11: what nobody needs any more: answers of receivers, bodies of webhooks, mail that left, Airflow's old task logs."""

import logging
from pathlib import Path
from typing import Final

from econsent_jobs.core.results import JobResult
from econsent_jobs.io.old_files import remove_older
from econsent_jobs.retention_enforcement.turn import Run, count

DELETES: Final = {
    "delete_old_attempts": "webhook attempts",
    "delete_sent_mail": "sent mail",
}
LOGS_KEPT_DAYS: Final = 400

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
    return result + remove_logs(run)


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


def remove_logs(run: Run) -> JobResult:
    """Remove task logs by the day they were last written to."""
    folder = run.tools.settings.task_logs
    if folder is None or run.tools.settings.dry:
        return JobResult()
    gone = remove_older(Path(folder), days=LOGS_KEPT_DAYS, now=run.now, most=run.batch_size)
    run.tools.tally.add((run.step, "", "task logs"), objects=gone, size_bytes=0)
    return count(changed=gone)
