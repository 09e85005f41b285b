"""Fixtures that every kind of test may use."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from econsent_stack.stack import Stack

MARKERS = (
    "servers: needs the embedded servers; every test that asks for the stack has it",
    "slow: takes seconds without needing servers",
)


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    signal.signal(signal.SIGTERM, interrupt)


def interrupt(number: int, frame: object) -> NoReturn:
    """SIGTERM stops tests as Ctrl-C does: the servers that they started end."""
    raise KeyboardInterrupt


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the servers, so that ``./econsent test --fast`` can leave it out."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker("servers")


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[None]:
    """This process, and what it starts, is in New York, summer time included: what takes the machine's zone for UTC is found."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/New_York"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The real PostgreSQL and the real S3 server, migrated, in a temporary folder; started once, for those tests that ask."""
    home: Path = tmp_path_factory.mktemp("stack")
    with Stack(home, durable=False) as running:
        yield running
