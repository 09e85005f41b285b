"""A collector of OpenTelemetry for tests: it keeps what is sent to it over HTTP."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest


@dataclass(slots=True)
class Collector:
    """``address``: where to send to. ``seen``: each name, with the tags that came with it."""

    address: str
    seen: dict[str, list[dict[str, str]]] = field(default_factory=dict[str, list[dict[str, str]]])

    def keep(self, body: bytes) -> None:
        request: Any = ExportMetricsServiceRequest.FromString(body)
        for metric in (metric for of in request.resource_metrics for scope in of.scope_metrics for metric in scope.metrics):
            points = getattr(metric, metric.WhichOneof("data")).data_points
            tags = [{each.key: each.value.string_value for each in point.attributes} for point in points]
            self.seen.setdefault(metric.name, []).extend(tags)

    def values(self, name: str, tag: str) -> set[str]:
        return {tags[tag] for tags in self.seen.get(name, []) if tag in tags}


@contextmanager
def collector() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/metrics":
                running.keep(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the base class calls it so
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        running = Collector(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield running
        server.shutdown()
