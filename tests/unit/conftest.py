"""Rules say the same wherever the machine stands: their tests run in New York's time, summer time included."""

import os
import time
from collections.abc import Iterator

import pytest

ELSEWHERE = "America/New_York"


@pytest.fixture(scope="session", autouse=True)
def elsewhere() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = ELSEWHERE
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()
