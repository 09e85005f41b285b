"""What webhook delivery works with, and how it is put together on PostgreSQL and HTTPS."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import SystemRandom
from typing import Protocol, TypeVar

from econsent_jobs.core.clock import Clock, SystemClock
from econsent_jobs.io.database import Connection
from econsent_jobs.webhook_delivery_retry.model import Settings
from econsent_jobs.webhook_delivery_retry.sender import HttpsSender, Sender
from econsent_jobs.webhook_delivery_retry.store import PostgresStore, Store

Result = TypeVar("Result")


class Blocking(Protocol):
    def __call__(self, call: Callable[[], Result], /) -> Awaitable[Result]:
        """Run what blocks, such as a statement; one call at a time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """One lane's tools. ``chance`` returns a number from -1 to 1. ``run_id`` is noted with each attempt.

    ``run_blocking`` keeps statements off the event loop, so that answers are read while PostgreSQL works.
    """

    store: Store
    sender: Sender
    settings: Settings
    clock: Clock
    chance: Callable[[], float]
    run_blocking: Blocking
    run_id: str | None = None


def real_tools(*, database: Connection, settings: Settings, run_id: str | None = None) -> Tools:
    """Put the tools together. ``database`` is in autocommit mode, and this lane's alone."""
    return Tools(
        store=PostgresStore(database),
        sender=HttpsSender(settings),
        settings=settings,
        clock=SystemClock(),
        chance=even_chance,
        run_blocking=asyncio.to_thread,
        run_id=run_id,
    )


def even_chance() -> float:
    """Spread alike from -1 to 1; processes forked from one parent differ."""
    return SystemRandom().uniform(-1, 1)
