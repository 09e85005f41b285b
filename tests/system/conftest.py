"""One ``./econsent up`` in a temporary folder, shared by the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.system.running import Up


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A running eConsent, shared by the tests of this folder."""
    running = Up(tmp_path_factory.mktemp("up") / "home")
    try:
        running.start()
        yield running
    finally:
        running.end_everything()
