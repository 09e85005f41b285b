"""What is known of the jobs, put together for the rule: Airflow's rows for now, the audit trail's for what Airflow has forgotten."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from econsent_airflow.cron_management.airflow_rows import COMPONENTS
from econsent_airflow.cron_management.job_facts import (
    ENDED,
    PauseRow,
    live_run,
    moment,
    pause_row,
    plan_of,
    trail_break,
    trail_outage,
    trail_run,
)
from econsent_airflow.cron_management.queries import TRAIL, Row, TrailAbsent, ask_airflow_database, read_figures
from econsent_airflow.cron_management.rules import Break, JobFacts, Outage, Pause, Run, outage_of
from econsent_airflow.cron_management.settings import tag

MOST_RUNS: Final = 30
AGE: Final = "seconds "


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One DAG with the tag. ``facts`` is what the rule judges; ``executions`` what the trail adds to each run, by run id.

    ``waiting_since`` is when the oldest waiting item came; ``figure_since`` is the job's own figure where that is an age.
    """

    dag_id: str
    title: str
    purpose: str
    schedule_words: str
    is_paused: bool
    tags: tuple[str, ...]
    facts: JobFacts
    pause: PauseRow | None
    executions: Mapping[str, Row] = field(default_factory=dict[str, Row])
    failed_first: frozenset[str] = frozenset()
    figures: Row | None = None
    waiting_since: datetime | None = None
    figure_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """When Airflow's processes, and the watcher, were last seen; how far the trail is sealed."""

    beats: Mapping[str, datetime | None]
    seal: Mapping[str, Any] | None
    trail_is_there: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything that one look found. ``marker`` is what ``read_marker`` said then."""

    jobs: tuple[Job, ...]
    platform: Platform
    marker: Hashable = None


def read_known(now: datetime, *, past: bool = False) -> Known:
    """Look at everything once, in seven statements. ``past``: only what the audit trail tells, up to ``now``."""
    here = {"tag": tag()}
    [mark], jobs, errors, runs, tasks = ask_airflow_database(
        ("marker", here),
        ("list_jobs", here),
        ("import_errors", {}),
        ("recent_runs", {**here, "most": MOST_RUNS, "now": now}),
        ("live_tasks", here),
    )
    dag_ids = [job["dag_id"] for job in jobs]
    trail = read_trail(dag_ids, now)
    beats = past_beats(trail.outages, now) if past else beats_of(mark)
    outages = [*trail.outages, *([] if past else open_outages(beats, trail.outages, now))]
    figures = {} if past else read_figures(dag_ids)
    by_run = {(row["dag_id"], row["run_id"]): row for row in tasks}
    found = tuple(
        put_together(
            row,
            runs=[run for run in runs if run["dag_id"] == row["dag_id"]],
            tasks=by_run,
            trail=trail,
            outages=tuple(outages),
            breaks=breaks_of(row, errors if not past else [], trail, now),
            figures=figures.get(row["dag_id"]),
            past=past,
            now=now,
        )
        for row in jobs
    )
    platform = Platform(beats={**beats, "watch": trail.watch_at}, seal=trail.seal, trail_is_there=trail.is_there)
    return Known(jobs=found, platform=platform, marker=marker_of(mark))


def read_marker() -> tuple[Hashable, dict[str, datetime]]:
    """Ask by one cheap statement: return what changes whenever ``read_known`` would find something else in Airflow, and the heartbeats."""
    [[mark]] = ask_airflow_database(("marker", {"tag": tag()}))
    return marker_of(mark), beats_of(mark)


def marker_of(mark: Row) -> Hashable:
    return tuple(value for name, value in mark.items() if name != "beats")


def beats_of(mark: Row) -> dict[str, datetime]:
    return {COMPONENTS[kind]: moment(beat) for kind, beat in (mark["beats"] or {}).items()}


def past_beats(outages: Iterable[Outage], now: datetime) -> dict[str, datetime]:
    """Return the last heartbeats at a past moment: of a component that was silent then, when it stopped; of any other, that moment."""
    silent = {outage.component: outage.stopped_at for outage in outages if outage.back_at is None or outage.back_at > now}
    return {component: silent.get(component, now) for component in COMPONENTS.values()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What the audit trail says; empty where there is none."""

    is_there: bool = False
    executions: Sequence[Row] = ()
    pauses: Sequence[PauseRow] = ()
    outages: Sequence[Outage] = ()
    breaks: Sequence[tuple[frozenset[str], Break]] = ()
    watch_at: datetime | None = None
    seal: Mapping[str, Any] | None = None


def read_trail(dag_ids: Sequence[str], now: datetime) -> Trail:
    """Read the audit trail in one statement."""
    try:
        [state] = TRAIL.ask("trail_state", {"dag_ids": list(dag_ids), "now": now, "most": MOST_RUNS})
    except TrailAbsent:
        return Trail()
    return Trail(
        is_there=True,
        executions=state["executions"] or [],
        pauses=[pause_row(row) for row in state["pauses"] or []],
        outages=[trail_outage(row) for row in state["outages"] or []],
        breaks=[(frozenset(row["dag_ids"]), trail_break(row)) for row in state["breaks"] or []],
        watch_at=state["watch_at"],
        seal=state["seal"],
    )


