"""When requirements.txt is stale, without asking a registry."""

import pytest

from econsent_stack.commands.lock import HEADER, MARK, dependencies_sha256, pinned, problem
from econsent_stack.project import ROOT

PYPROJECT = """
[project]
requires-python = ">=3.11"
dependencies = ["one==1", "two>=2"]  # why
[dependency-groups]
dev = ["three"]
"""
HASH = "0" * 64


def lock(*, digest: str, body: str = f"one==1 \\\n    --hash=sha256:{HASH}\n    # via a-package\n") -> str:
    return f"{HEADER}{MARK}{digest}\n{body}"


def test_a_fresh_lock_has_no_problem() -> None:
    assert problem(PYPROJECT, lock(digest=dependencies_sha256(PYPROJECT))) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("one==1", "one==2", id="a version"),
        pytest.param('"three"', '"three", "four"', id="a new development tool"),
        pytest.param(">=3.11", ">=3.12", id="the Python versions"),
        pytest.param("dev =", "test =", id="the group's name"),
    ],
)
def test_every_change_that_decides_the_lock_makes_it_stale(old: str, new: str) -> None:
    assert "run ./econsent lock" in (problem(PYPROJECT.replace(old, new), lock(digest=dependencies_sha256(PYPROJECT))) or "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("  # why", "", id="a comment"),
        pytest.param('"one==1", "two>=2"', '"two>=2", "one==1"', id="their order"),
        pytest.param("[dependency-groups]", "[tool.ruff]\nline-length = 130\n[dependency-groups]", id="a tool's settings"),
    ],
)
def test_what_decides_nothing_leaves_it_fresh(old: str, new: str) -> None:
    assert problem(PYPROJECT.replace(old, new), lock(digest=dependencies_sha256(PYPROJECT))) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="no lock"),
        pytest.param(f"one==1 \\\n    --hash=sha256:{HASH}\n", id="no header"),
    ],
)
def test_a_lock_that_says_nothing_of_its_origin_is_stale(text: str) -> None:
    assert "run ./econsent lock" in (problem(PYPROJECT, text) or "")


def test_a_package_without_hash_is_named() -> None:
    body = f"one==1 \\\n    --hash=sha256:{HASH}\ntwo==2\n"

    assert "two==2 without a hash" in (problem(PYPROJECT, lock(digest=dependencies_sha256(PYPROJECT), body=body)) or "")


def test_the_project_s_lock_is_fresh_and_pins_what_is_asked_for() -> None:
    text = (ROOT / "requirements.txt").read_text()

    assert problem((ROOT / "pyproject.toml").read_text(), text) is None
    assert "apache-airflow==3.3.2" in pinned(text)
