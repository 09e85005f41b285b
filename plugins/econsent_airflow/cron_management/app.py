"""The plugin's own routes. Each asks for a user first; each that writes also for proof that the page sent it."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response, status
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime

from econsent_airflow.cron_management import actions, audit_entries, board, history
from econsent_airflow.cron_management.answers import NO_STORE, Sent, answer, answer_live, sent
from econsent_airflow.cron_management.audit_middleware import annotate
from econsent_airflow.cron_management.facts import Job, Known, read_known, utc_now
from econsent_airflow.cron_management.looks import Look, Looks
from econsent_airflow.cron_management.pages import web_files
from econsent_airflow.cron_management.queries import Row, TrailAbsent, ask_airflow_database
from econsent_airflow.cron_management.rules import Standing, judge
from econsent_airflow.cron_management.run_log import last_lines, task_path
from econsent_airflow.cron_management.security import Reader, from_our_page, may, may_read_audit, readable, reader

At = Annotated[AwareDatetime | None, Query()]
WEB: Final = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
AUDIT_REFUSED: Final = "You may not read the audit trail: ask an administrator for the right to read audit logs."

LOOKS: Final = Looks()
pages = APIRouter()
reading = APIRouter(prefix="/api")
acting = APIRouter(prefix="/api", dependencies=[Depends(from_our_page)])


def create_app() -> FastAPI:
    """Make the application that Airflow mounts. It has no documentation pages: they would be routes without a user."""
    app = FastAPI(title="Cron Management", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(reader)])
    for router in (pages, reading, acting):
        app.include_router(router)
    return app


@pages.get("/web/{name}")
def web_file(name: str, request: Request) -> Response:
    """A file of the pages. There is nothing secret in it, but nobody who may not see the page needs it."""
    found = web_files().get(name)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no file {name}.")
    headers = {**WEB, "ETag": found.etag}
    if request.headers.get("if-none-match") == found.etag:
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)


def look(at: datetime | None) -> Look:
    """Return what is known now, or was at a moment. Raises 422 for one that has not come."""
    if at is None:
        return LOOKS.newest()
    if at > utc_now() + timedelta(seconds=5):
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_ENTITY, "That moment has not come yet: choose an earlier one.")
    return Look(known=read_known(at, past=True), at=at)


def standing_of(seen: Look, job: Job) -> Standing:
    """Judge a job at the moment of a look, once for all who ask."""
    return seen.judged.once(("standing", job.dag_id), lambda: judge(job.facts, seen.at))


@reading.get("/jobs")
async def jobs(request: Request, user: Reader, at: At = None) -> Response:
    """The list."""
    return await answer_live(request, lambda: make_list(user, at))


def make_list(user: Any, at: datetime | None) -> tuple[Sent, Mapping[str, str]]:
    seen = look(at)
    ids = readable(user, (job.dag_id for job in seen.known.jobs))
    may_act = {dag_id: at is None and may(user, dag_id, "PUT") for dag_id in ids}
    may_run = {dag_id: at is None and may(user, dag_id, "POST", actions.RUN) for dag_id in ids}
    platform = json.dumps(board.platform_document(seen.known.platform, seen.at))
    standings = {job.dag_id: standing_of(seen, job) for job in seen.known.jobs}
    # Judged alike, of the same reading, within a minute (so that no tick lies between), it is the same document.
    document = seen.read.once(
        ("list", platform, *standings.items(), *may_act.items(), *may_run.items(), seen.at.replace(second=0, microsecond=0)),
        lambda: sent(board.list_document(seen.known, standings, seen.at, may_act=may_act, may_run=may_run, past=at is not None)),
    )
    return document, {"X-Heartbeats": board.beats_header(seen.known.platform, seen.at)}


def find(user: Any, known: Known, dag_id: str) -> Job:
    """Return one job. Raises 404 for what is none, also for one that the user may not see."""
    job = next((job for job in known.jobs if job.dag_id == dag_id), None)
    if job is None or not readable(user, [dag_id]):
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no job {dag_id}.")
    return job


@reading.get("/jobs/{dag_id}")
async def one_job(request: Request, user: Reader, dag_id: str, at: At = None) -> Response:
    """One job: its row of the list, its failure explained, and its charts."""
    return await answer_live(request, lambda: make_job(user, dag_id, at))


def make_job(user: Any, dag_id: str, at: datetime | None) -> tuple[Sent, Mapping[str, str]]:
    seen = look(at)
    job = find(user, seen.known, dag_id)
    can = {"pause": at is None and may(user, dag_id, "PUT"), "run": at is None and may(user, dag_id, "POST", actions.RUN)}
    return seen.judged.once((dag_id, *can.items()), lambda: sent(job_document(seen, job, can, past=at is not None))), {}


def job_document(seen: Look, job: Job, can: Mapping[str, bool], *, past: bool) -> dict[str, Any]:
    standing = standing_of(seen, job)
    return {
        "at": board.text(seen.at) if past else None,
        "job": board.job_document(job, standing, seen.at, can=can),
        "failure": failure(seen, job, standing),
        "version": version(standing),
        **seen.read.once(("charts", job.dag_id), lambda: history.charts_document(job.dag_id, seen.at)),
    }


def version(standing: Standing) -> str:
    """A word that changes when the newest page of the history does."""
    runs = [run for run in (standing.last_run, standing.active_run) if run is not None]
    parts = [f"{run.run_id}/{run.started_at}/{run.ended_at}" for run in runs] + [
        f"{tick.at}/{tick.verdict}" for tick in standing.ticks[-3:]
    ]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:10]


def failure(seen: Look, job: Job, standing: Standing) -> dict[str, Any] | None:
    run = standing.last_run
    if run is None or run.succeeded is not False:
        return board.failure_document(job, standing, seen=[], error=None)
    others, error = seen.read.once(("failure", job.dag_id, run.run_id), lambda: read_failure(job.dag_id, run.run_id, seen.at))
    return board.failure_document(job, standing, seen=others, error=error)


def read_failure(dag_id: str, run_id: str, now: datetime) -> tuple[list[Row], dict[str, Any] | None]:
    """Return the failures of the same fingerprint, and what the run's own tasks left."""
    [tasks] = ask_airflow_database(("run_errors", {"dag_id": dag_id, "run_ids": [run_id]}))
    return history.same_failures(dag_id, run_id, now), error_of(dag_id, run_id, tasks)


