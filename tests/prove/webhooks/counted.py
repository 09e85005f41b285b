"""Sends to targets in a process of its own whose every connect is counted where Python makes it, and let through to nowhere.

    python -m tests.prove.webhooks.counted < targets.jsonl > sent.jsonl

An audit hook sees each ``socket.connect`` before it happens, whoever calls it; once installed it stays, hence the process. Names are asked
of a real DNS server. Each line out is ``{"outcome", "connects": [address, …], "asked": {"name type": count}}``.
"""

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from econsent_jobs.webhook_delivery_retry.model import Request, SecretKeys, Settings
from econsent_jobs.webhook_delivery_retry.sender import HttpsSender
from tests.prove.webhooks.forbidden_targets import Target
from tests.prove.webhooks.names import LOOPBACK, NameServer

SECONDS: Final = 5.0


class Counter:
    """The hook. It refuses every connect after having counted it."""

    def __init__(self) -> None:
        self.connects: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            address = arguments[1]
            self.connects.append(str(address[0]) if isinstance(address, tuple) else str(address))
            raise ConnectionRefusedError(111, "the test lets nothing out")


class Names(NameServer):
    """Gives every name the same answers, in turn."""

    def __init__(self) -> None:
        super().__init__()
        self._all: list[Sequence[str]] = []

    def begin(self, target: Mapping[str, Any]) -> None:
        later = target["later"]
        self._all = [target["answers"], *([later] if later is not None else [])]
        self.forget()

    def known(self, name: str) -> list[Sequence[str]]:
        return self._all


async def send_all(lines: Iterable[str], counter: Counter) -> None:
    with Names() as names:
        settings = Settings(
            keys=SecretKeys(key_id="key", key=bytes(32)), nameservers=(LOOPBACK,), dns_port=names.port, request_seconds=SECONDS
        )
        async with HttpsSender(settings) as sender:
            for line in lines:
                target = json.loads(line)
                names.begin(target)
                counter.connects.clear()
                attempted = await sender.send(Request(method="POST", url=target["url"], headers={}, body=b"{}"))
                asked = {" ".join(key): count for key, count in names.asked.items()}
                told = {"outcome": attempted.outcome, "error": attempted.error, "connects": list(counter.connects), "asked": asked}
                sys.stdout.write(json.dumps(told) + "\n")


def lines_of(targets: Iterable[Target]) -> str:
    """What the process reads."""
    return "".join(json.dumps(asdict(target)) + "\n" for target in targets)


def main() -> None:
    counter = Counter()
    sys.addaudithook(counter)
    asyncio.run(send_all(sys.stdin, counter))


if __name__ == "__main__":
    main()
