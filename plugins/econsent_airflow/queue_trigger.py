"""What starts a run when work arrives: a queue in PostgreSQL that notifies, seen by Airflow as an asset.

A notification reaches only who listens at that moment, so the queue itself is asked when listening begins, after every loss of the
connection, and once in a while. What wakes a run carries nothing: the run reads the queue.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import psycopg
from airflow.sdk import Asset, AssetWatcher, BaseHook
from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from psycopg import sql

from econsent_airflow.connections import DATABASE
from econsent_jobs.core.statements import statement

POLL_SECONDS: Final = 30.0
QUIET_SECONDS: Final = 5.0  # after a run was woken: it stays longer than that, and takes up what comes meanwhile
RECONNECT_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 5


def watched_queue(stem: str, *, channel: str) -> Asset:
    """Return the asset of a job's queue. The job's ``sql/waiting.sql`` says whether a run should start; ``channel`` tells of work."""
    watcher = AssetWatcher(name=f"{stem}_queue", trigger=QueueTrigger(stem=stem, channel=channel))
    return Asset(name=f"{stem}_queue", watchers=[watcher])


class QueueTrigger(BaseEventTrigger):
    """Fires when ``channel`` is notified, and when the job's ``waiting.sql`` says that something waits. Runs in the triggerer."""

    def __init__(self, *, stem: str, channel: str, poll_seconds: float = POLL_SECONDS, quiet_seconds: float = QUIET_SECONDS) -> None:
        super().__init__()
        self.stem = stem
        self.channel = channel
        self.poll_seconds = poll_seconds
        self.quiet_seconds = quiet_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer makes this again from."""
        settings = {"stem": self.stem, "channel": self.channel, "poll_seconds": self.poll_seconds, "quiet_seconds": self.quiet_seconds}
        return f"{type(self).__module__}.{type(self).__qualname__}", settings

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for each time that a run should start; never ends by itself."""
        while True:
            try:
                async with await self._connect() as database:
                    await database.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self.channel)))
                    async for cause in self._causes(database):
                        yield TriggerEvent({"queue": self.stem, "cause": cause})
                        await asyncio.sleep(self.quiet_seconds)
            except psycopg.OperationalError as error:
                self.log.warning("The queue of %s cannot be watched, trying again in %g s: %s", self.stem, RECONNECT_SECONDS, error)
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _causes(self, database: psycopg.AsyncConnection[Any]) -> AsyncIterator[str]:
        """Look at the queue, then wait for a notification until it is time to look again."""
        while True:
            cursor = await database.execute(statement(f"econsent_jobs.{self.stem}", "waiting"))
            row = await cursor.fetchone()
            if row is not None and row[0]:
                yield "waiting"
            async for _ in database.notifies(timeout=self.poll_seconds, stop_after=1):
                yield "notified"

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        found = await BaseHook.aget_connection(DATABASE.format(stem=self.stem))
        return await psycopg.AsyncConnection.connect(
            host=found.host,
            port=found.port or 5432,
            user=found.login,
            password=found.password,
            dbname=found.schema,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            application_name=f"econsent {self.stem} queue",
        )
