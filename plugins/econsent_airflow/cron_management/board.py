"""The list as a document: every job judged, and put into the words that the page shows. Nothing here asks a database."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from econsent_airflow.cron_management.explanations import explain
from econsent_airflow.cron_management.facts import AGE, Job, Known, Platform, is_age
from econsent_airflow.cron_management.rules import FlagKind, JobFacts, Run, Standing, Status, Verdict
from econsent_airflow.cron_management.settings import support, tag

STRIP: Final = 20
ALIVE_SECONDS: Final = 30.0
WATCH_SECONDS: Final = 60.0
COMPONENTS: Final = (("scheduler", "Scheduler"), ("dag_processor", "Dag processor"), ("triggerer", "Triggerer"), ("watch", "Watch"))
UNWATCHED: Final = "No audit trail here: the history is Airflow's own"
UNSEALED: Final = "Nothing is sealed yet"


def text(at: datetime | None) -> str | None:
    """A moment as the page reads it: ISO 8601, UTC, in milliseconds."""
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_of(run: Run) -> float | None:
    """How long a run took, in seconds; None before it has ended."""
    if run.started_at is None or run.ended_at is None:
        return None
    return round((run.ended_at - run.started_at).total_seconds(), 3)


def outcome_of(run: Run) -> str:
    if run.ended_at is None:
        return "queued" if run.started_at is None else "running"
    return "success" if run.succeeded else "failed"


def platform_document(platform: Platform, now: datetime) -> dict[str, Any]:
    """Say whether the page can be believed. Heartbeats that beat are left out of it, so that it changes only when one stops."""
    components: list[dict[str, Any]] = []
    for name, title in COMPONENTS:
        beat = platform.beats.get(name)
        if name == "watch" and not platform.trail_is_there:
            continue
        alive = beat is not None and now - beat <= timedelta(seconds=WATCH_SECONDS if name == "watch" else ALIVE_SECONDS)
        components.append({"name": name, "title": title, "alive": alive, "beat_at": None if alive else text(beat)})
    seal = platform.seal
    return {
        "components": components,
        "seal": {"entry": seal["entry"], "at": text(datetime.fromisoformat(seal["at"]))} if seal else None,
        "seal_words": UNSEALED if platform.trail_is_there else UNWATCHED,
    }


def beats_header(platform: Platform, now: datetime) -> str:
    """The heartbeats, for a header that also an unchanged answer carries."""
    return json.dumps({name: text(min(beat, now)) for name, beat in platform.beats.items() if beat is not None})


def list_document(
    known: Known,
    standings: Mapping[str, Standing],
    now: datetime,
    *,
    may_act: Mapping[str, bool],
    may_run: Mapping[str, bool],
    past: bool,
) -> dict[str, Any]:
    """Return the whole list for one user. ``standings`` holds every job, judged; ``may_act`` the jobs that the user may see."""
    jobs = [job for job in known.jobs if job.dag_id in may_act]
    return {
        "at": text(now) if past else None,
        "tag": tag(),
        "can_act": any(may_act.values()),
        "paused_together": any(job.pause is not None and job.pause.batch_id is not None for job in jobs),
        "platform": platform_document(known.platform, now),
        "jobs": [
            job_document(job, standings[job.dag_id], now, can={"pause": may_act[job.dag_id], "run": may_run[job.dag_id]}) for job in jobs
        ],
    }


def job_document(job: Job, standing: Standing, now: datetime, *, can: Mapping[str, bool]) -> dict[str, Any]:
    """Return one row of the list."""
    return {
        "dag_id": job.dag_id,
        "title": job.title,
        "purpose": job.purpose,
        "schedule_words": job.schedule_words,
        "status": standing.status.lower(),
        "flags": [{"name": str(flag.kind), "cause": flag.cause} for flag in standing.flags],
        "paused": paused_document(job) if standing.status is Status.PAUSED else None,
        "resume_words": resume_words(standing),
        "notice": notice_document(job, standing),
        "running": running_document(standing.active_run),
        "last_run": last_run_document(job, standing.last_run),
        "next": next_document(job.facts, standing, now),
        "waiting": waiting_document(job),
        "figure": figure_document(job),
        "strip": strip_document(job.facts, standing, now),
        "can": dict(can),
    }


def paused_document(job: Job) -> dict[str, Any]:
    pause = job.pause
    if pause is None:
        return {"by": None, "at": None, "reason": None, "until": None}
    return {"by": pause.by or None, "at": text(pause.at), "reason": pause.reason or None, "until": text(pause.resume_at)}


def skipped_count(standing: Standing) -> int:
    return sum(flag.count for flag in standing.flags if flag.kind in (FlagKind.SKIPPED, FlagKind.MISSED))


def waited_words(standing: Standing) -> str:
    """Say how many runs a pause has cost so far."""
    count = skipped_count(standing)
    return {0: "No run was skipped yet.", 1: "One run was skipped."}.get(count, f"{count} runs were skipped, or more.")


def resume_words(standing: Standing) -> str:
    """Say what resuming will do, before it is done."""
    if skipped_count(standing) == 0:
        return "No run was skipped meanwhile. The next one starts when it is due."
    return f"{waited_words(standing)} The latest of them starts at once. The others are not made up for: one run takes up all that waits."


def notice_document(job: Job, standing: Standing) -> dict[str, Any] | None:
    """Return the sentence under a row that needs a person; None for a quiet one."""
    dag = quote(job.dag_id)
    if standing.status is Status.PAUSED:
        then = " Resuming starts the latest of them at once." if skipped_count(standing) else ""
        return {"tone": "paused", "headline": "Paused", "text": waited_words(standing) + then, "links": []}
    kinds = {flag.kind for flag in standing.flags}
    look = [{"words": "What to look at", "to": f"/plugin/cron-management/jobs/{dag}"}]
    if standing.status is Status.FAILED and not kinds & {FlagKind.BROKEN, FlagKind.MISSED, FlagKind.LATE} and standing.last_run is not None:
        row = job.executions.get(standing.last_run.run_id)
        error_class = row["error_class"] if row else None
        said = (row["error_sentence"] or "") if row else ""
        headline = f"The last run {explain(error_class).headline}"
        headline += f" ({error_class})." if error_class else "."
        return {"tone": "failed", "headline": headline, "text": f"{sentence(said)}{next_words(standing)}", "links": look}
    if standing.status is Status.FAILED:
        return {"tone": "failed", "headline": "", "text": sentence(standing.cause or ""), "links": look}
    serious = [flag for flag in standing.flags if flag.kind is not FlagKind.SKIPPED]
    if serious:
        return {"tone": "warning", "headline": "", "text": " ".join(flag.cause for flag in serious), "links": look}
    return None


def sentence(words: str) -> str:
    """End it as a sentence, with room for the next one."""
    if not words:
        return ""
    return f"{words[0].upper()}{words[1:]}{'' if words[-1] in '.!?' else '.'} "


def next_words(standing: Standing) -> str:
    return "The next run continues by itself." if standing.next_run_at is not None else "A run that is asked for continues."


def running_document(run: Run | None) -> dict[str, Any] | None:
    return None if run is None else {"run_id": run.run_id, "started_at": text(run.started_at), "queued_at": text(run.queued_at)}


def last_run_document(job: Job, run: Run | None) -> dict[str, Any] | None:
    if run is None:
        return None
    row = job.executions.get(run.run_id)
    return {
        "run_id": run.run_id,
        "started_at": text(run.started_at),
        "ended_at": text(run.ended_at),
        "seconds": seconds_of(run),
        "outcome": outcome_of(run),
        "words": counts_words(row["counts"] if row else None),
    }


def counts_words(counts: Mapping[str, Any] | None) -> str | None:
    """Say what a run did in a few words."""
    if not counts:
        return None
    words = [f"{counts.get('changed', 0):,} done"]
    words += [f"{counts[name]:,} {name}" for name in ("quarantined", "failed") if counts.get(name)]
    if counts.get("mended"):
        words.append(f"{sum(counts['mended'].values()):,} mended")
    return ", ".join(words)


def next_document(facts: JobFacts, standing: Standing, now: datetime) -> dict[str, Any]:
    if standing.status is Status.PAUSED:
        due = standing.next_run_at or (facts.schedule.after(now) if facts.schedule else None)
        return {"kind": "paused", "at": text(due), "words": "paused"}
    if any(flag.kind is FlagKind.BROKEN for flag in standing.flags):
        return {"kind": "none", "at": None, "words": "when its file is mended"}
    if facts.sweep:
        return {"kind": "sweep" if standing.next_run_at else "arrival", "at": text(standing.next_run_at)}
    return {"kind": "schedule", "at": text(standing.next_run_at), "words": "only by hand"}


def waiting_document(job: Job) -> dict[str, Any] | None:
    return None if job.figures is None else {"count": job.figures["backlog"], "oldest_at": text(job.waiting_since)}


def figure_document(job: Job) -> dict[str, Any] | None:
    """Return the job's own figure. An age is told as a moment."""
    row = job.figures
    if row is None or row["figure_label"] is None:
        return None
    if is_age(row):
        return {"label": row["figure_label"].removeprefix(AGE), "value": None, "since": text(job.figure_since)}
    return {"label": row["figure_label"], "value": None if row["figure"] is None else round(row["figure"], 4), "since": None}


