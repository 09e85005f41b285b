"""What the watch does in Airflow, through its API and with a login of its own: end a pause whose time has come, and write a run's note."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from econsent_jobs.io.environment import connection_of

CONNECTION: Final = "AIRFLOW_CONN_ECONSENT_AIRFLOW_API"
SECONDS: Final = 5


class AirflowApi:
    """Logs in when first used, and again after a refusal. Every method raises OSError where Airflow does not answer or refuses."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        found = connection_of(environment, CONNECTION)
        self._base = f"http://{found['host']}:{found['port']}" if "://" not in found["host"] else found["host"].rstrip("/")
        assert urlsplit(self._base).scheme in ("http", "https"), "Airflow's API is spoken to by HTTP"
        self._login = {"username": found["login"], "password": found["password"]}
        self._token: str | None = None

    def resume(self, dag_id: str) -> None:
        self._call("PATCH", f"/api/v2/dags/{quote(dag_id, safe='')}", {"is_paused": False})

    def note(self, dag_id: str, run_id: str, note: str) -> None:
        """Write a run's note, unless it has one."""
        path = f"/api/v2/dags/{quote(dag_id, safe='')}/dagRuns/{quote(run_id, safe='')}"
        if not self._call("GET", path).get("note"):
            self._call("PATCH", path, {"note": note})

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        if self._token is None:
            self._token = self._send("POST", "/auth/token", self._login, {})["access_token"]
        try:
            return self._send(method, path, body, {"Authorization": f"Bearer {self._token}"})
        except OSError:
            self._token = None
            raise

    def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 the scheme was checked to be http or https
            self._base + path, data=data, method=method, headers={"Content-Type": "application/json", **headers}
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 the scheme was checked to be http or https
            return json.load(answer)
