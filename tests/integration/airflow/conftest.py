"""An Airflow for the tests' own runs."""

import pytest

from econsent_stack.stack import Stack


@pytest.fixture(scope="session")
def airflow(stack: Stack) -> dict[str, str]:
    """Return the environment of an Airflow whose database no scheduler works on: beside a live one, a test's run is closed by it."""
    stack.prepare_airflow()
    return stack.environment()