def strip_document(facts: JobFacts, standing: Standing, now: datetime) -> list[dict[str, Any]]:
    """Return the last runs, oldest first, with the ticks that came to nothing between them."""
    begun = [run for run in facts.runs if run.queued_at <= now]
    bars = [
        {
            "run_id": run.run_id,
            "outcome": outcome_at(run, now),
            "seconds": seconds_of(run) if run.ended_at and run.ended_at <= now else None,
            "at": text(run.started_at or run.queued_at),
        }
        for run in begun
    ]
    gaps = [
        {"run_id": None, "outcome": str(tick.verdict), "seconds": None, "at": text(tick.at)}
        for tick in standing.ticks
        if tick.verdict in (Verdict.MISSED, Verdict.SKIPPED) and tick.run_id is None
    ]
    return sorted([*bars, *gaps], key=lambda bar: bar["at"] or "")[-STRIP:]


def outcome_at(run: Run, now: datetime) -> str:
    if run.ended_at is not None and run.ended_at <= now:
        return outcome_of(run)
    return "queued" if run.started_at is None or run.started_at > now else "running"


def failure_document(
    job: Job, standing: Standing, *, seen: Sequence[Mapping[str, Any]], error: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Explain the last failure.

    ``seen`` are the failures of the same fingerprint; ``error`` is what the run's own tasks left, for as long as the trail lacks it.
    """
    run = standing.last_run
    blocked = next((flag for flag in standing.flags if flag.kind in (FlagKind.BROKEN, FlagKind.MISSED)), None)
    if blocked is not None and standing.status is Status.FAILED:
        advice = "Mend the file." if blocked.kind is FlagKind.BROKEN else "Look at the processes above the list, and at their logs."
        return {
            "headline": blocked.cause,
            "at": None,
            "run_id": None,
            "open": True,
            "advice": advice,
            "happens_now": "Nothing runs until that is mended. What waits is not lost.",
            "seen": [],
            "seen_count": 0,
            "support": support(),
        }
    if run is None or run.succeeded is not False:
        return None
    row = job.executions.get(run.run_id) or {}
    error_class = row.get("error_class") or (error or {}).get("error_class")
    explanation = explain(error_class)
    counts = row.get("counts") or (error or {}).get("counts")
    return {
        "run_id": run.run_id,
        "at": text(run.started_at or run.queued_at),
        "headline": explanation.headline,
        "error_class": error_class,
        "meaning": explanation.meaning if error_class else None,
        "sentence": row.get("error_sentence") or (error or {}).get("sentence"),
        "done": done_words(counts),
        "happens_now": next_words(standing) + (" Nothing was lost." if error_class and error_class != "integrity" else ""),
        "advice": explanation.advice,
        "seen": [{"run_id": one["run_id"], "at": text(one["started_at"] or one["run_after"])} for one in seen[:5]],
        "seen_count": len(seen),
        "support": support(),
        "open": standing.active_run is None,
        "log_path": (error or {}).get("log_path") or f"/dags/{quote(job.dag_id)}/runs/{quote(run.run_id)}",
    }


def done_words(counts: Mapping[str, Any] | None) -> str | None:
    if not counts or not counts.get("examined"):
        return None
    return f"{counts.get('changed', 0):,} of {counts['examined']:,} items; the rest stay due"
