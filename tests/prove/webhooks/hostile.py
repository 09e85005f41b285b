"""What receivers may do to a sender, and what has to be written down of it. A table: add a row, and it is tested."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from tests.prove.webhooks import receivers
from tests.prove.webhooks.receivers import RIGHT, YESTERDAY, Behaviour, Identity, after_reading, answering, date_in, healthy


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """``outcome`` is the word that the attempt must end with, ``status`` what is written down of the answer's status."""

    name: str
    behave: Behaviour
    outcome: str
    identity: Identity = RIGHT
    status: int | None = None


def does(name: str, act: Behaviour, outcome: str, *, status: int | None = None) -> Hostile:
    return Hostile(name=name, behave=after_reading(act), outcome=outcome, status=status)


def shows(name: str, identity: Identity, outcome: str) -> Hostile:
    return Hostile(name=name, behave=healthy, outcome=outcome, identity=identity)


def says(status: int, outcome: str, *, name: str | None = None, body: bytes = b"no", **headers: str) -> Hostile:
    return Hostile(name=name or f"status-{status}", behave=answering(status, body, **headers), outcome=outcome, status=status)


def at_once(name: str, act: Behaviour, outcome: str) -> Hostile:
    """Act without reading the request."""
    return Hostile(name=name, behave=act, outcome=outcome)


HOSTILE: Final = (
    # time
    does("silent", receivers.silent, "no_answer"),
    at_once("deaf-and-silent", receivers.silent, "no_answer"),
    does("slow-status-line", receivers.slow_status_line, "no_answer"),
    does("slow-headers", receivers.slow_headers, "no_answer"),
    does("endless-interim", receivers.endless_interim, "no_answer"),
    does("slow-body", receivers.slow_body, "slow_body"),
    shows("no-handshake", Identity(handshake=False), "tls_timeout"),
    # size
    does("endless-body", receivers.endless_body, "success_truncated", status=200),
    does("endless-chunks", receivers.endless_chunks, "success_truncated", status=200),
    does("endless-headers", receivers.endless_headers, "headers_too_large"),
    does("endless-trailers", receivers.endless_trailers, "reset"),
    does("long-header-line", receivers.long_header_line, "headers_too_large"),
    does("long-reason", receivers.long_reason, "headers_too_large"),
    does("gzip-bomb", receivers.gzip_bomb, "success_opaque", status=200),
    # form
    does("no-http", receivers.no_http, "invalid_http"),
    does("binary", receivers.binary, "invalid_http"),
    does("bad-status", receivers.bad_status, "invalid_http"),
    does("status-of-four-digits", receivers.status_of_four_digits, "invalid_http"),
    does("bad-length", receivers.bad_length, "invalid_http"),
    does("two-lengths", receivers.two_lengths, "invalid_http"),
    does("bad-chunk", receivers.bad_chunk, "invalid_http"),
    # ends
    does("reset-in-body", receivers.reset_in_body, "reset"),
    does("ended-in-body", receivers.ended_in_body, "reset"),
    does("ended-in-headers", receivers.ended_in_headers, "reset"),
    does("ended-before-answer", receivers.ended_before_answer, "reset"),
    does("reset-before-answer", receivers.reset_before_answer, "reset"),
    # TLS
    shows("wrong-name", Identity(names=("other.example.org",)), "tls_name"),
    shows("expired", Identity(valid_until=YESTERDAY), "tls_expired"),
    shows("self-signed", Identity(self_signed=True), "tls_untrusted"),
    shows("unknown-authority", Identity(trusted=False), "tls_untrusted"),
    shows("in-the-clear-and-silent", Identity(tls=False), "tls_timeout"),
    Hostile(name="in-the-clear", behave=receivers.bad_request_in_the_clear, outcome="tls", identity=Identity(tls=False)),
    shows("old-tls", Identity(newest_tls="TLSv1_1"), "tls"),
    # answers
    *(says(status, "success") for status in (200, 201, 202, 299)),
    says(204, "success", body=b""),
    says(200, "success_opaque", name="packed-that-is-not", Content_Encoding="gzip"),  # nobody unpacks it, so nobody minds
    *(says(status, "redirect", Location="https://elsewhere.example.com/") for status in (301, 302, 303, 307, 308)),
    says(302, "redirect", name="redirect-inside", Location="http://127.0.0.1/latest/meta-data"),
    *(says(status, "http_error") for status in (400, 401, 403, 404, 405, 408, 409, 413, 418, 422, 429, 451, 499)),
    *(says(status, "http_error") for status in (500, 501, 502, 503, 504, 599)),
    says(410, "gone"),
)
RETRY_AFTER: Final[Mapping[str, tuple[Callable[[], str], int | None]]] = {
    "seconds": (lambda: "7200", 7_200),
    "a date": (partial(date_in, 7_200), 7_200),
    "a day, which is too long": (lambda: "86400", 43_200),
    "a date next month": (partial(date_in, 30 * 86_400), 43_200),
    "zero": (lambda: "0", None),
    "negative": (lambda: "-5", None),
    "a date in the past": (partial(date_in, -3_600), None),
    "words": (lambda: "soon", None),
    "nothing": (lambda: "", None),
    "a fraction": (lambda: "7200.5", None),
    "digits that are not ASCII": (lambda: "\u0663\u0664", None),
    "infinity": (lambda: "inf", None),
    "a date that does not exist": (lambda: "Mon, 31 Feb 2031 25:61:61 GMT", None),
}
"""Values of Retry-After, and the wait in seconds that they are worth: None for no more than the backoff."""
