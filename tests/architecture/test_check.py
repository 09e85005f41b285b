"""What ``./econsent check`` runs is green. Contracts and docs/DAGS.md have tests of their own."""

import pytest

from econsent_stack.commands.check import Check, checks, run
from econsent_stack.project import ROOT

TESTED_ELSEWHERE = {"import contracts", "docs/DAGS.md"}
CHECKS = [check for check in checks() if check.name not in TESTED_ELSEWHERE]


@pytest.mark.parametrize("check", [pytest.param(check, id=check.name, marks=[pytest.mark.slow] if check.slow else []) for check in CHECKS])
def test_the_project_passes(check: Check) -> None:
    outcome = run(check, ROOT)

    assert outcome.ok, outcome.output
