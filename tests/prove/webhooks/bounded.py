"""Sends to receivers one after the other, in a process of its own, and says what each attempt cost in memory.

python -m tests.prove.webhooks.bounded < {"ca_file", "seconds", "urls": [url, …]} > one JSON object a line
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from econsent_jobs.core.collecting import rarely_collected
from econsent_jobs.webhook_delivery_retry.model import AddressPolicy, Request, SecretKeys, Settings
from econsent_jobs.webhook_delivery_retry.sender import HttpsSender
from econsent_stack.process import peak_kb
from tests.prove.webhooks.names import LOOPBACK, NameServer


async def send_all(order: dict[str, Any]) -> None:
    with NameServer(otherwise=(LOOPBACK,)) as names:
        settings = Settings(
            keys=SecretKeys(key_id="key", key=bytes(32)),
            policy=AddressPolicy(allow_loopback=True),
            ca_file=Path(order["ca_file"]),
            nameservers=(LOOPBACK,),
            dns_port=names.port,
            request_seconds=order["seconds"],
        )
        async with HttpsSender(settings) as sender:
            for url in order["urls"]:
                before = peak_kb()
                attempted = await sender.send(Request(method="POST", url=url, headers={"X-Test": "1"}, body=b'{"a": 1}'))
                told = {
                    "outcome": attempted.outcome,
                    "status": attempted.status_code,
                    "address": attempted.address,
                    "excerpt": len(attempted.excerpt or ""),
                    "error": attempted.error,
                    "retry_after": attempted.retry_after,
                    "grown_kb": peak_kb() - before,
                }
                sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    with rarely_collected():  # as in a lane
        asyncio.run(send_all(json.load(sys.stdin)))
