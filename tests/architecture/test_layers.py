"""Who may import whom, where import-linter's contracts cannot say "the same stem"."""

import ast
from collections.abc import Iterator
from pathlib import Path

from econsent_stack.project import ROOT, stems

CLIENTS = {
    "aiohttp": "http",
    "boto3": "s3",
    "botocore": "s3",
    "elasticsearch": "search",
    "httpx": "http",
    "psycopg": "postgresql",
    "requests": "http",
}
OPERATORS = ROOT / "plugins" / "econsent_airflow" / "operators"


def imported(path: Path) -> Iterator[str]:
    """Yield the full names of modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def stem_of(path: Path) -> str:
    return path.stem.split("__", maxsplit=1)[0]


def test_a_dag_file_imports_only_its_own_operators() -> None:
    for path in (ROOT / "dags").glob("*.py"):
        allowed = {"econsent_airflow.defaults", f"econsent_airflow.operators.{stem_of(path)}"}
        ours = {name for name in imported(path) if name.startswith("econsent_")}
        assert ours <= allowed, f"{path.name} imports {ours - allowed}"
        others = {name.split(".")[0] for name in imported(path)} - {"airflow", "datetime", "econsent_airflow"}
        assert not others, f"{path.name} imports {others}"


def test_an_operator_imports_only_its_own_job() -> None:
    for path in OPERATORS.glob("*.py"):
        jobs = {name.split(".")[1] for name in imported(path) if name.startswith("econsent_jobs.")}
        assert jobs <= {stem_of(path), "core", "io"}, f"{path.name} imports the job {jobs - {stem_of(path), 'core', 'io'}}"


def test_every_operator_module_belongs_to_a_job() -> None:
    assert {path.stem for path in OPERATORS.glob("*.py")} - {"__init__"} == set(stems(ROOT))


def test_nothing_but_dag_files_imports_operators() -> None:
    layer = ROOT / "plugins" / "econsent_airflow"
    importers = [
        str(path.relative_to(ROOT))
        for path in layer.rglob("*.py")
        if any(name.startswith("econsent_airflow.operators") for name in imported(path))
    ]

    assert importers == []


def test_a_file_of_io_knows_one_client_library() -> None:
    for path in (ROOT / "include" / "econsent_jobs" / "io").glob("*.py"):
        clients = {CLIENTS[top] for name in imported(path) if (top := name.split(".")[0]) in CLIENTS}
        assert len(clients) <= 1, f"{path.name} uses {clients}: one client library a file"


def test_the_bootstrap_needs_nothing_but_python() -> None:
    """``./econsent`` runs before there is a .venv, so nothing outside the standard library may be imported."""
    import sys

    outside = {name.split(".")[0] for name in imported(ROOT / "econsent")} - set(sys.stdlib_module_names)

    assert outside == set()
