"""How a check's outcome is told."""

import sys
from pathlib import Path

import pytest

from econsent_stack.commands.check import Check, checks, report, run, run_all


def python(code: str, *, name: str = "a tool") -> Check:
    return Check(name=name, command=[sys.executable, "-c", code])


def test_a_tool_that_fails_is_told_with_its_output(tmp_path: Path) -> None:
    outcome = run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), tmp_path)

    assert not outcome.ok
    assert outcome.output == "out\nerr\n"


def test_a_tool_that_is_missing_is_told_with_the_way_out(tmp_path: Path) -> None:
    outcome = run(Check(name="gone", command=[str(tmp_path / "gone")]), tmp_path)

    assert not outcome.ok
    assert outcome.output.endswith("is not installed; delete .venv and run ./econsent again\n")


def test_one_line_a_check_and_the_output_of_failed_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = [python("print('quiet')", name="good"), python("print('loud'); raise SystemExit(1)", name="bad")]

    assert report(run_all(chosen, tmp_path)) == 1
    said = capsys.readouterr().out
    assert "ok      good" in said
    assert "FAILED  bad" in said
    assert "loud" in said
    assert "quiet" not in said


def test_fast_leaves_out_what_is_slow() -> None:
    assert {check.name for check in checks() if check.slow} == {"types", "sql"}
