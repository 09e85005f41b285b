"""Whatever a receiver does costs bounded time and memory, and has a word of its own. Real HTTPS servers, each hostile in one way."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pytest

from econsent_stack.project import ROOT
from tests.prove.webhooks.hostile import HOSTILE
from tests.prove.webhooks.receivers import BlackHole, Laboratory, Receiver, bomb, healthy

SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 120
MOST_GROWN_KB: Final = 16 * 1024
WARMED: Final = "https://warm.receivers.example.com:{}/"


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    bomb()
    with Laboratory() as opened:
        for hostile in HOSTILE:
            opened.open(hostile.name, hostile.behave, hostile.identity)
        yield opened


def send(laboratory: Laboratory, urls: Sequence[str]) -> list[dict[str, Any]]:
    """Send to each URL from a fresh process. It is ended, and the test fails, when its time is over."""
    order = {"ca_file": str(laboratory.authority_file), "seconds": SECONDS, "urls": urls}
    command = [sys.executable, "-m", "tests.prove.webhooks.bounded"]
    done = subprocess.run(
        command, cwd=ROOT, input=json.dumps(order), stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE_SECONDS
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def url_of(receiver: Receiver) -> str:
    return f"https://{receiver.host}:{receiver.port}/hook"


@pytest.fixture(scope="module")
def sent(laboratory: Laboratory) -> dict[str, dict[str, Any]]:
    """What became of one attempt at each receiver, after one at a healthy one, so that what is loaded once is loaded."""
    warm = laboratory.open("warm", healthy)
    receivers = [warm, *(laboratory.receivers[hostile.name] for hostile in HOSTILE)]
    return dict(zip([receiver.name for receiver in receivers], send(laboratory, [url_of(each) for each in receivers]), strict=True))


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_each_has_its_word(sent: dict[str, dict[str, Any]], hostile: Any) -> None:
    found = sent[hostile.name]

    assert (found["outcome"], found["status"]) == (hostile.outcome, hostile.status), found
    assert (found["error"] is None) == found["outcome"].startswith("success")


def test_none_of_them_takes_much_memory(sent: dict[str, dict[str, Any]]) -> None:
    assert {name: found["grown_kb"] for name, found in sent.items() if found["grown_kb"] > MOST_GROWN_KB and name != "warm"} == {}
    assert {name: found["excerpt"] for name, found in sent.items() if found["excerpt"] > 4_096} == {}


def test_each_attempt_is_one_connection(laboratory: Laboratory, sent: dict[str, dict[str, Any]]) -> None:
    """An attempt that failed is not quietly made again: the receiver may have acted on it."""
    assert {name: receiver.connects for name, receiver in laboratory.receivers.items() if receiver.connects != 1} == {}


def test_redirects_are_never_followed(laboratory: Laboratory, sent: dict[str, dict[str, Any]]) -> None:
    followed = laboratory.open("followed", healthy)
    (found,) = send(laboratory, [url_of(laboratory.receivers["status-301"])])

    assert (found["outcome"], followed.connects) == ("redirect", 0)


def test_a_port_that_never_accepts_and_one_that_refuses(laboratory: Laboratory) -> None:
    with BlackHole() as hole:
        swallowed = f"https://hole.receivers.example.com:{hole.port}/"
        refused = f"https://nobody.receivers.example.com:{closed_port()}/"
        assert [each["outcome"] for each in send(laboratory, [swallowed, refused])] == ["connect_timeout", "connect"]


def closed_port() -> int:
    with BlackHole() as hole:
        return hole.port
