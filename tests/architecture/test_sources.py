"""What every source file keeps to, and no linter holds."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from econsent_stack.project import ROOT, files

LONGEST_FUNCTION = 70  # lines: a screen
BINARY = {".gz", ".png", ".ico"}
TEXT = sorted(path for path in files(ROOT) if path.suffix not in BINARY)
PYTHON = [path for path in TEXT if path.suffix == ".py"]
HERE = Path(__file__).resolve().relative_to(ROOT)


def text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def lines_matching(pattern: str, paths: list[Path]) -> list[str]:
    """Return ``file:line: text`` of every match. This file holds the patterns themselves, so it is left out."""
    compiled = re.compile(pattern)
    return [
        f"{path}:{number}: {line.strip()}"
        for path in paths
        if path != HERE
        for number, line in enumerate(text(path).splitlines(), start=1)
        if compiled.search(line)
    ]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(text(path), filename=str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_a_function_fits_on_a_screen() -> None:
    too_long = [
        f"{path}:{function.lineno} {function.name} has {length} lines, at most {LONGEST_FUNCTION}: take a step out of it"
        for path in PYTHON
        for function in functions(path)
        if (length := (function.end_lineno or function.lineno) - function.lineno + 1) > LONGEST_FUNCTION
    ]

    assert too_long == []


def test_every_text_file_ends_with_one_newline() -> None:
    assert [str(path) for path in TEXT if (whole := text(path)) and (not whole.endswith("\n") or whole.endswith("\n\n"))] == []


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        pytest.param(r"(?<![\w.$}/])/(work|root|home/\w+|Users/\w+|tmp/\w+/v\d)(/|\b)", "no path of one machine", id="machine paths"),
        pytest.param(r"https?://(10|172\.(1[6-9]|2\d|3[01])|192\.168)\.", "no private address", id="private addresses"),
        pytest.param(r"https?://[\w.-]+\.(internal|local|lan|corp)\b", "no private host", id="private hosts"),
        pytest.param(r"--(extra-)?index-url|index-url\s*=", "registries are the machine's business", id="registries"),
    ],
)
def test_the_project_knows_no_machine(pattern: str, why: str) -> None:
    assert lines_matching(pattern, TEXT) == [], why


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        pytest.param(r"^\s*#\s*([-=*#~])\1{3,}", "a section banner: make it a module or a function", id="banners"),
        pytest.param(
            r"#\s*(noqa|type: ignore|pyright: ignore)\b(?!.*(\w+\s+){3,})",
            "a silenced tool needs its reason on the line",
            id="silenced tools",
        ),
        pytest.param(r"#\s*(TODO|FIXME|XXX|HACK)\b", "finish it, or write an issue", id="promises"),
    ],
)
def test_comments_say_why(pattern: str, why: str) -> None:
    assert lines_matching(pattern, PYTHON) == [], why


def test_tests_are_real() -> None:
    tests = [path for path in PYTHON if path.parts[0] == "tests"]

    assert (
        lines_matching(r"\bmonkeypatch\b|\bunittest\.mock\b|\bMagicMock\b|\bmark\.(skip|skipif|xfail)\b|pytest\.(skip|xfail)\(", tests)
        == []
    )


def test_no_module_is_a_drawer() -> None:
    drawers = {"common", "util", "utils", "helper", "helpers", "misc", "shared"}

    assert [str(path) for path in PYTHON if drawers & {*path.parts[:-1], path.stem}] == []


def test_only_a_job_s_package_exports_and_only_one_name() -> None:
    exports: dict[Path, list[str]] = {}
    for path in PYTHON:
        for node in ast.parse(text(path)).body:
            if isinstance(node, ast.Assign) and any(isinstance(name, ast.Name) and name.id == "__all__" for name in node.targets):
                exports[path] = ast.literal_eval(node.value)

    strangers = {path: names for path, names in exports.items() if path.name != "__init__.py" or len(names) != 1}
    assert strangers == {}
    assert {path.parts[:2] for path in exports} <= {("include", "econsent_jobs")}


def test_every_package_says_that_it_is_one() -> None:
    folders = {path.parent for path in PYTHON if path.parts[0] in {"include", "plugins"} and len(path.parts) > 2}
    scripts = {Path("include/econsent_jobs/migrations/versions")}  # Alembic reads these files, nobody imports them
    missing = [str(folder) for folder in folders - scripts if not (ROOT / folder / "__init__.py").exists()]

    assert missing == []
