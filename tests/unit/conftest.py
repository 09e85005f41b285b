"""Rules say the same wherever the machine stands."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def machine(elsewhere: None) -> None:
    """The tests of rules run in another zone than UTC."""
