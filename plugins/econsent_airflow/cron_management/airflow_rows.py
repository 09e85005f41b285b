"""What columns of Airflow's own database mean to the rule: read by the page and by the watch alike."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from econsent_airflow.cron_management.schedule import Schedule

COMPONENTS: Final = {"SchedulerJob": "scheduler", "DagProcessorJob": "dag_processor", "TriggererJob": "triggerer"}
KINDS: Final = {
    "scheduled": "scheduled",
    "manual": "manual",
    "asset_triggered": "asset",
    "asset_materialization": "manual",
    "backfill": "backfill",
    "operator_triggered": "manual",
}
GRACE_SECONDS: Final = 60.0
GRACE: Final = re.compile(r"grace:(?P<number>\d{1,6})(?P<unit>s|min|m|h)")
UNIT_SECONDS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600}


def grace_of(tags: Sequence[str] | None) -> float:
    """Read ``grace:60s`` among the tags: how many seconds a run may be late before it is told. Units: s, m or min, h.

    60 where no tag says it readably: one bad tag must blind nobody for all jobs.
    """
    for name in tags or ():
        if found := GRACE.fullmatch(name):
            return float(found["number"]) * UNIT_SECONDS[found["unit"]]
    return GRACE_SECONDS


def schedule_of(timetable: Any) -> Schedule | None:
    """Find the cron expression and its zone in a serialised timetable, also inside one that waits for assets; None where there is none."""
    if not isinstance(timetable, Mapping):
        return None
    if isinstance(expression := timetable.get("expression"), str) and len(expression.split()) == 5:
        zone = timetable.get("timezone")
        return Schedule(expression, zone if isinstance(zone, str) and zone else "UTC")
    nested = (timetable.get(name) for name in ("__var", "timetable"))
    return next((found for part in nested if (found := schedule_of(part)) is not None), None)
