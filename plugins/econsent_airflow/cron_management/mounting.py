"""What Airflow's every process imports of the plugin, so it imports next to nothing: a task's worker loads plugins too."""

from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any, Final

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]

ROOT: Final[ContextVar[Asgi]] = ContextVar("cron_management_root")
"""Airflow's own application, in whose process and request this is."""


class LateApp:
    """The plugin's application, made at its first request: only the api-server ever gets one."""

    def __init__(self) -> None:
        self._app: Asgi | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if self._app is None:
            from econsent_airflow.cron_management.app import create_app  # FastAPI and Airflow's API layer take a second

            self._app = create_app()
        await self._app(scope, receive, send)


class KnowTheRoot:
    """Middleware of Airflow's own application: remember it, because a mounted application is told only of itself."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            ROOT.set(scope["app"])
        await self._app(scope, receive, send)
