"""What administrators do: pause with a reason, resume, retry. Airflow does it and judges the right; the reason is kept beside it.

Each is idempotent: what is paused already is not paused again, and a run that no longer failed is not retried. The order is: say to the
audit what is meant, write the reason, ask Airflow, and take the reason back where Airflow refused.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import quote

import psycopg
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from fastapi import HTTPException, Request, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints
from starlette.concurrency import run_in_threadpool

from econsent_airflow.cron_management.airflow_api import Answer, ask_airflow
from econsent_airflow.cron_management.audit_middleware import annotate
from econsent_airflow.cron_management.queries import ReadOnlyDatabase, TrailAbsent
from econsent_airflow.cron_management.security import may

LONGEST_REASON: Final = 500
RUN: Final = DagAccessEntity.RUN
REFUSED: Final = "You may look but not act: {what} needs the right to change {title}. Ask a platform administrator."

PAUSES: Final = ReadOnlyDatabase("cron_management")
"""The one place where the page writes: why a job was paused."""

log = logging.getLogger(__name__)


class Body(BaseModel):
    """What every action sends: at least an empty document."""

    model_config = ConfigDict(extra="forbid")


class PauseBody(Body):
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_REASON)]
    until: AwareDatetime | None = None


class RetryBody(Body):
    run_id: Annotated[str, StringConstraints(min_length=1, max_length=250)]


def refuse_unless_may(user: Any, dag_id: str, *, title: str, what: str) -> None:
    """Raise 403 with a clear sentence. Airflow's API would refuse too; here nothing has been written yet."""
    if not may(user, dag_id, "PUT"):
        raise HTTPException(status.HTTP_403_FORBIDDEN, REFUSED.format(what=what, title=title))


def future(until: datetime | None) -> datetime | None:
    """Return when to resume. Raises 422 for a time that has passed."""
    if until is not None and until <= datetime.now(UTC):
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_ENTITY, "The time to resume has passed: choose a later one.")
    return until


def passed_on(answer: Answer, title: str) -> HTTPException:
    """Turn Airflow's refusal into ours, with its own reason."""
    return HTTPException(answer.status, f"Airflow did not do this to {title}: {answer.reason}")


async def pause(request: Request, user: Any, dag_id: str, *, title: str, body: PauseBody, batch_id: str | None = None) -> bool:
    """Pause one job; return whether that changed anything."""
    until = future(body.until)
    annotate(
        action="job.pause",
        dag_id=dag_id,
        reason=body.reason,
        resume_at=until.isoformat() if until else None,
        batch_id=batch_id,
    )
    refuse_unless_may(user, dag_id, title=title, what="pausing")
    if await is_paused(request, dag_id, title):
        return False
    pause_id = await run_in_threadpool(
        write_reason, {"dag_id": dag_id, "by": user.get_name(), "reason": body.reason, "resume_at": until, "batch_id": batch_id}
    )
    answer = await ask_airflow(
        request, "PATCH", f"/dags/{quote(dag_id, safe='')}", json={"is_paused": True}, params={"update_mask": "is_paused"}
    )
    if not answer.ok:
        await run_in_threadpool(withdraw_reason, pause_id)
        raise passed_on(answer, title)
    return True


async def resume(request: Request, user: Any, dag_id: str, *, title: str) -> bool:
    """Resume one job; return whether that changed anything. Its pause ends in the history too, so that the next one has its own reason."""
    annotate(action="job.resume", dag_id=dag_id)
    refuse_unless_may(user, dag_id, title=title, what="resuming")
    if not await is_paused(request, dag_id, title):
        return False
    answer = await ask_airflow(
        request, "PATCH", f"/dags/{quote(dag_id, safe='')}", json={"is_paused": False}, params={"update_mask": "is_paused"}
    )
    if not answer.ok:
        raise passed_on(answer, title)
    await run_in_threadpool(end_pause, dag_id, by=user.get_name(), stale_only=False)
    return True


async def retry(request: Request, user: Any, dag_id: str, *, title: str, run_id: str) -> bool:
    """Have a failed run's failed tasks done again; return False where it is no longer failed (somebody was quicker)."""
    annotate(action="job.retry", dag_id=dag_id, run_id=run_id)
    refuse_unless_may(user, dag_id, title=title, what="retrying")
    path = f"/dags/{quote(dag_id, safe='')}/dagRuns/{quote(run_id, safe='')}"
    run = await ask_airflow(request, "GET", path)
    if not run.ok:
        raise passed_on(run, title)
    if run.body["state"] != "failed":
        return False
    answer = await ask_airflow(request, "POST", f"{path}/clear", json={"dry_run": False, "only_failed": True})
    if not answer.ok:
        raise passed_on(answer, title)
    return True


async def is_paused(request: Request, dag_id: str, title: str) -> bool:
    answer = await ask_airflow(request, "GET", f"/dags/{quote(dag_id, safe='')}")
    if not answer.ok:
        raise passed_on(answer, title)
    return bool(answer.body["is_paused"])


def write_reason(row: Mapping[str, Any]) -> str | None:
    """Keep why, by whom and until when; return the row's id. None without an audit trail: Airflow then pauses all the same.

    A pause that was ended in Airflow's own pages, and that the watch has not closed yet, is closed first: it has another reason.
    """
    end_pause(row["dag_id"], by=None, stale_only=True)
    try:
        rows = PAUSES.ask("insert_pause", row)
    except TrailAbsent as error:
        if row["resume_at"] is not None:
            raise HTTPException(
                status.HTTP_503_SERVICE_UNAVAILABLE,
                "The audit trail cannot be reached, so nobody would resume the job in time. Pause it without a time, or try again.",
            ) from error
        return None
    return str(rows[0]["pause_id"]) if rows else None


def end_pause(dag_id: str, *, by: str | None, stale_only: bool) -> None:
    """Close a job's pause in the history. Where that cannot be done now, the watch does it."""
    try:
        PAUSES.ask("end_pause", {"dag_id": dag_id, "by": by, "stale_only": stale_only})
    except (TrailAbsent, psycopg.Error) as error:
        log.warning("The pause of %s could not be closed in the history (%s); the watch closes it", dag_id, error)


def withdraw_reason(pause_id: str | None) -> None:
    if pause_id is None:
        return
    try:
        PAUSES.ask("withdraw_pause", {"pause_id": pause_id})
    except (TrailAbsent, psycopg.Error) as error:
        log.warning("The pause %s was refused by Airflow and could not be taken back (%s); the watcher closes it", pause_id, error)


def told(done: Sequence[str], *, word: str, none: str) -> str:
    """Say what was done to which jobs."""
    if not done:
        return none
    return f"{', '.join(done)} {'is' if len(done) == 1 else 'are'} {word}."
