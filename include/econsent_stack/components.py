"""Airflow's four components: how each is started, and when it is healthy.

Healthy means a heartbeat newer than the component's own start: the heartbeat of a killed predecessor reads ``healthy`` for half a minute
more.
"""

import json
import os
import sys
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from econsent_stack.project import ROOT
from econsent_stack.server import Launch

API_SERVER: Final = "api-server"
SCHEDULER: Final = "scheduler"
EARLY: Final = ("dag-processor", "triggerer")
"""These need no api-server; the scheduler does."""
WATCH: Final = "watch"
"""No component of Airflow: it has to live when they are dead."""
ALERTS: Final = ("AIRFLOW_CONN_ECONSENT_ALERT_", "AIRFLOW_CONN_ECONSENT_PINGS")
"""Who is told of trouble is the surroundings' to say; the stack itself tells nobody."""
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    API_SERVER: ("api-server",),
    SCHEDULER: (SCHEDULER, "--skip-serve-logs"),  # its log server would listen to the whole network
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
HEALTH_KEYS: Final[Mapping[str, str]] = {SCHEDULER: "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}


def launch(name: str, environment: Mapping[str, str]) -> Launch:
    """Say how to start one component."""
    if name == WATCH:
        alerts = {name: value for name, value in os.environ.items() if name.startswith(ALERTS)}
        return Launch(command=[sys.executable, "-m", "econsent_airflow.watch"], environment={**environment, **alerts}, folder=ROOT)
    return Launch(command=[sys.executable, "-m", "airflow", *COMMANDS[name]], environment=environment, folder=ROOT)


def read_health(web_port: int) -> dict[str, Any]:
    """Return the api-server's own report; empty while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{web_port}/api/v2/monitor/health", timeout=3) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return {}


def is_healthy(name: str, report: Mapping[str, Any], *, since: float) -> bool:
    """Whether ``report`` shows the component alive after ``since`` (seconds since the epoch)."""
    if name == API_SERVER:
        return report.get("metadatabase", {}).get("status") == "healthy"
    key = HEALTH_KEYS[name]
    part: Mapping[str, Any] = report.get(key) or {}
    beat: str | None = part.get(f"latest_{key}_heartbeat")
    return part.get("status") == "healthy" and beat is not None and datetime.fromisoformat(beat).timestamp() > since
