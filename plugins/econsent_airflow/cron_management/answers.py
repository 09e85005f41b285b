"""How documents are sent: whole, as 304 to a reader who has the same one, or only when they change to one who prefers to wait."""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.status import HTTP_304_NOT_MODIFIED

from econsent_airflow.cron_management.board import text
from econsent_airflow.cron_management.facts import utc_now

NO_STORE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
WAIT: Final = re.compile(r"(?:^|[,;\s])wait=(?P<seconds>\d{1,4})(?:$|[,;\s])")
MOST_WAIT_SECONDS: Final = 8.0
STEP_SECONDS: Final = 1.6


@dataclass(frozen=True, slots=True)
class Sent:
    """A document as it goes over the wire."""

    content: bytes
    etag: str


def sent(document: Any) -> Sent:
    content = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return Sent(content, f'"{hashlib.sha256(content).hexdigest()[:24]}"')


def answer(request: Request, document: Sent, *, extra: Mapping[str, str] | None = None) -> Response:
    """Send a document, or 304 where the reader has the same one already. ``X-Now`` is the server's time, by which the page's clocks go."""
    headers = {**NO_STORE, "ETag": document.etag, "X-Now": text(utc_now()) or "", **(extra or {})}
    if request.headers.get("if-none-match") == document.etag:
        return Response(status_code=HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(document.content, media_type="application/json", headers=headers)


async def answer_live(
    request: Request, make: Callable[[], tuple[Sent, Mapping[str, str]]], *, step_seconds: float = STEP_SECONDS
) -> Response:
    """Send a document with its headers; to a reader who has it and prefers to wait (``Prefer: wait=8``, RFC 7240) only when it changes.

    So a page that stays open asks every few seconds, and sees a change within one step all the same. The document is made anew at every
    step, by the rights that the user has then.
    """
    until = time.monotonic() + min(preferred_wait(request.headers.get("prefer", "")), MOST_WAIT_SECONDS)
    while True:
        document, extra = await run_in_threadpool(make)
        if document.etag != request.headers.get("if-none-match") or time.monotonic() >= until:
            return answer(request, document, extra=extra)
        await asyncio.sleep(step_seconds)


def preferred_wait(header: str) -> float:
    """Return how many seconds the header ``Prefer`` asks to wait; 0 where it says nothing of it."""
    said = WAIT.search(header)
    return float(said["seconds"]) if said else 0.0