def error_of(dag_id: str, run_id: str, tasks: Iterable[Row]) -> dict[str, Any] | None:
    """Return what the failed tasks of a run left behind: class, sentence, summed counts, and where the log is."""
    failed = [task for task in tasks if task["state"] in ("failed", "up_for_retry")]
    if not failed:
        return None
    left = next((task["error"] for task in failed if isinstance(task["error"], Mapping)), None)
    reason = next((task["retry_reason"] for task in failed if task["retry_reason"]), None)
    results = [task["result"] for task in failed if isinstance(task["result"], Mapping)]
    counts = {name: sum(int(result.get(name) or 0) for result in results) for name in ("examined", "changed")} if results else None
    error_class, _, sentence = (reason or "").partition(": ")
    return {
        "error_class": left["error_class"] if left else (error_class if sentence else None),
        "sentence": left["sentence"] if left else (sentence or reason),
        "counts": counts,
        "log_path": task_path(dag_id, run_id, failed[0]),
    }


def chosen(outcome: str | None, since: datetime | None, until: datetime | None, before: str | None) -> history.Choice:
    """Read the filters of the history. Raises 422 for a page that cannot be."""
    place = None
    if before is not None:
        try:
            run_after, clear_number, run_id = before.split("~", 2)
            place = (datetime.fromisoformat(run_after), run_id, int(clear_number))
        except ValueError as error:
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_ENTITY, "There is no such page of the history.") from error
    return history.Choice(outcome=outcome, since=since, until=until, before=place)


Outcome = Annotated[str | None, Query(pattern="^(failed|success|missed)$")]


@reading.get("/jobs/{dag_id}/runs")
def runs(
    request: Request, user: Reader, dag_id: str, outcome: Outcome = None, since: At = None, until: At = None, before: str | None = None
) -> Response:
    """A page of the execution history."""
    seen = LOOKS.newest()
    job = find(user, seen.known, dag_id)
    document = history.page_document(job, standing_of(seen, job), chosen(outcome, since, until, before))
    return answer(request, sent(document))


@reading.get("/jobs/{dag_id}/runs.csv")
def runs_csv(user: Reader, dag_id: str, outcome: Outcome = None, since: At = None, until: At = None) -> Response:
    """The history for a spreadsheet."""
    find(user, LOOKS.newest().known, dag_id)
    rows = history.read_executions(dag_id, chosen(outcome, since, until, None), history.CSV_ROWS)
    return as_csv(f"{dag_id}.csv", history.CSV_HEAD, history.csv_rows(dag_id, rows))


@reading.get("/jobs/{dag_id}/log")
async def log(request: Request, user: Reader, dag_id: str, run_id: str) -> Response:
    """The last lines of a failed run's log. Airflow's API judges whether the user may read it."""
    if not may(user, dag_id, "GET"):
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no job {dag_id}.")
    return answer(request, sent({"lines": await last_lines(request, dag_id, run_id)}))


