"""Airflow's own tables are kept bounded, and never of anything that the audit trail does not hold yet."""

import logging
import subprocess
import sys
import tempfile
import time
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
SECONDS: Final = 1_800.0

log = logging.getLogger(__name__)


class CleanUp:
    """Airflow's own command at work. It may take many minutes on large tables, and nobody waits for it: ``look`` asks what became of it."""

    def __init__(self, before: datetime, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "airflow", "db", "clean", "--yes", "--skip-archive", "--error-on-cleanup-failure"]
        command += ["--tables", ",".join(TABLES), "--clean-before-timestamp", before.isoformat()]
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 it lives as long as the command
        self._process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.DEVNULL, stderr=self._said)
        self._deadline = time.monotonic() + SECONDS

    def look(self) -> bool | None:
        """Return whether it worked; None while it goes on. What takes too long is ended, and the next day goes on with it."""
        code = self._process.poll()
        if code is None and time.monotonic() < self._deadline:
            return None
        self.end()
        if code != 0:
            self._said.seek(0)
            said = " ".join(self._said.read().decode(errors="replace").split())[-500:]
            log.error("Airflow's tables were not cleaned: %s", said or "it took too long")
        self._said.close()
        return code == 0

    def end(self) -> None:
        """End the command, if it still goes on."""
        self._process.kill()
        self._process.wait()


def begin(
    metadata: Metadata,
    trail: Trail,
    copy: Callable[[list[int]], Any],
    *,
    now: datetime,
    copied_until: datetime,
    environment: Mapping[str, str],
) -> CleanUp | None:
    """Begin to remove what is older than thirty days from Airflow's tables; None where that may not be.

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
        return None
    return CleanUp(before, environment)


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
