"""Whole, as 304, or kept back until something changes."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from itertools import chain, repeat

import pytest
from starlette.requests import Request
from starlette.responses import Response

from econsent_airflow.cron_management.answers import Sent, answer_live, preferred_wait, sent

OLD, NEW = sent({"jobs": "as they were"}), sent({"jobs": "as they are"})
STEP = 0.05


def ask(documents: Iterator[Sent], **headers: str) -> tuple[Response, float]:
    """Return the answer to a question with these headers, and after how many seconds it came."""
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": given})

    def make() -> tuple[Sent, Mapping[str, str]]:
        return next(documents), {"X-Heartbeats": "{}"}

    began = time.monotonic()
    answer = asyncio.run(answer_live(request, make, step_seconds=STEP))
    return answer, time.monotonic() - began


def test_whoever_has_nothing_gets_all_at_once() -> None:
    answer, _ = ask(repeat(OLD), prefer="wait=5")

    assert (answer.status_code, answer.body, answer.headers["etag"]) == (200, OLD.content, OLD.etag)
    assert answer.headers["cache-control"] == "no-store"


def test_whoever_has_it_and_does_not_wait_is_told_so_at_once() -> None:
    answer, seconds = ask(repeat(OLD), if_none_match=OLD.etag)

    assert (answer.status_code, answer.body, answer.headers["x-heartbeats"]) == (304, b"", "{}")
    assert seconds < 1.0


def test_whoever_waits_is_answered_when_it_changes() -> None:
    answer, seconds = ask(chain(repeat(OLD, 3), repeat(NEW)), if_none_match=OLD.etag, prefer="respond-async, wait=5")

    assert (answer.status_code, answer.body) == (200, NEW.content)
    assert 3 * STEP <= seconds < 4.0


def test_nobody_is_kept_waiting_for_longer_than_preferred() -> None:
    answer, seconds = ask(repeat(OLD), if_none_match=OLD.etag, prefer="wait=1")

    assert answer.status_code == 304
    assert 1.0 <= seconds < 4.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=5", 5.0),
        ("respond-async, wait=12;q=1", 12.0),
        ("", 0.0),
        ("wait=", 0.0),
        ("wait=-1", 0.0),
        ("wait=1e9", 0.0),
        ("wait=99999", 0.0),
        ("await=5", 0.0),
    ],
)
def test_the_header_says_how_long(header: str, seconds: float) -> None:
    assert preferred_wait(header) == seconds


def test_whoever_asks_for_an_hour_is_answered_after_seconds() -> None:
    answer, seconds = ask(repeat(OLD), if_none_match=OLD.etag, prefer="wait=3600")

    assert answer.status_code == 304
    assert 8.0 <= seconds < 15.0
