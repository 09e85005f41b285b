"""What every DAG keeps to. Airflow parses the files in a process of its own, without a database; the tests read what it saw."""

import ast
import re
import tomllib
from typing import Any

import pytest

from econsent_stack.commands.docs import PAGE, facts, page
from econsent_stack.project import ROOT

FILES = sorted((ROOT / "dags").glob("*.py"))
HEADINGS = ["What it does", "What it never does", "When it fails", "Runbook"]
LONGEST_FILE = 60  # lines


@pytest.fixture(scope="module")
def read() -> dict[str, Any]:
    """Return what Airflow sees. Fails with the trace where a file does not import."""
    return facts(ROOT)


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def dag(request: pytest.FixtureRequest, read: dict[str, Any]) -> dict[str, Any]:
    return next(dag for dag in read["dags"] if dag["dag_id"] == request.param.stem)


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def tree(request: pytest.FixtureRequest) -> ast.Module:
    return ast.parse(request.param.read_text(encoding="utf-8"))


def test_every_file_is_one_dag_of_its_name(read: dict[str, Any]) -> None:
    assert [(dag["dag_id"], dag["file"]) for dag in read["dags"]] == [(path.stem, path.name) for path in FILES]
    assert read["seconds"].keys() == {path.name for path in FILES}, "the time that each file took is known"


def test_the_page_about_the_dags_is_fresh(read: dict[str, Any]) -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(read), "run ./econsent docs"


def test_people_can_read_what_it_is(dag: dict[str, Any]) -> None:
    headings = re.findall(r"^\*\*(.+?)\.\*\*", dag["doc"], re.MULTILINE)

    assert headings == HEADINGS
    assert dag["doc"].strip().startswith(f"# {dag['title']}\n"), "the docstring begins with the display name"
    assert dag["description"]
    assert dag["description"] != dag["title"]


def test_its_runbook_is_there(dag: dict[str, Any]) -> None:
    runbook = re.search(r"\*\*Runbook\.\*\* (\S+)", dag["doc"])

    assert runbook
    assert (ROOT / runbook[1]).is_file()


def test_runs_never_pile_up(dag: dict[str, Any]) -> None:
    assert dag["catchup"] is False
    assert dag["max_active_runs"] == 1


def test_tasks_end_before_the_run_does(dag: dict[str, Any]) -> None:
    """A run's time-out kills its tasks without a trace, so each task's own has to come first."""
    assert dag["timeout_seconds"]
    for task in dag["tasks"]:
        assert task["timeout_seconds"], f"{task['task_id']} may run for ever"
        assert task["timeout_seconds"] < dag["timeout_seconds"], f"{task['task_id']} outlives its run"


def test_the_dashboard_finds_its_tags(dag: dict[str, Any]) -> None:
    on_demand = "__" in dag["dag_id"]
    assert ("econsent-job" in dag["tags"]) is not on_demand, "only jobs are rows of the list"
    assert ("econsent-on-demand" in dag["tags"]) is on_demand
    assert len([tag for tag in dag["tags"] if re.fullmatch(r"grace:\d+(s|min|h)", tag)]) == 1
    assert len([tag for tag in dag["tags"] if re.fullmatch(r"alert-after:[1-9]", tag)]) == 1


def test_somebody_is_told_and_errors_decide_about_retries(dag: dict[str, Any]) -> None:
    for task in dag["tasks"]:
        assert task["owner"] == "platform"
        assert task["retries"] >= 1, "a worker that is killed is noticed, but the task runs again only if it may"
        assert task["retried_by_kind"]
        assert task["tells_of_failure"]


def test_its_pools_are_made_at_start(dag: dict[str, Any]) -> None:
    """A task whose pool is missing waits for ever, without a word."""
    made = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["econsent"]["pools"]

    assert {task["pool"] for task in dag["tasks"]} <= {"default_pool", *made}


def test_what_a_person_may_set_is_bounded(dag: dict[str, Any]) -> None:
    for name, param in dag["params"].items():
        assert param["description"], f"{name} says what it means"
        bounds = {"integer": {"minimum", "maximum"}, "number": {"minimum", "maximum"}, "boolean": set(), "string": {"maxLength"}}
        assert bounds[param["type"]] <= param.keys() or "enum" in param, f"{name} has no bounds"


def test_its_operators_are_its_own(dag: dict[str, Any]) -> None:
    stem = dag["dag_id"].split("__", maxsplit=1)[0]

    assert {task["operator"].rsplit(".", 1)[0] for task in dag["tasks"]} == {f"econsent_airflow.operators.{stem}"}


def test_its_clock_is_utc_and_no_tick_is_made_up(dag: dict[str, Any]) -> None:
    if dag["time_zone"]:
        assert (dag["time_zone"], dag["run_immediately"]) == ("UTC", False)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_file_fits_on_a_screen(path: Any) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


def test_it_is_wiring_only(tree: ast.Module) -> None:
    control = (
        ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda | ast.For | ast.While | ast.If | ast.IfExp | ast.comprehension
    )

    assert [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, control)] == []


def test_the_schedule_can_be_read_and_found(tree: ast.Module) -> None:
    """A literal: grep finds it, and no setting changes it."""
    timetables = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "CronTriggerTimetable"]
    on_demand = any(
        isinstance(node, ast.keyword) and node.arg == "schedule" and ast.unparse(node.value) == "None" for node in ast.walk(tree)
    )

    assert len(timetables) == (0 if on_demand else 1)
    for timetable in timetables:
        assert isinstance(timetable.args[0], ast.Constant)
        assert {word.arg: ast.unparse(word.value) for word in timetable.keywords} == {"timezone": "'UTC'", "run_immediately": "False"}