@reading.get("/audit")
def audit(request: Request, user: Reader, kind: str = "", who: str = "", what: str = "", before: int | None = None) -> Response:
    """A page of the audit trail."""
    known, choice = audit_choice(user, kind, who, what, before)
    return answer(request, sent(audit_entries.page_document(choice, {job.dag_id: job.title for job in known.jobs})))


@reading.get("/audit.csv")
def audit_csv(user: Reader, kind: str = "", who: str = "", what: str = "") -> Response:
    """The audit trail for a spreadsheet."""
    _known, choice = audit_choice(user, kind, who, what, None)
    try:
        return as_csv("audit.csv", audit_entries.CSV_HEAD, audit_entries.csv_rows(choice))
    except TrailAbsent as error:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "There is no audit trail here, or it cannot be reached.") from error


def audit_choice(user: Any, kind: str, who: str, what: str, before: int | None) -> tuple[Known, audit_entries.Choice]:
    if not may_read_audit(user):
        raise HTTPException(status.HTTP_403_FORBIDDEN, AUDIT_REFUSED)
    if kind not in audit_entries.KINDS or len(who) > 200 or len(what) > 250:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_ENTITY, "There is no such filter.")
    return LOOKS.newest().known, audit_entries.Choice(kind=kind, who=who.strip(), what=what.strip(), before=before)


def as_csv(name: str, head: Iterable[str], rows: Iterable[Iterable[Any]]) -> Response:
    """Write a table that no spreadsheet takes for formulas: a text that begins like one gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    for row in rows:
        writer.writerow([f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell for cell in row])
    headers = {**NO_STORE, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def title_of(user: Any, dag_id: str) -> str:
    return find(user, LOOKS.newest().known, dag_id).title


def done(message: str) -> JSONResponse:
    LOOKS.forget()
    return JSONResponse({"message": message}, headers=NO_STORE)


@acting.post("/jobs/{dag_id}/pause")
async def pause(request: Request, user: Reader, dag_id: str, body: actions.PauseBody) -> Response:
    """Pause with a reason, and a time to resume if wanted."""
    title = title_of(user, dag_id)
    changed = await actions.pause(request, user, dag_id, title=title, body=body)
    return done(f"{title} is paused." if changed else f"{title} was paused already; nothing was changed.")


@acting.post("/jobs/{dag_id}/resume")
async def resume(request: Request, user: Reader, dag_id: str, _body: actions.Body) -> Response:
    """Resume. The latest missed run starts at once."""
    title = title_of(user, dag_id)
    changed = await actions.resume(request, user, dag_id, title=title)
    return done(f"{title} is resumed." if changed else f"{title} was not paused; nothing was changed.")


@acting.post("/jobs/{dag_id}/retry")
async def retry(request: Request, user: Reader, dag_id: str, body: actions.RetryBody) -> Response:
    """Do a failed run's failed tasks again."""
    title = title_of(user, dag_id)
    changed = await actions.retry(request, user, dag_id, title=title, run_id=body.run_id)
    return done(f"The failed run of {title} is tried again." if changed else "That run is not failed any more; nothing was changed.")


@acting.post("/pause-all")
async def pause_all(request: Request, user: Reader, body: actions.PauseBody) -> Response:
    """Pause all jobs with one reason. Those that are paused already keep theirs."""
    batch_id = str(uuid4())
    annotate(action="job.pause", batch_id=batch_id, reason=body.reason)
    jobs_here = visible(user)
    for job in jobs_here:
        actions.refuse_unless_may(user, job.dag_id, title=job.title, what="pausing")
    changed = [
        job.title for job in jobs_here if await actions.pause(request, user, job.dag_id, title=job.title, body=body, batch_id=batch_id)
    ]
    return done(actions.told(changed, word="paused", none="All jobs were paused already; nothing was changed."))


@acting.post("/resume-all")
async def resume_all(request: Request, user: Reader, _body: actions.Body) -> Response:
    """Resume those jobs that "pause all" paused, and no other."""
    annotate(action="job.resume")
    jobs_here = [job for job in visible(user) if job.pause is not None and job.pause.batch_id is not None]
    for job in jobs_here:
        actions.refuse_unless_may(user, job.dag_id, title=job.title, what="resuming")
    changed = [job.title for job in jobs_here if await actions.resume(request, user, job.dag_id, title=job.title)]
    return done(actions.told(changed, word="resumed", none="No job was paused together with the others; nothing was changed."))


def visible(user: Any) -> list[Job]:
    """Return the jobs that the user may see, as they are now. Raises 403 where there is none."""
    LOOKS.forget()
    known = LOOKS.newest().known
    ids = readable(user, (job.dag_id for job in known.jobs))
    if not ids:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "There is no job that you may see.")
    return [job for job in known.jobs if job.dag_id in ids]
