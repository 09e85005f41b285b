"""A worker of webhook delivery that may be killed: the job as its operator runs it, forked from a warmed parent."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg

from econsent_jobs.core.errors import EconsentError
from econsent_jobs.core.limits import Limits
from econsent_jobs.io.database import database_errors
from econsent_jobs.webhook_delivery_retry import deliver_webhooks
from econsent_jobs.webhook_delivery_retry.model import AddressPolicy, Attempted, Request, Settings
from econsent_jobs.webhook_delivery_retry.sender import Sender
from econsent_jobs.webhook_delivery_retry.tools import Tools, real_tools
from tests.prove.webhooks.keys import keys_with

Result = TypeVar("Result")


def warm(setting: dict[str, Any]) -> dict[str, Any]:
    """Everything costly is imported above. ``setting``: ``ca_file``."""
    logging.getLogger().addHandler(logging.NullHandler())  # failing endpoints are part of every case; their lines would hide the rest
    return setting


def work(warmed: dict[str, Any], errand: dict[str, Any]) -> dict[str, Any]:
    """Run one lane once. The report is its result, or ``{"raised": sentence}`` where the run itself could not go on."""
    raised: dict[str, Any] = {"raised": "the connection's end failed"}
    with suppress(psycopg.Error):  # a connection that is gone cannot be closed in order
        try:
            with database_errors(), psycopg.connect(errand["database"], autocommit=True) as database:
                tools = real_tools(database=database, settings=settings_of(warmed, errand), run_id="proof")
                if errand["in_turn"]:
                    tools = in_turn(tools)
                return deliver_webhooks(tools=tools, limits=Limits(batch_size=errand["batch_size"], run_seconds=60)).as_dict()
        except EconsentError as error:
            raised = {"raised": str(error)}
    return raised


def settings_of(warmed: dict[str, Any], errand: dict[str, Any]) -> Settings:
    return Settings(
        keys=keys_with(errand["key_id"]),
        policy=AddressPolicy(allow_loopback=True),
        ca_file=Path(warmed["ca_file"]),
        request_seconds=errand["request_seconds"],
        lease_seconds=errand["lease_seconds"],
        linger_seconds=0,
        beat_seconds=60 if errand["in_turn"] else 0.1,  # in turn: until all that was begun has ended, not until some time is over
        in_flight=errand["in_flight"],
    )


class InTurn:
    """One thing after the other: sends one at a time, statements where they stand and only when no send is under way.

    So calls come in the same order in every run. The worker's clock stands still, because how often it looks around hangs on that.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._turn = asyncio.Lock()
        self._sending = 0
        self._idle = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._sender.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._sender.__aexit__(kind, error, trace)

    async def send(self, request: Request) -> Attempted:
        self._sending += 1
        self._idle.clear()
        try:
            async with self._turn:
                return replace(await self._sender.send(request), duration_ms=0)
        finally:
            self._sending -= 1
            if not self._sending:
                self._idle.set()

    async def run_blocking(self, call: Callable[[], Result]) -> Result:
        await asyncio.sleep(0)  # what was started gets to its send
        if self._sending:
            await self._idle.wait()
        return call()

    def monotonic(self) -> float:
        return 1_000.0


def in_turn(tools: Tools) -> Tools:
    turns = InTurn(tools.sender)
    return replace(tools, sender=turns, run_blocking=turns.run_blocking, clock=turns)