def open_outages(beats: Mapping[str, datetime], noted: Iterable[Outage], now: datetime) -> list[Outage]:
    """Return the silences of this moment that the watcher has not written down (it may be silent itself)."""
    known = {outage.component for outage in noted if outage.back_at is None}
    found = [outage_of(component, beat, now) for component, beat in beats.items() if component not in known]
    return [outage for outage in found if outage is not None]


def breaks_of(job: Row, errors: Iterable[Row], trail: Trail, now: datetime) -> tuple[Break, ...]:
    """Return when the job's file did not import: as the watcher wrote it down, and as Airflow says now."""
    noted = [broken for dag_ids, broken in trail.breaks if job["dag_id"] in dag_ids]
    here = next((error for error in errors if error["file"] and error["file"].endswith(job["file"] or "\0")), None)
    if any(broken.end_at is None for broken in noted):
        return tuple(noted)
    if here is not None:
        lines = (here["stack_trace"] or "").strip().splitlines()
        return (*noted, Break(start_at=here["broke_at"], sentence=lines[-1] if lines else ""))
    if job["is_stale"] and job["parsed_at"] is not None:
        return (*noted, Break(start_at=min(job["parsed_at"], now), sentence="Airflow no longer finds it in its file"))
    return tuple(noted)


def put_together(
    row: Row,
    *,
    runs: Sequence[Row],
    tasks: Mapping[tuple[str, str], Row],
    trail: Trail,
    outages: tuple[Outage, ...],
    breaks: tuple[Break, ...],
    figures: Row | None,
    past: bool,
    now: datetime,
) -> Job:
    """Make one job of what was found about it."""
    dag_id = row["dag_id"]
    executions = [one for one in trail.executions if one["dag_id"] == dag_id]
    newest = {one["run_id"]: one for one in reversed(executions)}  # of a run that was cleared, the latest
    plan = plan_of(row, now)
    told = {
        run["run_id"]: live_run(run, tasks.get((dag_id, run["run_id"]), {}))
        for run in runs
        if not (past and run["state"] in ENDED and run["run_id"] in newest)
    }
    merged = {**{run_id: trail_run(one) for run_id, one in newest.items()}, **told}
    rows = [pause for pause in trail.pauses if pause.dag_id == dag_id]
    open_row = next((pause for pause in rows if pause.resumed_at is None or (past and pause.resumed_at > now)), None)
    pauses = tuple(pause.fact() for pause in rows)
    if not past:
        pauses = as_airflow_says(pauses, is_paused=row["is_paused"], since=pause_start(merged.values(), plan.known_since), now=now)
        open_row = open_row if row["is_paused"] else None
    return Job(
        dag_id=dag_id,
        title=row["title"],
        purpose=row["purpose"],
        schedule_words=words_of(row),
        is_paused=row["is_paused"],
        tags=tuple(row["tags"] or ()),
        facts=replace(plan, runs=tuple(merged.values()), pauses=pauses, outages=outages, breaks=breaks),
        pause=open_row,
        executions=newest,
        failed_first=frozenset(one["run_id"] for one in executions if one["outcome"] == "failed" and newest[one["run_id"]] is not one),
        figures=figures,
        waiting_since=age(figures["oldest_seconds"], now) if figures and figures["backlog"] else None,
        figure_since=age(figures["figure"], now) if figures and is_age(figures) else None,
    )


def is_age(figures: Row) -> bool:
    """Whether the job's own figure is in seconds, which its label then begins with."""
    return (figures["figure_label"] or "").startswith(AGE)


def age(seconds: float | None, now: datetime) -> datetime | None:
    """Turn an age into the moment, on whole seconds, so that the page lets it grow by itself."""
    return None if seconds is None else (now - timedelta(seconds=seconds)).replace(microsecond=0)


def as_airflow_says(pauses: tuple[Pause, ...], *, is_paused: bool, since: datetime, now: datetime) -> tuple[Pause, ...]:
    """Airflow alone knows whether a job is paused now; the trail follows it by seconds."""
    still = any(pause.end_at is None for pause in pauses)
    if is_paused and not still:
        return (*pauses, Pause(start_at=min(since, now)))
    if not is_paused and still:
        return tuple(replace(pause, end_at=pause.end_at or now) for pause in pauses)
    return pauses


def pause_start(runs: Iterable[Run], known_since: datetime) -> datetime:
    """Return since when a job may have been paused at the earliest, where nobody wrote it down: after its latest run."""
    return max((run.ended_at or run.queued_at for run in runs), default=known_since) + timedelta(microseconds=1)


def words_of(row: Row) -> str:
    """Say the schedule in words."""
    words = (row["timetable_description"] or "").strip()
    if not row["waits_for_assets"]:
        return words or "Only by hand"
    _, _, sweep = words.partition(" or ")
    return f"When work arrives, and {sweep[:1].lower()}{sweep[1:]}" if sweep else "When work arrives"


def utc_now() -> datetime:
    return datetime.now(UTC)
