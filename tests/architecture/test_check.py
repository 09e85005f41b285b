"""The quick checks of ``./econsent check``. Contracts and docs/DAGS.md have tests of their own; types and SQL are in tests/system."""

import pytest

from econsent_stack.commands.check import Check, checks, run
from econsent_stack.project import ROOT

TESTED_ELSEWHERE = {"import contracts", "docs/DAGS.md"}
QUICK = [check for check in checks() if not check.slow and check.name not in TESTED_ELSEWHERE]


@pytest.mark.parametrize("check", QUICK, ids=lambda check: check.name)
def test_the_project_passes(check: Check) -> None:
    outcome = run(check, ROOT)

    assert outcome.ok, outcome.output
