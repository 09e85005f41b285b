"""A web server that keeps what it is sent."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Sink:
    """A server that keeps what it is sent, and refuses while ``status`` says so."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, Any]] = []
        self.status = 200
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                sink.got.append((self.command, self.path, json.loads(body) if body else None))
                told = b'{"access_token": "t", "note": null}'
                self.send_response(sink.status)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            do_GET = do_POST = do_PATCH = answer  # noqa: N815 the names that http.server looks for

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def sent(self, path: str) -> list[Any]:
        return [body for _, to, body in self.got if to == path]


@contextmanager
def listening() -> Iterator[Sink]:
    """A sink that listens until the end of the block."""
    sink = Sink()
    thread = Thread(target=sink.server.serve_forever)
    thread.start()
    try:
        yield sink
    finally:
        sink.server.shutdown()
        sink.server.server_close()
        thread.join()
