"""Airflow's own API, called in its own process with the caller's own credentials.

An action of the page is an action of Airflow: its API checks the rights, does it and writes its own log. Nothing leaves the process, so
no address, no certificate and no second password is needed, and it works below any path.
"""

from dataclasses import dataclass
from typing import Any, Final

import httpx
from fastapi import Request

from econsent_airflow.cron_management.mounting import ROOT

CARRIED: Final = ("authorization", "cookie", "user-agent", "x-forwarded-for")
SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What Airflow said: an HTTP ``status``, and its JSON or None."""

    status: int
    body: Any

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def reason(self) -> str:
        """Airflow's own words for a refusal."""
        detail = self.body.get("detail") if isinstance(self.body, dict) else None
        return detail if isinstance(detail, str) else f"Airflow answered {self.status}"


async def ask_airflow(request: Request, method: str, path: str, *, json: Any = None, params: Any = None) -> Answer:
    """Call ``/api/v2{path}`` in the name of whoever sent ``request``."""
    headers = {name: value for name in CARRIED if (value := request.headers.get(name)) is not None}
    client_host = (request.client.host if request.client else "127.0.0.1", 0)
    transport = httpx.ASGITransport(app=ROOT.get(), client=client_host, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=str(request.base_url.replace(path="/")), timeout=SECONDS) as client:
        answer = await client.request(method, f"/api/v2{path}", json=json, params=params, headers=headers)
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    return Answer(status=answer.status_code, body=answer.json() if is_json else None)
