"""What the state of a job is: one pure function over what was seen of it.

The five statuses are documented; the flags beside them and their causes are this project's. Whatever in the facts is later than ``now`` has
not happened, so the same call tells today's state and that of any past moment.

1. Each tick of the schedule gets a verdict. It *waits* while the job is paused or another run holds its only slot; when it has been free to
   start for the whole grace and did not, it is *late*; when the next tick comes, a late one is *missed* and a waiting one *skipped*.
2. The flags speak of the ticks since the last one that ran, and of the run that is active.
3. The first status that matches wins: Paused, Running, Failed, Active, Idle.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Final

from econsent_airflow.cron_management.schedule import Schedule

TICKS: Final = 20
ACTIVE_WITHIN: Final = timedelta(minutes=10)
STUCK_AFTER: Final = timedelta(minutes=2)
SLOW_FACTOR: Final = 3
SLOW_RUNS: Final = 20
SLOW_AT_LEAST: Final = timedelta(seconds=30)  # three times the median of a run of half a second would be on and off all day
STOPPED_AFTER: Final = timedelta(seconds=30)  # a component beats every 5 s
COMPONENTS: Final = {"scheduler": "scheduler", "dag_processor": "DAG processor", "triggerer": "triggerer"}

Held = tuple[datetime, datetime | None]
"""From when until when a tick could not start; None: still."""


class Status(StrEnum):
    PAUSED = "Paused"
    RUNNING = "Running"
    FAILED = "Failed"
    ACTIVE = "Active"
    IDLE = "Idle"


class FlagKind(StrEnum):
    LATE = "late"
    MISSED = "missed"
    SKIPPED = "skipped"
    SLOW = "slow"
    STUCK = "stuck"
    BROKEN = "broken"


class Verdict(StrEnum):
    RAN = "ran"
    WAITING = "waiting"
    LATE = "late"
    MISSED = "missed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution. ``kind``: scheduled, manual, asset or backfill. ``succeeded`` is None until it has ended.

    ``heartbeat_at`` is the latest sign of life of its tasks; ``resting_until`` is when a task that waits for its next try goes on.
    """

    run_id: str
    kind: str
    run_after: datetime
    queued_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    succeeded: bool | None = None
    heartbeat_at: datetime | None = None
    resting_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """``end_at`` is when it was resumed, None while it lasts; ``resume_at`` is when it shall end by itself."""

    start_at: datetime
    end_at: datetime | None = None
    resume_at: datetime | None = None
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A component's silence. ``stopped_at`` is its last heartbeat."""

    component: str
    stopped_at: datetime
    back_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A time in which the job's DAG file did not import, and why."""

    start_at: datetime
    end_at: datetime | None = None
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """``sweep``: the job starts when work arrives, and its schedule only sweeps up. Ticks before ``known_since`` do not count."""

    schedule: Schedule | None
    grace_seconds: float
    known_since: datetime
    sweep: bool = False
    runs: tuple[Run, ...] = ()
    pauses: tuple[Pause, ...] = ()
    outages: tuple[Outage, ...] = ()
    breaks: tuple[Break, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """``decided_at``: when it became late; for a run tick when it started, for a skipped one when the next tick came."""

    at: datetime
    verdict: Verdict
    run_id: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """``cause`` is one sentence. ``tick_at`` is the first tick concerned, ``count`` how many there are."""

    kind: FlagKind
    cause: str
    tick_at: datetime | None = None
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """``cause`` says why the status is Failed, or why it is Paused. ``next_run_at`` is None when no tick will start a run."""

    status: Status
    flags: tuple[Flag, ...]
    cause: str | None
    last_run: Run | None
    active_run: Run | None
    next_run_at: datetime | None
    ticks: tuple[Tick, ...]


def judge(facts: JobFacts, now: datetime) -> Standing:
    """Return the state of the job at ``now``, an aware time."""
    seen = until(facts, now)
    ended = [run for run in seen.runs if run.ended_at is not None]
    active = [run for run in seen.runs if run.ended_at is None]
    last_run = max(ended, key=lambda run: (run.ended_at, run.run_id), default=None)
    active_run = min(active, key=lambda run: (run.started_at is None, run.started_at or run.queued_at, run.run_id), default=None)
    pause = next((pause for pause in seen.pauses if pause.end_at is None), None)
    ticks = judge_ticks(seen, now)
    flags = (*tick_flags(seen, ticks), *run_flags(active, ended, now), *broken_flags(seen))
    next_run_at = next_run(seen, pause, now)
    failure = failure_cause(seen, flags, last_run, now)
    if pause is not None:
        status, failure = Status.PAUSED, pause_sentence(pause)
    elif active_run is not None:
        status, failure = Status.RUNNING, None
    elif failure is not None:
        status = Status.FAILED
    elif is_active(seen, flags, last_run, next_run_at, now):
        status = Status.ACTIVE
    else:
        status = Status.IDLE
    return Standing(
        status=status, flags=flags, cause=failure, last_run=last_run, active_run=active_run, next_run_at=next_run_at, ticks=ticks
    )


def until(facts: JobFacts, now: datetime) -> JobFacts:
    """Return the facts without what is later than ``now``."""

    def run_until(run: Run) -> Run:
        ended = run.ended_at is not None and run.ended_at <= now
        return replace(
            run,
            started_at=not_later(run.started_at, now),
            ended_at=run.ended_at if ended else None,
            succeeded=run.succeeded if ended else None,
            heartbeat_at=min(run.heartbeat_at, now) if run.heartbeat_at else None,
        )

    return replace(
        facts,
        runs=tuple(run_until(run) for run in facts.runs if run.queued_at <= now),
        pauses=tuple(replace(pause, end_at=not_later(pause.end_at, now)) for pause in facts.pauses if pause.start_at <= now),
        outages=tuple(
            replace(outage, back_at=not_later(outage.back_at, now))
            for outage in facts.outages
            if min(outage.back_at or now, now) - outage.stopped_at >= STOPPED_AFTER
        ),
        breaks=tuple(replace(broken, end_at=not_later(broken.end_at, now)) for broken in facts.breaks if broken.start_at <= now),
    )


def not_later(at: datetime | None, now: datetime) -> datetime | None:
    return at if at is not None and at <= now else None


def judge_ticks(facts: JobFacts, now: datetime) -> tuple[Tick, ...]:
    """Return the verdicts of the last twenty ticks that are not later than ``now``, oldest first."""
    if facts.schedule is None:
        return ()
    due = facts.schedule.up_to(now, TICKS)
    following = [*due[1:], facts.schedule.after(now)]
    known = [(at, next_at) for at, next_at in zip(due, following, strict=True) if at >= facts.known_since]
    held = held_times(facts)
    return tuple(judge_tick(facts, held, at, next_at, now) for at, next_at in known)


def judge_tick(facts: JobFacts, held: Sequence[Held], at: datetime, next_at: datetime, now: datetime) -> Tick:
    own = [run for run in facts.runs if run.kind == "scheduled" and run.run_after == at]
    started = [run for run in own if run.started_at is not None]
    if started:
        first = min(started, key=lambda run: (run.started_at, run.run_id))
        return Tick(at=at, verdict=Verdict.RAN, run_id=first.run_id, decided_at=first.started_at)
    run_id = own[0].run_id if own else None
    late_at = late_from(at, held, timedelta(seconds=facts.grace_seconds))
    if late_at is not None and late_at <= now and late_at < next_at:
        return Tick(at=at, verdict=Verdict.MISSED if next_at <= now else Verdict.LATE, run_id=run_id, decided_at=late_at)
    if next_at <= now:
        return Tick(at=at, verdict=Verdict.SKIPPED, run_id=run_id, decided_at=next_at)
    return Tick(at=at, verdict=Verdict.WAITING, run_id=run_id)


def held_times(facts: JobFacts) -> list[Held]:
    """Return when a tick could not start, in order. Back-fills have slots of their own."""
    runs = [(run.started_at, run.ended_at) for run in facts.runs if run.started_at is not None and run.kind != "backfill"]
    return sorted([*runs, *((pause.start_at, pause.end_at) for pause in facts.pauses)], key=lambda held: held[0])


def late_from(at: datetime, held: Iterable[Held], grace: timedelta) -> datetime | None:
    """Return when a tick, due at ``at``, has been free to start for a whole grace; None while something still holds it up."""
    free_from = at
    for start, end in held:
        if start > free_from + grace:
            break
        if end is None:
            return None
        free_from = max(free_from, end)
    return free_from + grace


def tick_flags(facts: JobFacts, ticks: Sequence[Tick]) -> Iterable[Flag]:
    """Yield late, missed and skipped for the ticks since the last one that ran."""
    ran = max((index for index, tick in enumerate(ticks) if tick.verdict is Verdict.RAN), default=-1)
    tail = ticks[ran + 1 :]
    late = [tick for tick in tail if tick.verdict is Verdict.LATE]
    missed = [tick for tick in tail if tick.verdict is Verdict.MISSED]
    skipped = [tick for tick in tail if tick.verdict is Verdict.SKIPPED]
    if late:
        cause = f"The run of {clock(late[0].at)} has not started{because(facts, late[0].at)}."
        yield Flag(kind=FlagKind.LATE, cause=cause, tick_at=late[0].at)
    if missed:
        what = f"The run of {clock(missed[0].at)} was" if len(missed) == 1 else f"{len(missed)} runs since {clock(missed[0].at)} were"
        cause = f"{what} missed{because(facts, missed[-1].at)}."
        yield Flag(kind=FlagKind.MISSED, cause=cause, tick_at=missed[0].at, count=len(missed))
    if skipped:
        yield Flag(kind=FlagKind.SKIPPED, cause=skip_sentence(facts, skipped), tick_at=skipped[0].at, count=len(skipped))


def because(facts: JobFacts, at: datetime) -> str:
    """Return what explains a tick that nothing held up: a component's silence or a broken file after ``at``, else that it is not known."""
    for broken in facts.breaks:
        if broken.end_at is None or broken.end_at > at:
            return ", because its DAG file does not import"
    silent = [outage for outage in facts.outages if outage.back_at is None or outage.back_at > at]
    for outage in sorted(silent, key=lambda outage: (list(COMPONENTS).index(outage.component), outage.stopped_at)):
        return f", because the {COMPONENTS[outage.component]}'s heartbeat stopped at {clock(outage.stopped_at)}"
    return "; nothing that was watched explains it, so look at the scheduler's log and at the pool's slots"


def skip_sentence(facts: JobFacts, skipped: Sequence[Tick]) -> str:
    last = skipped[-1].at
    what = f"The run of {clock(skipped[0].at)} was" if len(skipped) == 1 else f"{len(skipped)} runs since {clock(skipped[0].at)} were"
    if any(pause.start_at <= last and (pause.end_at is None or pause.end_at > last) for pause in facts.pauses):
        return f"{what} skipped, because the job was paused."
    return f"{what} skipped, because an earlier run was still going."


def run_flags(active: Sequence[Run], ended: Sequence[Run], now: datetime) -> Iterable[Flag]:
    """Yield slow and stuck for the runs that have not ended. One that waits for its turn behind another one is not stuck."""
    usual = usual_duration(ended)
    slot_taken_at = slot_last_taken_at(active, ended, now)
    for run in sorted(active, key=lambda run: run.run_id):
        if usual is not None and run.started_at is not None:
            limit = max(SLOW_FACTOR * usual, SLOW_AT_LEAST)
            if now - run.started_at > limit:
                cause = f"Running for {span(now - run.started_at)}; its last runs took {span(usual)} in the median."
                yield Flag(kind=FlagKind.SLOW, cause=cause, tick_at=run.run_after)
        signs = [run.queued_at, run.started_at, run.heartbeat_at, run.resting_until]
        if run.started_at is None and run.kind != "backfill":
            signs.append(slot_taken_at)
        last_sign = max(sign for sign in signs if sign is not None)
        if now - last_sign >= STUCK_AFTER:
            what = "queued, and not started" if run.started_at is None else "running, without a heartbeat"
            yield Flag(kind=FlagKind.STUCK, cause=f"It has been {what}, since {clock(last_sign)}.", tick_at=run.run_after)


def slot_last_taken_at(active: Iterable[Run], ended: Iterable[Run], now: datetime) -> datetime | None:
    """Return until when some run held the job's only slot; None where none ever did."""
    if any(run.started_at is not None and run.kind != "backfill" for run in active):
        return now
    return max((run.ended_at for run in ended if run.ended_at and run.started_at and run.kind != "backfill"), default=None)


def usual_duration(ended: Iterable[Run]) -> timedelta | None:
    """Return the median duration of the last twenty successful runs, None where there is none."""
    good = [(run.ended_at, run.run_id, run.ended_at - run.started_at) for run in ended if run.succeeded and run.ended_at and run.started_at]
    seconds = [length.total_seconds() for _, _, length in sorted(good)[-SLOW_RUNS:]]
    return timedelta(seconds=median(seconds)) if seconds else None


def broken_flags(facts: JobFacts) -> Iterable[Flag]:
    for broken in facts.breaks:
        if broken.end_at is None:
            cause = f"Its DAG file does not import since {clock(broken.start_at)}: {broken.sentence or 'no reason was recorded'}"
            yield Flag(kind=FlagKind.BROKEN, cause=cause)
            return


def failure_cause(facts: JobFacts, flags: Sequence[Flag], last_run: Run | None, now: datetime) -> str | None:
    """Return why an idle job counts as failed, None when it does not."""
    by_kind = {flag.kind: flag.cause for flag in flags}
    if FlagKind.BROKEN in by_kind:
        return by_kind[FlagKind.BROKEN]
    if FlagKind.MISSED in by_kind:
        return by_kind[FlagKind.MISSED]
    if FlagKind.LATE in by_kind and any(outage.back_at is None for outage in facts.outages):
        return by_kind[FlagKind.LATE]
    if last_run is not None and not last_run.succeeded:
        return f"The run that ended at {clock(last_run.ended_at or now)} failed."
    return None


def is_active(facts: JobFacts, flags: Sequence[Flag], last_run: Run | None, next_run_at: datetime | None, now: datetime) -> bool:
    if last_run is None or not last_run.succeeded or any(flag.kind is FlagKind.LATE for flag in flags):
        return False
    if next_run_at is not None and next_run_at - now <= ACTIVE_WITHIN:
        return True
    return facts.sweep and not any(outage.component == "triggerer" and outage.back_at is None for outage in facts.outages)


def next_run(facts: JobFacts, pause: Pause | None, now: datetime) -> datetime | None:
    """Return the next tick; for a paused job the first one after it resumes by itself, else None."""
    if facts.schedule is None:
        return None
    if pause is None:
        return facts.schedule.after(now)
    return facts.schedule.after(max(pause.resume_at, now)) if pause.resume_at else None


def pause_sentence(pause: Pause) -> str:
    by = f" by {pause.by}" if pause.by else ""
    to = f" until {clock(pause.resume_at)}" if pause.resume_at else ""
    why = f": {pause.reason}" if pause.reason else ""
    return f"Paused{by} at {clock(pause.start_at)}{to}{why}"


def outage_of(component: str, last_heartbeat_at: datetime, now: datetime) -> Outage | None:
    """Return the outage that a component's last heartbeat means at ``now``, None while it beats."""
    return Outage(component=component, stopped_at=last_heartbeat_at) if now - last_heartbeat_at >= STOPPED_AFTER else None


def clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def span(time: timedelta) -> str:
    seconds = round(time.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min {seconds % 60} s"
