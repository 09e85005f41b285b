"""Enforce retention, step by step: what is retained, archived, moved, marked, deleted, erased, and what proves it.

1. Retain what retains itself; 2. archive recordings; 3. drop hot copies; 4. move to the cold tier.
5. Expire sessions; 6. expire certificates: both only mark.
7. Purge what has been marked for the grace, unless a hold, a claim or a retention came in between.
8. Erase people who asked; 9. end claim links; 10. close accounts; 11. tidy up. Then seal the log under lock.

Each step is a task of its own: it gives every company its turn, begins no new page after its time, and counts for itself. It can be
killed at any line and run again. Two runs at once share the companies: a batch of deletions has its company for itself.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Final

from econsent_jobs.core.collecting import rarely_collected
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.logs import about
from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.steps.archive import archive
from econsent_jobs.retention_enforcement.steps.auto_retain import auto_retain
from econsent_jobs.retention_enforcement.steps.claim_tokens import claim_tokens
from econsent_jobs.retention_enforcement.steps.close_accounts import close_accounts
from econsent_jobs.retention_enforcement.steps.cold_tier import cold_tier
from econsent_jobs.retention_enforcement.steps.deletion_requests import deletion_requests
from econsent_jobs.retention_enforcement.steps.drop_hot_copy import drop_hot_copy
from econsent_jobs.retention_enforcement.steps.expire_certificates import expire_certificates
from econsent_jobs.retention_enforcement.steps.expire_sessions import expire_sessions
from econsent_jobs.retention_enforcement.steps.find_orphans import find_orphans
from econsent_jobs.retention_enforcement.steps.housekeeping import housekeeping
from econsent_jobs.retention_enforcement.steps.purge_objects import purge_objects
from econsent_jobs.retention_enforcement.steps.seal_log import seal_log
from econsent_jobs.retention_enforcement.tools import Tools
from econsent_jobs.retention_enforcement.turn import Run, Turn

COMPANY_STEPS: Final[Mapping[str, Callable[[Turn], JobResult]]] = {
    "auto_retain": auto_retain,
    "archive": archive,
    "drop_hot_copy": drop_hot_copy,
    "cold_tier": cold_tier,
    "expire_sessions": expire_sessions,
    "expire_certificates": expire_certificates,
    "purge_objects": purge_objects,
    "claim_tokens": claim_tokens,
    "close_accounts": close_accounts,
}
WHOLE_STEPS: Final[Mapping[str, Callable[[Run], JobResult]]] = {
    "deletion_requests": deletion_requests,
    "housekeeping": housekeeping,
    "seal_log": seal_log,
    "find_orphans": find_orphans,
}
STEPS: Final = (
    "auto_retain",
    "archive",
    "drop_hot_copy",
    "cold_tier",
    "expire_sessions",
    "expire_certificates",
    "purge_objects",
    "deletion_requests",
    "claim_tokens",
    "close_accounts",
    "housekeeping",
    "seal_log",
)  # fmt: skip  the order of a night

log = logging.getLogger(__name__)


@rarely_collected()
def enforce(step: str, *, tools: Tools, limits: Limits) -> JobResult:
    """Run one step once. Raises KeyError for a step that there is none of, and what the stores raise; nothing is half done then."""
    deadline = tools.clock.monotonic() + limits.run_seconds
    tools.files.check()
    run = begin(step, tools, limits, deadline=deadline)
    result = WHOLE_STEPS[step](run) if step in WHOLE_STEPS else give_turns(run, COMPANY_STEPS[step])
    left = tools.store.one("count_companies_due", now=run.now) if step == "purge_objects" else {"due": 0, "oldest_seconds": 0}
    for (_, company_id, what), number in sorted(tools.tally.objects.items()):
        with about(company_id) if company_id else nullcontext():
            log.info(
                "%s: %s: %d objects, %d bytes", company_id or "all companies", what, number, tools.tally.size_bytes[step, company_id, what]
            )
    return result + JobResult(backlog=left["due"], oldest_seconds=left["oldest_seconds"])


def begin(step: str, tools: Tools, limits: Limits, *, deadline: float) -> Run:
    return Run(step=step, now=tools.store.now(tools.settings.as_of), tools=tools, batch_size=limits.batch_size, deadline=deadline)


def give_turns(run: Run, take: Callable[[Turn], JobResult]) -> JobResult:
    result = JobResult()
    for company in run.companies():
        if not run.in_time():
            break
        with about(company.company_id):
            result += take(run.turn(company))
    return result
