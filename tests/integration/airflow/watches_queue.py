"""Watches a job's queue as the triggerer does, and prints each cause on a line. Run in the stack's environment, as a process of its own.

python watches_queue.py STEM CHANNEL
"""

import asyncio
import sys

from econsent_airflow.queue_trigger import QueueTrigger


async def watch(stem: str, channel: str) -> None:
    async for event in QueueTrigger(stem=stem, channel=channel, quiet_seconds=0.1).run():
        sys.stdout.write(f"{event.payload['cause']}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(watch(*sys.argv[1:]))
