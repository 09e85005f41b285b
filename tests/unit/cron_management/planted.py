"""Bugs to plant in the rule, each a small change of its text that the generated histories must find."""

import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

from econsent_airflow.cron_management import rules

SOURCE: Final = Path(rules.__file__).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Planted:
    name: str
    old: str
    new: str

    def module(self) -> ModuleType:
        """Return the rule with the bug in it."""
        assert SOURCE.count(self.old) == 1, f"{self.name}: its line is not there once"
        module = ModuleType(f"planted_{self.name.replace(' ', '_')}")
        sys.modules[module.__name__] = module  # dataclasses look their module up there
        exec(compile(SOURCE.replace(self.old, self.new), module.__name__, "exec"), module.__dict__)  # noqa: S102 our own source
        return module


BUGS: Final = (
    Planted(
        "a run wins over a pause",
        "    if pause is not None:\n        status, failure",
        "    if pause is not None and not active:\n        status, failure",
    ),
    Planted("failed wins over running", "    elif active_run is not None:", "    elif active_run is not None and failure is None:"),
    Planted("grace is not waited for", "timedelta(seconds=facts.grace_seconds))", "timedelta(0))"),
    Planted("late one second too late", "late_at <= now and", "late_at < now and"),
    Planted(
        "missed counts as late", "Verdict.MISSED if next_at <= now else Verdict.LATE", "Verdict.MISSED if next_at < now else Verdict.LATE"
    ),
    Planted("a held tick is missed", "        if end is None:\n            return None\n", "        if end is None:\n            break\n"),
    Planted(
        "pauses do not hold", "(pause.start_at, pause.end_at) for pause in facts.pauses)", "(pause.start_at, pause.end_at) for pause in ())"
    ),
    Planted("back-fills hold the slot", ' and run.kind != "backfill"]', "]"),
    Planted("a manual run counts as the tick's", 'run.kind == "scheduled" and run.run_after == at', "run.run_after >= at"),
    Planted("a queued run counts as started", "    started = [run for run in own if run.started_at is not None]", "    started = own"),
    Planted("old misses are never forgiven", "tail = ticks[ran + 1 :]", "tail = ticks"),
    Planted("stuck after more than two minutes", "now - last_sign >= STUCK_AFTER", "now - last_sign > STUCK_AFTER"),
    Planted("a resting task is stuck", "run.heartbeat_at, run.resting_until]", "run.heartbeat_at]"),
    Planted("a run that waits for its turn is stuck", "            signs.append(slot_taken_at)", "            pass"),
    Planted("slow by the mean of all", "in sorted(good)[-SLOW_RUNS:]]", "in good[:1]]"),
    Planted("slow without a floor", "max(SLOW_FACTOR * usual, SLOW_AT_LEAST)", "SLOW_FACTOR * usual"),
    Planted("the future is known", "ended = run.ended_at is not None and run.ended_at <= now", "ended = run.ended_at is not None"),
    Planted("a mended file is broken", "        if broken.end_at is None:\n            cause", "        if broken:\n            cause"),
    Planted("late alone is a failure", " and any(outage.back_at is None for outage in facts.outages):", ":"),
    Planted(
        "the last run is the longest",
        "last_run = max(ended, key=lambda run: (run.ended_at, run.run_id)",
        "last_run = max(ended, key=lambda run: (run.started_at, run.run_id)",
    ),
    Planted("active for twelve minutes", "ACTIVE_WITHIN: Final = timedelta(minutes=10)", "ACTIVE_WITHIN: Final = timedelta(minutes=12)"),
    Planted("a queue is active without its watcher", 'outage.component == "triggerer" and', 'outage.component == "queue" and'),
    Planted(
        "a paused job's next run is the next tick",
        "return facts.schedule.after(max(pause.resume_at, now)) if pause.resume_at else None",
        "return facts.schedule.after(now)",
    ),
)
