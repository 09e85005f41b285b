"""One round of the watch, and the loop around it.

1. Copy what people did, then what jobs did: an incident never speaks of a run that the history does not show.
2. Write down pauses, silences of components and DAG files that do not import, as they begin and end.
3. Judge every job by the page's own rule, and open and close incidents with their messages, in one transaction each.
4. Send what is due. Resume what was paused until now.
5. Seal the audit trail; once a day store the sealed day in S3 and clean Airflow's tables.
6. Write what runs did into their notes. Say that it is alive, to eConsent's database and to its own ping.

Every step can be cut off anywhere and done again: entries have keys, incidents are unique, messages have names. A step that fails is logged
and does not stop the next, but only a whole round says that the watch is well. Airflow's API, which may hang, is asked after the sending.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from urllib.error import HTTPError

from psycopg import Connection, OperationalError

from econsent_airflow.cron_management.job_facts import live_run, pause_row, trail_break, trail_outage, trail_run
from econsent_airflow.cron_management.rules import judge, outage_of
from econsent_airflow.watch import actions, alerts, cleanup, executions, incidents, segments
from econsent_airflow.watch.alerts import Channels
from econsent_airflow.watch.metadata import MOST_ROWS, Job, Metadata
from econsent_airflow.watch.resume import AirflowApi
from econsent_airflow.watch.trail import Trail
from econsent_jobs.core.errors import EconsentError
from econsent_jobs.io.object_store import LockedObjectStore

OVERLAP: Final = timedelta(minutes=10)  # how late a transaction may commit what it dated earlier
FULL_EVERY: Final = timedelta(minutes=1)
SEAL_AT_ONCE: Final = 5_000
SEND_AT_ONCE: Final = 20
FRESH: Final = timedelta(minutes=10)  # pings and notes are for what has just happened
MAIL_EVERY: Final = timedelta(minutes=1)  # what was just queued goes out at once; this is for what was not taken then
MOST_NOTES: Final = 500
STORE_AGAIN_AFTER: Final = timedelta(minutes=10)  # an archive that hangs takes a minute of a round
DAY_ENDS_AFTER: Final = timedelta(minutes=10)
CLEAN_AT: Final = time(4, 30)  # UTC; the night's retention run is over
WATCH_USER: Final = "watch"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``tag``: what the DAGs of jobs carry. ``send_mail``: sends the due mail of the outbox."""

    channels: Channels
    environment: Mapping[str, str]
    tag: str = "econsent-job"
    store: LockedObjectStore | None = None
    api: AirflowApi | None = None
    send_mail: Callable[[], None] | None = None
    clean: bool = True


@dataclass(slots=True)
class Memory:
    """What one process remembers between rounds. All of it can be lost: it only saves reading."""

    active: set[int] = field(default_factory=set)
    newest: int = 0
    full_at: datetime | None = None
    pinged_at: datetime | None = None
    mailed_at: datetime | None = None
    store_after: datetime | None = None
    cleaning: cleanup.CleanUp | None = None
    notes: deque[dict[str, Any]] = field(default_factory=lambda: deque[dict[str, Any]](maxlen=MOST_NOTES))
    looked_at_everything: bool = False


