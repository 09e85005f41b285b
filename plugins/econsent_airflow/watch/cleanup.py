"""Airflow's own tables are kept bounded, and never of anything that the audit trail does not hold yet."""

import logging
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from econsent_airflow.watch.metadata import Metadata
from econsent_airflow.watch.trail import Trail

KEPT: Final = timedelta(days=30)
TABLES: Final = (
    "dag_run",
    "task_instance",
    "task_instance_history",
    "xcom",
    "log",
    "job",
    "asset_event",
)
SECONDS: Final = 1_800

log = logging.getLogger(__name__)


def clean_up(
    metadata: Metadata,
    trail: Trail,
    copy: Callable[[list[int]], Any],
    *,
    now: datetime,
    copied_until: datetime,
    environment: Mapping[str, str],
) -> bool:
    """Remove what is older than thirty days from Airflow's tables; return whether it was done.

    1. The limit is never later than what was copied: ``copied_until`` for people's actions.
    2. Every run before the limit is looked up in the history. What is missing is copied now; if something still is, nothing is removed.
    3. Airflow's own command does the rest, without its archive tables and without ``--dag-ids``, which would skip tables.
    """
    before = min(now - KEPT, copied_until)
    missing = unaudited(metadata, trail, before)
    if missing:
        copy(missing)
        missing = unaudited(metadata, trail, before)
    if missing:
        log.error("Airflow's tables were not cleaned: %d runs before %s are not in the audit trail", len(missing), before)
        return False
    command = [sys.executable, "-m", "airflow", "db", "clean", "--yes", "--skip-archive", "--error-on-cleanup-failure"]
    command += ["--tables", ",".join(TABLES), "--clean-before-timestamp", before.isoformat()]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode != 0:
        log.error("Airflow's tables were not cleaned: %s", " ".join(done.stderr.split())[-500:])
    return done.returncode == 0


def unaudited(metadata: Metadata, trail: Trail, before: datetime) -> list[int]:
    """Return the numbers of the runs that a clean-up would remove and that the history does not hold."""
    missing: list[int] = []
    after_id = 0
    while keys := metadata.run_keys(before=before, after_id=after_id):
        after_id = keys[-1]["id"]
        over = [key for key in keys if key["state"] in ("success", "failed")]
        missing += [key["id"] for key in keys if key["state"] not in ("success", "failed")]
        missing += trail.missing_executions(over)
    return missing
