"""What people asked Airflow's web server to do, and what came of it, as rows of Airflow's own log; the watch copies them from there.

Airflow writes its row before it acts, and none at all for a refused request. This adds one after the answer: who, what, which status,
and the numbers of Airflow's own rows of the same request, so that both become one entry. Written there and not into eConsent's database,
it cannot be lost while that is away.

1. Only what may change something is looked at, and not what workers say to the server.
2. A call that is made inside another one (the page's own actions go on to Airflow's API) stands for the outer one.
3. A row that cannot be written is logged as an error; the answer has been given by then.

Every task's process imports the plugin, so nothing of Airflow's web server is imported before the first request.
"""

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

EVENT: Final = "econsent.request"
CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
NOT_PEOPLE: Final = ("/execution/", "/auth/", "/ui/auth/", "/static/", "/edge_worker/")
COOKIE: Final = "_token"

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Seen:
    """What is known of the request in hand. ``log_ids``: Airflow's own rows. ``given``: what a route said about it."""

    log_ids: list[int] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)
    inner: bool = False


current: ContextVar[Seen | None] = ContextVar("econsent_request", default=None)


def annotate(**given: Any) -> None:
    """Say about the request in hand what its address does not: its action, the job, a reason. Does nothing outside of a request."""
    seen = current.get()
    if seen is not None:
        seen.given.update({name: value for name, value in given.items() if value is not None})


class AuditMiddleware:
    """A plain ASGI middleware of the root application."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", "")).removeprefix(str(scope.get("root_path", "")))
        if scope["type"] != "http" or scope["method"] not in CHANGING or path.startswith(NOT_PEOPLE):
            await self._app(scope, receive, send)
            return
        note_own_rows()
        outer = current.get()
        seen = Seen(given=dict(outer.given) if outer is not None else {})
        status = 500

        async def watched_send(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        token = current.set(seen)
        try:
            await self._app(scope, receive, watched_send)
        finally:
            current.reset(token)
            if outer is not None:
                outer.inner = True
            if not seen.inner:
                await self._write(scope, path, status, seen)

    async def _write(self, scope: Scope, path: str, status: int, seen: Seen) -> None:
        extra = {
            "method": scope["method"],
            "path": path,
            "status": status,
            "ip_address": (scope.get("client") or (None,))[0],
            "log_ids": sorted(seen.log_ids),
            "given": seen.given,
            "source": "api" if path.startswith("/api/") and not seen.given else "page",
        }
        try:
            await write_row(await user_of(scope), json.dumps(extra, default=str))
        except Exception:
            log.exception("A request (%s %s, %s) could not be written into Airflow's log", scope["method"], path, status)


@cache
def note_own_rows() -> None:
    """Let the rows of Airflow's log that a request writes be known to it by their numbers. Once a process."""
    from airflow.models.log import Log
    from sqlalchemy import event

    def noted(_: Any, __: Any, row: Any) -> None:
        seen = current.get()
        if seen is not None and row.event != EVENT:
            seen.log_ids.append(row.id)

    event.listen(Log, "after_insert", noted)


async def user_of(scope: Scope) -> str:
    """Return the name of who asks; ``anonymous`` where that is nobody whom Airflow knows."""
    user = await user_of_scope(scope)
    return "anonymous" if user is None else user.get_name()


async def user_of_scope(scope: Scope) -> Any:
    """Return who asks, by the credential that Airflow itself would take; None where there is none or it is not valid."""
    from airflow.api_fastapi.core_api.security import resolve_user_from_token
    from fastapi import HTTPException

    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = cookie_of(headers.get("cookie", ""))
    if not token:
        return None
    try:
        return await resolve_user_from_token(token)
    except HTTPException:
        return None


def cookie_of(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


async def write_row(user: str, extra: str) -> None:
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from starlette.concurrency import run_in_threadpool

    def write() -> None:
        with create_session() as session:
            session.add(Log(event=EVENT, owner=user, owner_display_name=user, extra=extra))

    await run_in_threadpool(write)
