"""When somebody is told, and of what: one incident a job and cause, after so many failures in a row as the job's tag says. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from econsent_airflow.cron_management.rules import FlagKind, JobFacts, Standing, Status, Verdict, until

RUN_CAUSES: Final = ("failing", "not_started")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """``streak``: failures in a row, missed and late ticks counted."""

    cause: str
    sentence: str
    streak: int = 1


def troubles(
    facts: JobFacts, standing: Standing, *, alert_after: int, now: datetime, opened: Sequence[str], errors: Mapping[str, str]
) -> list[Trouble] | None:
    """Return what is wrong with a job at ``now``; None while it is paused, when nothing begins and nothing is over.

    ``opened`` are the causes of its open incidents: a row of failures that goes on keeps the cause under which it was told. ``errors``:
    what failed runs said, by run id.
    """
    if standing.status is Status.PAUSED:
        return None
    found: list[Trouble] = []
    row = failures_in_a_row(facts, standing, now)
    if len(row) >= alert_after:
        told = next((cause for cause in RUN_CAUSES if cause in opened), None)
        found.append(Trouble(cause=told or row[-1][1], sentence=sentence_of(row, standing, errors), streak=len(row)))
    for flag in standing.flags:
        if flag.kind is FlagKind.STUCK:
            found.append(Trouble(cause="stuck", sentence=flag.cause))
        if flag.kind is FlagKind.BROKEN and broken_long_enough(facts, now):
            found.append(Trouble(cause="broken", sentence=flag.cause))
    return found


def failures_in_a_row(facts: JobFacts, standing: Standing, now: datetime) -> list[tuple[datetime, str, str | None]]:
    """Return the failures since the last success, oldest first: when, which cause, and the run."""
    outcomes: list[tuple[datetime, str | None, str | None]] = [
        (run.ended_at, None if run.succeeded else "failing", run.run_id)
        for run in until(facts, now).runs
        if run.ended_at is not None and run.kind != "backfill"
    ]
    outcomes += [
        (tick.decided_at, "not_started", None)
        for tick in standing.ticks
        if tick.verdict in (Verdict.MISSED, Verdict.LATE) and tick.decided_at is not None
    ]
    row: list[tuple[datetime, str, str | None]] = []
    for at, cause, run_id in sorted(outcomes, key=lambda outcome: outcome[0]):
        row = [*row, (at, cause, run_id)] if cause is not None else []
    return row


def sentence_of(row: Sequence[tuple[datetime, str, str | None]], standing: Standing, errors: Mapping[str, str]) -> str:
    cause, run_id = row[-1][1:]
    if cause == "not_started":
        flagged = [flag.cause for flag in standing.flags if flag.kind in (FlagKind.LATE, FlagKind.MISSED)]
        return " ".join(flagged) or "Its runs do not start."
    what = "Its last run failed" if len(row) == 1 else f"{len(row)} runs in a row failed or did not start"
    return f"{what}: {errors.get(run_id or '', 'no reason was recorded; read the log of the run')}"


def broken_long_enough(facts: JobFacts, now: datetime) -> bool:
    """A file that is being saved may not import for a moment."""
    grace = timedelta(seconds=facts.grace_seconds)
    return any(broken.end_at is None and now - broken.start_at >= grace for broken in facts.breaks)
