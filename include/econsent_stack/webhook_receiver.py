"""The customers' side of webhooks in the embedded stack: an HTTPS server that takes them, and a page on which a person can read them.

    python -m econsent_stack.webhook_receiver FOLDER RECEIVE_PORT PAGE_PORT

``FOLDER`` holds keys and ``secrets.json`` (endpoint id to secret). It receives at ``https://127.0.0.1:RECEIVE_PORT/{way}/{endpoint id}``,
where the way says how the customer's server feels: well, flaky (refuses each delivery's first try), down, slow or gone for good.
``http://127.0.0.1:PAGE_PORT/`` shows what came. ``receipts.jsonl`` keeps it for ``./econsent verify webhook_delivery_retry --receipts``.
"""

import asyncio
import base64
import hashlib
import hmac
import html
import json
import ssl
import sys
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from aiohttp import web

LOOPBACK: Final = "127.0.0.1"
WAYS: Final[Mapping[str, str]] = {
    "healthy": "takes everything",
    "flaky": "refuses each delivery's first try with 503",
    "down": "answers everything with 503",
    "slow": "answers after 30 seconds, which is too late",
    "gone": "answers 410: never again",
}
SLOW_SECONDS: Final = 30
MOST_SHOWN: Final = 500
MOST_BODY_BYTES: Final = 8 * 1024 * 1024
MOST_RECEIPTS_BYTES: Final = 64 * 1024 * 1024
SIGNATURE: Final = "x-econsent-signature"
DELIVERY: Final = "x-econsent-delivery"
PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<title>Webhooks received</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #1a1a1a; background: #fff }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd; vertical-align: top }}
@media (prefers-color-scheme: dark) {{ body {{ color: #eee; background: #161616 }} th, td {{ border-color: #444 }} }}
</style>
<h1>Webhooks received</h1>
<p>What the demo companies' servers were sent, newest first; {count} requests since the start.</p>
<table><thead><tr><th>Time (UTC)<th>Endpoint<th>Its server<th>Event<th>Delivery<th>Try<th>Signature<th>Answer</tr></thead>
<tbody>{rows}</tbody></table>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One request, as the page shows it. ``signature`` says whether the endpoint's secret made it over what came."""

    at: datetime
    endpoint_id: str
    way: str
    event: str
    delivery_id: str
    attempt: str
    signature: str
    status: int | None


class Receiver:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._secrets: dict[str, str] = json.loads((folder / "secrets.json").read_text(encoding="utf-8"))
        self._tries: Counter[str] = Counter()
        self._shown: deque[Taken] = deque(maxlen=MOST_SHOWN)
        self._count = 0
        self._receipts = folder / "receipts.jsonl"

    async def take(self, request: web.Request) -> web.Response:
        """Take one webhook and answer as its customer's server would."""
        way, endpoint_id = request.match_info["way"], request.match_info["endpoint_id"]
        if way not in WAYS or endpoint_id not in self._secrets:
            raise web.HTTPNotFound
        body = await request.read()
        status = self._status(way, request.headers.get(DELIVERY, ""))
        self._write_down(request, way, endpoint_id, body, status)
        if status is None:
            await asyncio.sleep(SLOW_SECONDS)
            return web.Response(status=200, text="better late than never\n")
        return web.Response(status=status, text="thank you\n" if status == 200 else "not now\n")

    def _status(self, way: str, delivery_id: str) -> int | None:
        self._tries[delivery_id] += 1
        if len(self._tries) > 100_000:
            self._tries.clear()
        if way == "flaky":
            return 503 if self._tries[delivery_id] == 1 else 200
        return {"healthy": 200, "down": 503, "gone": 410}.get(way)

    def _write_down(self, request: web.Request, way: str, endpoint_id: str, body: bytes, status: int | None) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        delivery_id = headers.get(DELIVERY, "")
        taken = Taken(
            at=datetime.now(UTC),
            endpoint_id=endpoint_id,
            way=way,
            event=headers.get("x-econsent-event", ""),
            delivery_id=delivery_id,
            attempt=headers.get("x-econsent-attempt", ""),
            signature=self._judge(request.method, endpoint_id, body, headers.get(SIGNATURE, "")),
            status=status,
        )
        self._shown.appendleft(taken)
        self._count += 1
        self._keep(
            {
                "endpoint_id": endpoint_id,
                "delivery_id": delivery_id,
                "method": request.method,
                "headers": headers,
                "body_base64": base64.b64encode(body).decode(),
                "status": status,
            }
        )

    def _judge(self, method: str, endpoint_id: str, body: bytes, signature: str) -> str:
        if method == "GET":
            return "over bytes that a GET leaves out"
        expected = "sha256=" + hmac.new(self._secrets[endpoint_id].encode(), body, hashlib.sha256).hexdigest()
        return "right" if hmac.compare_digest(signature.encode(), expected.encode()) else "wrong"

    def _keep(self, receipt: Mapping[str, Any]) -> None:
        """Append one line; a file that has grown too long is begun anew."""
        if self._receipts.exists() and self._receipts.stat().st_size > MOST_RECEIPTS_BYTES:
            self._receipts.replace(self._receipts.with_suffix(".old.jsonl"))
        with self._receipts.open("a", encoding="utf-8") as file:
            file.write(json.dumps(receipt) + "\n")

    async def show(self, request: web.Request) -> web.Response:
        """The page. No body is on it: a demo may be projected on a wall."""
        rows = "".join(row_of(taken) for taken in self._shown) or "<tr><td colspan=8>Nothing yet.</tr>"
        return web.Response(text=PAGE.format(count=self._count, rows=rows), content_type="text/html")


def row_of(taken: Taken) -> str:
    words = (taken.endpoint_id, WAYS[taken.way], taken.event, taken.delivery_id, taken.attempt, taken.signature)
    cells = (f"{taken.at:%H:%M:%S}", *words, str(taken.status or "none in time"))
    return "<tr>" + "".join(f"<td>{html.escape(cell)}" for cell in cells) + "</tr>"


async def serve(folder: Path, receive_port: int, page_port: int) -> None:
    """Serve until the process is ended."""
    receiver = Receiver(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "keys" / "certificate.pem", folder / "keys" / "private_key.pem")
    taking, showing = web.Application(client_max_size=MOST_BODY_BYTES), web.Application()
    taking.router.add_route("*", "/{way}/{endpoint_id}", receiver.take)
    showing.router.add_get("/", receiver.show)
    for application, port, security in ((taking, receive_port, context), (showing, page_port, None)):
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, port, ssl_context=security).start()
    await asyncio.Event().wait()


def main(argv: list[str]) -> None:
    folder, receive_port, page_port = argv
    asyncio.run(serve(Path(folder), int(receive_port), int(page_port)))


if __name__ == "__main__":
    main(sys.argv[1:])
