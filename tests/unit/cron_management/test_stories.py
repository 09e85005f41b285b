"""The rule and its slow oracle agree on generated histories. ``./econsent prove cron_management`` tells ten thousand."""

import ast
from pathlib import Path
from random import Random

import pytest

from econsent_airflow.cron_management import rules
from tests.unit.cron_management import oracle, stories
from tests.unit.cron_management.planted import BUGS, Planted

SEED = "2026-11-25"
COUNT = 120
MOST = 2_500


@pytest.mark.parametrize("batch", range(4))
def test_rule_and_oracle_agree(batch: int) -> None:
    for number in range(COUNT // 4):
        told = stories.story(Random(f"{SEED}/{batch}/{number}"))
        assert stories.told_by_rule(told, rules) == oracle.tell(told), told


def test_the_oracle_knows_nothing_of_the_rule() -> None:
    tree = ast.parse(Path(oracle.__file__).read_text(encoding="utf-8"))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}

    assert imported == {"datetime", "functools", "zoneinfo"}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_planted_bugs_are_found(bug: Planted) -> None:
    """The rule itself stands in for the oracle here: the tests above say that they agree."""
    planted = bug.module()
    tales = (stories.story(Random(f"{SEED}/bug/{number}")) for number in range(MOST))

    assert any(stories.told_by_rule(told, planted) != stories.told_by_rule(told, rules) for told in tales)
