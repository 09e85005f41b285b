"""A run that is asked for while its job is paused would stay queued for ever, so Airflow's API refuses it and says what to do instead.

The page refuses before it opens Airflow's form; this is for a job that was paused meanwhile, and for whoever asks the API itself. Airflow
answers first for all who may not run the job. DAGs without the jobs' tag are left alone.
"""

import asyncio
import json
import re
from typing import Any, Final
from urllib.parse import unquote

from econsent_airflow.cron_management.audit_middleware import user_of_scope
from econsent_airflow.cron_management.mounting import Asgi, Message, Receive, Send

TRIGGER: Final = re.compile(r"/api/v2/dags/(?P<dag_id>[^/~]+)/dagRuns/?")
PATIENCE_SECONDS: Final = 3.0
"""Airflow's form sends "unpause" and "run" at once where both are wanted, in no order."""
LOOK_SECONDS: Final = 0.2
CONFLICT: Final = 409
SENTENCE: Final = "{title} is paused, and a run that is asked for now would wait for ever: resume it in Cron Management first, then run it."


class RunGuard:
    """A plain ASGI middleware of the root application."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", "")).removeprefix(str(scope.get("root_path", "")))
        wanted = TRIGGER.fullmatch(path) if scope["type"] == "http" and scope["method"] == "POST" else None
        title = await title_while_paused(scope, unquote(wanted["dag_id"])) if wanted else None
        if title is None:
            await self._app(scope, receive, send)
            return
        body = json.dumps({"detail": SENTENCE.format(title=title)}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": CONFLICT, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def title_while_paused(scope: Message, dag_id: str) -> str | None:
    """Return the title of a job that stays paused, to a user who may run it; None in every other case."""
    from starlette.concurrency import run_in_threadpool

    user = await user_of_scope(scope)
    if user is None or not await run_in_threadpool(may_run, user, dag_id):
        return None
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE_SECONDS
    while True:
        title = await run_in_threadpool(paused_title, dag_id)
        if title is None or loop.time() >= deadline:
            return title
        await asyncio.sleep(LOOK_SECONDS)


def may_run(user: Any, dag_id: str) -> bool:
    from econsent_airflow.cron_management.actions import RUN
    from econsent_airflow.cron_management.security import may

    return may(user, dag_id, "POST", RUN)


def paused_title(dag_id: str) -> str | None:
    from econsent_airflow.cron_management.queries import ask_airflow_database
    from econsent_airflow.cron_management.settings import tag

    [rows] = ask_airflow_database(("paused_job", {"dag_id": dag_id, "tag": tag()}))
    return str(rows[0]["title"]) if rows else None
