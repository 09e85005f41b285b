"""The slow checks of ``./econsent check``: types and SQL."""

import pytest

from econsent_stack.commands.check import Check, checks, run
from econsent_stack.project import ROOT


@pytest.mark.timeout(600)
@pytest.mark.parametrize("check", [check for check in checks() if check.slow], ids=lambda check: check.name)
def test_the_project_passes(check: Check) -> None:
    outcome = run(check, ROOT)

    assert outcome.ok, outcome.output
