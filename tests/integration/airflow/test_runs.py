"""``airflow dags test`` for every DAG file, on real servers, and what the run changed in the stores.

Each job supplies ``tests/integration/<stem>/dag_run.py``: ``given(stores)`` puts work there, ``expect(stores)`` checks what became of it.
"""

import importlib.util
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from econsent_stack.project import ROOT
from econsent_stack.stack import Stack
from econsent_stack.stores import Stores, open_stores

FILES = sorted((ROOT / "dags").glob("*.py"))
LONGEST_RUN_SECONDS = 170


@dataclass(frozen=True, slots=True, kw_only=True)
class DagRun:
    """What one DAG file's run starts from and has to lead to."""

    given: Callable[[Stores], None]
    expect: Callable[[Stores], None]


def dag_run_of(path: Path) -> DagRun:
    """Load the job's ``dag_run.py``; that of another DAG of the job, ``<stem>__<verb>``, is ``dag_run__<verb>.py``."""
    stem, _, verb = path.stem.partition("__")
    place = ROOT / "tests" / "integration" / stem / (f"dag_run__{verb}.py" if verb else "dag_run.py")
    if not place.exists():
        pytest.fail(f"write {place.relative_to(ROOT)} with given(stores) and expect(stores), so that a run of {path.name} is checked")
    spec = importlib.util.spec_from_file_location(f"{stem}_{place.stem}", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return DagRun(given=module.given, expect=module.expect)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_run_changes_what_it_should(path: Path, stack: Stack, airflow: dict[str, str]) -> None:
    run = dag_run_of(path)
    with open_stores(stack) as stores:
        run.given(stores)

        done = subprocess.run(
            ["airflow", "dags", "test", path.stem],
            env=airflow,
            cwd=stack.home.path,
            capture_output=True,
            text=True,
            timeout=LONGEST_RUN_SECONDS,
            check=False,
        )

        assert done.returncode == 0, done.stdout + done.stderr
        run.expect(stores)
