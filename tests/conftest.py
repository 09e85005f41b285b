"""Fixtures that every kind of test may use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from econsent_stack.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The real PostgreSQL and the real S3 server, migrated, in a temporary folder; started once, for those tests that ask."""
    home: Path = tmp_path_factory.mktemp("stack")
    with Stack(home, durable=False) as running:
        yield running