class Watch:
    """Works on one connection to each database. ``round`` may be called at any time, from one process."""

    def __init__(self, metadata: Connection[Any], econsent: Connection[Any], settings: Settings) -> None:
        self._metadata = Metadata(metadata)
        self._trail = Trail(econsent)
        self._settings = settings
        self._memory = Memory()
        self._failed = False

    def round(self, now: datetime) -> bool:
        """Do everything that is due at ``now``; return whether all of it worked. Raises OperationalError when a database is away."""
        self._failed = False
        jobs, active = self._metadata.jobs(self._settings.tag, now), self._metadata.active_runs()
        steps: list[tuple[str, Callable[[], object]]] = [
            ("what people did was not copied", lambda: self.copy_actions(now)),
            ("what jobs did was not copied", lambda: self.copy_executions(active, now)),
            ("pauses were not followed", lambda: self.follow_pauses(jobs)),
            ("heartbeats were not followed", lambda: self.follow_components(now)),
            ("DAG files were not followed", lambda: self.follow_files(jobs, now)),
            ("the jobs were not judged", lambda: self.judge(jobs, active, now)),
            ("messages were not sent", lambda: self.send(now)),
            ("a pause whose time has come was not ended", lambda: self.resume(now)),
            ("the trail was not sealed", self.seal),
            ("the sealed day was not stored", lambda: self.store_day(now)),
            ("Airflow's tables were not cleaned", lambda: self.clean(now)),
            ("the runs' notes were not written", lambda: self.write_notes(now)),
        ]
        for what, step in steps:
            with self._step(what):
                step()
        self._trail.write_state("alive", {"at": executions.text(now), "well": not self._failed})
        self.ping(now)
        return not self._failed

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        """Log what goes wrong and go on: one step's trouble may not keep the others from telling theirs."""
        try:
            yield
        except OperationalError:
            raise
        except Exception as error:
            self._failed = True
            foreseen = isinstance(error, EconsentError | OSError | LookupError)
            log.error("%s: %s", what, error, exc_info=None if foreseen else error)

    def copy_actions(self, now: datetime) -> None:
        """Copy what people did since the last time, ten minutes over."""
        position = self._trail.state("actions").get("until")
        since = datetime.fromisoformat(position) - OVERLAP if position else datetime(1970, 1, 1, tzinfo=UTC)
        rows = self._metadata.actions(since)
        self._trail.record([entry for entry in actions.entries(rows, now) if not is_own_note(entry)])
        whole = len(rows) < MOST_ROWS
        last = min(rows[-1]["at"], now) if rows and not whole else now
        self._trail.write_state("actions", {"until": executions.text(last)})

    def copy_executions(self, active: Sequence[Mapping[str, Any]], now: datetime) -> None:
        """Copy the executions that ended. ``active`` are those that had not when the round began.

        Runs that left the active ones, and new ones, are looked up by number at once. Once a minute everything that changed lately is
        looked at too: a run may be cleared and end again between two rounds.
        """
        memory = self._memory
        numbers = {row["id"] for row in active}
        full = memory.full_at is None or now - memory.full_at >= FULL_EVERY
        position = self._trail.state("executions").get("until")
        since = datetime.fromisoformat(position) - OVERLAP if position else datetime(1970, 1, 1, tzinfo=UTC)
        while True:
            found = self._metadata.ended_runs(
                ids=sorted(memory.active - numbers), newer_than=memory.newest, changed_since=since if full else None
            )
            self.copy_cleared([row["id"] for row in found])
            self.copy(found, now)
            if not full or len(found) < MOST_ROWS or found[-1]["changed_at"] <= since:
                break
            since = found[-1]["changed_at"]
            self._trail.write_state("executions", {"until": executions.text(since)})
        memory.active = numbers
        memory.newest = max([memory.newest, *numbers, *(row["id"] for row in found)])
        if full:
            memory.full_at = now
            self._trail.write_state("executions", {"until": executions.text(now)})

    def copy(self, runs: Sequence[Mapping[str, Any]], now: datetime) -> None:
        """Write down those executions that the history does not hold, with their pings and notes where they are fresh."""
        keys = [{name: run[name] for name in ("id", "dag_id", "run_id", "clear_number")} for run in runs]
        missing = set(self._trail.missing_executions(keys))
        if not missing:
            return
        tries, results = self._metadata.tries(sorted(missing)), self._metadata.results(sorted(missing))
        found = [executions.execution(run, tries.get(run["id"], []), results.get(run["id"], [])) for run in runs if run["id"] in missing]
        with self._trail.transaction():
            for new in self._trail.record_executions(found):
                if new["dag_id"] in self._settings.channels.pings and now - new["ended_at"] < FRESH:
                    self._trail.queue_alert(
                        message_id=f"ping:{new['dag_id']}:{new['run_id']}:{new['clear_number']}",
                        channel="ping",
                        payload={"name": new["dag_id"], "succeeded": new["outcome"] == "succeeded"},
                    )
        if self._settings.api is not None:
            self._memory.notes += [entry for entry in found if now - datetime.fromisoformat(entry["at"]) < FRESH]

    def write_notes(self, now: datetime) -> None:
        """Write what fresh runs did into their notes, for Airflow's own pages. Last, because an api-server that hangs may take its time."""
        while self._settings.api is not None and self._memory.notes:
            entry = self._memory.notes[0]
            details = entry["details"]
            try:
                if now - datetime.fromisoformat(entry["at"]) < FRESH:
                    self._settings.api.note(details["dag_id"], details["run_id"], note_of(details))
            except HTTPError as error:
                log.warning("The note of %s was refused: %s", details["run_id"], error)
            except OSError as error:
                log.warning("Airflow's API is away, notes wait for it: %s", error)
                return
            self._memory.notes.popleft()

    def copy_cleared(self, ids: Sequence[int]) -> None:
        """Rebuild executions that were cleared before anybody looked."""
        cleared = self._metadata.cleared_runs(list(ids))
        before = [{**row, "clear_number": row["clear_number"] - 1} for row in cleared]
        keys = [{name: row[name] for name in ("id", "dag_id", "run_id", "clear_number")} for row in before]
        missing = set(self._trail.missing_executions(keys))
        tries = self._metadata.tries(sorted(missing)) if missing else {}
        found = [executions.earlier_execution(row, tries.get(row["id"], [])) for row in cleared if row["id"] in missing]
        self._trail.record_executions([entry for entry in found if entry is not None])

    def copy_numbered(self, ids: list[int], now: datetime) -> None:
        """Copy some runs whatever their age: the clean-up asks for those that it found missing."""
        self.copy(self._metadata.ended_runs(ids=ids, newer_than=2**31 - 1, changed_since=None), now)

    def follow_pauses(self, jobs: Sequence[Job]) -> None:
        """Keep the pauses true to Airflow, which alone knows whether a job is paused."""
        lasting = {row["dag_id"]: row for row in self._trail.pauses() if row["resumed_at"] is None}
        for job in jobs:
            pause = lasting.get(job.dag_id)
            if job.is_paused and pause is None:
                self._trail.open_pause(job.dag_id)
            elif job.is_paused and pause is not None and pause["seen_at"] is None:
                self._trail.see_pause(job.dag_id)
            elif not job.is_paused and pause is not None:
                self._trail.close_pause(job.dag_id)
                self._trail.withdraw_stale_pauses(job.dag_id)

    def follow_components(self, now: datetime) -> None:
        lasting = {row["component"]: row for row in self._trail.outages() if row["back_at"] is None}
        for component, heartbeat_at in self._metadata.heartbeats().items():
            outage = outage_of(component, heartbeat_at, now)
            if outage is not None and component not in lasting:
                with self._trail.transaction():
                    self._trail.open_outage(component, heartbeat_at)
                    key = f"component:{component}:{executions.text(heartbeat_at)}:lost"
                    stopped_at = executions.text(heartbeat_at)
                    self._trail.note("component.lost", key=key, at=now, component=component, stopped_at=stopped_at)
            elif outage is None and component in lasting:
                stopped_at = executions.text(lasting[component]["stopped_at"])
                with self._trail.transaction():
                    self._trail.close_outage(component, heartbeat_at)
                    key = f"component:{component}:{stopped_at}:back"
                    self._trail.note("component.back", key=key, at=heartbeat_at, component=component, stopped_at=stopped_at)

    def follow_files(self, jobs: Sequence[Job], now: datetime) -> None:
        lasting = {row["file"]: row for row in self._trail.breaks() if row["mended_at"] is None}
        broken = {row["file"]: row for row in self._metadata.import_errors()}
        for file, row in broken.items():
            if file not in lasting:
                dag_ids = [job.dag_id for job in jobs if job.file == file]
                sentence = last_line(row["stack_trace"])
                with self._trail.transaction():
                    self._trail.open_break(
                        file=file, dag_ids=dag_ids, broke_at=row["at"] or now, sentence=sentence, stack_trace=row["stack_trace"] or ""
                    )
                    key = f"dag_file:{file}:{executions.text(row['at'] or now)}:broken"
                    self._trail.note("dag.broken", key=key, at=row["at"] or now, file=file, dag_ids=dag_ids, sentence=sentence)
        for file, row in lasting.items():
            if file not in broken:
                with self._trail.transaction():
                    self._trail.close_break(file)
                    key = f"dag_file:{file}:{executions.text(row['broke_at'])}:mended"
                    self._trail.note("dag.mended", key=key, at=now, file=file, dag_ids=row["dag_ids"])

    def judge(self, jobs: Sequence[Job], active: Sequence[Mapping[str, Any]], now: datetime) -> None:
        """Open and close incidents, each with its audit entry and its messages in one transaction."""
        history = self._trail.recent_executions([job.dag_id for job in jobs])
        pauses, outages, breaks = self._trail.pauses(), self._trail.outages(), self._trail.breaks()
        opened, signs = self._trail.open_incidents(), self._metadata.live_tasks(self._settings.tag)
        for job in jobs:
            own = [row for row in history if row["dag_id"] == job.dag_id]
            mine_now = [live_run(row, signs.get((job.dag_id, row["run_id"]), {})) for row in active if row["dag_id"] == job.dag_id]
            facts = replace(
                job.plan,
                runs=(*map(trail_run, own), *mine_now),
                pauses=tuple(
                    pause_row(row).fact() for row in pauses if row["dag_id"] == job.dag_id and (row["seen_at"] or row["resumed_at"])
                ),
                outages=tuple(map(trail_outage, outages)),
                breaks=tuple(trail_break(row) for row in breaks if job.dag_id in row["dag_ids"]),
            )
            mine = {row["cause"]: row for row in opened if row["dag_id"] == job.dag_id}
            errors = {row["run_id"]: f"{row['error_class']}: {row['error_sentence']}" for row in own if row["error_class"]}
            found = incidents.troubles(facts, judge(facts, now), alert_after=job.alert_after, now=now, opened=list(mine), errors=errors)
            if found is None:
                continue
            for trouble in found:
                if trouble.cause not in mine:
                    self.open_incident(job.dag_id, trouble, now)
            for cause, row in mine.items():
                if cause not in {trouble.cause for trouble in found}:
                    self.close_incident(row, now)

    def open_incident(self, dag_id: str, trouble: incidents.Trouble, now: datetime) -> None:
        with self._trail.transaction():
            row = self._trail.open_incident(dag_id=dag_id, cause=trouble.cause, sentence=trouble.sentence, streak=trouble.streak)
            if row is None:
                return
            told = {"incident_id": str(row["incident_id"]), "dag_id": dag_id, "cause": trouble.cause, "sentence": trouble.sentence}
            self._trail.note("incident.opened", key=f"incident:{row['incident_id']}:opened", at=now, streak=trouble.streak, **told)
            self.queue({**told, "kind": "opened"})

    def close_incident(self, row: Mapping[str, Any], now: datetime) -> None:
        with self._trail.transaction():
            if self._trail.close_incident(row["incident_id"]):
                told = {"incident_id": str(row["incident_id"]), "dag_id": row["dag_id"], "cause": row["cause"]}
                self._trail.note("incident.recovered", key=f"incident:{row['incident_id']}:recovered", at=now, **told)
                self.queue({**told, "kind": "recovered"})

    def queue(self, payload: Mapping[str, Any]) -> None:
        name = f"{payload['incident_id']}:{payload['kind']}"
        for channel in self._settings.channels.names:
            self._trail.queue_alert(message_id=f"{name}:{channel}", channel=channel, payload=payload)
        if self._settings.channels.recipients:
            subject, body = alerts.mail(payload)
            message_id = f"<incident.{name.replace(':', '.')}@econsent.org>"
            self._trail.queue_mail(message_id=message_id, recipients=self._settings.channels.recipients, subject=subject, body=body)
            self._memory.mailed_at = None

    def send(self, now: datetime) -> None:
        """Send due messages. One that is not taken waits ever longer, and whatever else goes to the same place waits for the next round."""
        away: set[str] = set()
        for row in self._trail.due_alerts(SEND_AT_ONCE):
            place = f"{row['channel']}:{row['payload'].get('name', '')}"
            if place in away:
                continue
            error = None
            try:
                alerts.send(self._settings.channels, row["channel"], row["payload"])
            except (OSError, LookupError) as caught:
                away.add(place)
                error = f"{type(caught).__name__}: {caught}"
                log.warning("A message by %s was not sent: %s", row["channel"], error)
            self._trail.close_alert(row["message_id"], error)
        if self._settings.send_mail is not None and self._settings.channels.recipients:
            memory = self._memory
            if memory.mailed_at is None or now - memory.mailed_at >= MAIL_EVERY:
                memory.mailed_at = now
                self._settings.send_mail()

    def resume(self, now: datetime) -> None:
        """End pauses whose time has come, through Airflow's API. While it is down they wait for it."""
        due = [row for row in self._trail.pauses() if row["resumed_at"] is None and row["seen_at"] and row["resume_at"]]
        for row in due:
            if row["resume_at"] <= now and self._settings.api is not None:
                self._settings.api.resume(row["dag_id"])

    def seal(self) -> None:
        """Seal all that can be sealed. The first round of a process looks at every entry, the others only at new ones."""
        everything = not self._memory.looked_at_everything
        while self._trail.seal(everything=everything, most=SEAL_AT_ONCE) == SEAL_AT_ONCE:
            continue
        self._memory.looked_at_everything = True

    def store_day(self, now: datetime) -> None:
        """Fix yesterday's part of the chain once the day is over, and store what is fixed."""
        if self._settings.store is None or (self._memory.store_after is not None and now < self._memory.store_after):
            return
        self._memory.store_after = now + STORE_AGAIN_AFTER
        day = (now - DAY_ENDS_AFTER).astimezone(UTC).date() - timedelta(days=1)
        if self._trail.state("segment").get("day", "") < day.isoformat():
            segments.fix_day(self._trail, day)
            self._trail.write_state("segment", {"day": day.isoformat()})
        segments.store_days(self._trail, self._settings.store)
        self._memory.store_after = None

    def clean(self, now: datetime) -> None:
        """Clean Airflow's tables once a day, beside the rounds. A failure is logged and waits for the next day: nothing is lost by that."""
        memory = self._memory
        if memory.cleaning is not None:
            if memory.cleaning.look() is not None:
                memory.cleaning = None
            return
        today: date = now.astimezone(UTC).date()
        if (
            not self._settings.clean
            or now.astimezone(UTC).time() < CLEAN_AT
            or self._trail.state("cleaned").get("day") == today.isoformat()
        ):
            return
        self._trail.write_state("cleaned", {"day": today.isoformat()})
        copied_until = datetime.fromisoformat(self._trail.state("actions")["until"]) - OVERLAP
        memory.cleaning = cleanup.begin(
            self._metadata,
            self._trail,
            lambda ids: self.copy_numbered(ids, now),
            now=now,
            copied_until=copied_until,
            environment=self._settings.environment,
        )

    def ping(self, now: datetime) -> None:
        """Tell the outside that the watch lives: when this stops, whoever waits for it raises the alarm."""
        address = self._settings.channels.pings.get("watch")
        due = self._memory.pinged_at is None or (now - self._memory.pinged_at).total_seconds() >= self._settings.channels.ping_seconds
        if address and due and not self._failed:
            with self._step("the watch's own ping was not taken"):
                alerts.call(address, None)
                self._memory.pinged_at = now


def note_of(details: Mapping[str, Any]) -> str:
    """Return what a run did, in the words of its log line; of a failed one why it failed."""
    counts = details["counts"] or {}
    words = " ".join(f"{name}={value}" for name, value in counts.items() if not isinstance(value, dict))
    if details["outcome"] == "failed":
        return f"{details['error_class']}: {details['error_sentence']}" + (f"\n\n{words}" if words else "")
    return words or "succeeded"


def is_own_note(entry: Mapping[str, Any]) -> bool:
    """The watch is no administrator: the notes that it writes are no entries. What it resumes is one."""
    return entry["by"] == WATCH_USER and entry["action"] in ("job.marked", "job.mark_failed", "job.mark_refused")


def last_line(stack_trace: str | None) -> str:
    lines = [line.strip() for line in (stack_trace or "").splitlines() if line.strip()]
    return lines[-1][:500] if lines else "the DAG processor gave no reason"
