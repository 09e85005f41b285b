"""A proxy before Elasticsearch that does to ``_bulk`` what networks, servers and gateways do."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Answer = tuple[int, dict[str, str], bytes]
Fault = Callable[["Call"], Answer | None]
"""Returns what the client gets, or None to hang up. Whether the server is asked at all is the fault's to say."""
PRODUCT = {"X-Elastic-Product": "Elasticsearch", "Content-Type": "application/vnd.elasticsearch+json;compatible-with=9"}


class Call:
    """One request. ``forward()`` lets the server carry it out."""

    def __init__(self, handler: BaseHTTPRequestHandler, endpoint: str, body: bytes) -> None:
        self.handler, self.endpoint, self.body = handler, endpoint, body

    def forward(self) -> Answer:
        server = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=30)
        kept = {name: value for name, value in self.handler.headers.items() if name.lower() not in {"host", "content-length"}}
        server.request(self.handler.command, self.handler.path, body=self.body, headers=kept)
        answer = server.getresponse()
        body = answer.read()
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in {"content-length", "transfer-encoding"}}
        server.close()
        return answer.status, headers, body


@contextmanager
def proxy(endpoint: str, faults: list[Fault]) -> Iterator[str]:
    """Serve; each ``_bulk`` takes the next fault as long as there is one. Yields the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self) -> None:
            call = Call(self, endpoint, self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            fault = faults.pop(0) if faults and "_bulk" in self.path else Call.forward
            answer = fault(call)
            if answer is None:
                self.close_connection = True
                return
            status, headers, body = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.close_connection = "Content-Length" in headers  # a length that is not the body's: hang up in the middle

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Keep the test's output quiet."""

    for method in ("GET", "POST", "PUT", "HEAD", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.serve)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def refused(status: int, kind: str) -> Fault:
    """Answer with an error, the server not asked."""
    body = json.dumps({"error": {"type": kind, "reason": "asked of the proxy"}, "status": status}).encode()
    return lambda _: (status, PRODUCT, body)


def gateway(status: int) -> Fault:
    """Answer as a gateway in between does: no JSON, no sign of Elasticsearch."""
    return lambda _: (status, {"Content-Type": "text/html"}, b"<h1>no</h1>")


def lost_answer(call: Call) -> Answer | None:
    """The effect is there, the answer is not."""
    call.forward()
    return None


def cut_answer(call: Call) -> Answer | None:
    """The connection ends in the middle of the answer."""
    status, headers, body = call.forward()
    return status, headers | {"Content-Length": str(len(body))}, body[: len(body) // 2]


def never_arrived(call: Call) -> Answer | None:
    return None


def change_items(change: Callable[[dict[str, Any]], dict[str, Any]], *, asked: bool) -> Fault:
    """Answer 200 with other items inside; ``asked``: whether the server carried the request out."""

    def fault(call: Call) -> Answer | None:
        if asked:
            _, _, body = call.forward()
            items = json.loads(body)["items"]
        else:
            items = [{"index": {}} for _ in call.body.splitlines()[::2]]
        told = {"took": 1, "errors": True, "items": [{"index": change(item["index"])} for item in items]}
        return 200, PRODUCT, json.dumps(told).encode()

    return fault
