"""Each import contract is broken by what it forbids: a guard that cannot fail guards nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from econsent_stack.project import ROOT

JOBS = "include/econsent_jobs/"
PLANTED = {
    "What a job does has never heard of Airflow": (JOBS + "core/planted.py", "import airflow"),
    "A job imports its own modules": (JOBS + "certificate_processing/planted.py", "import econsent_jobs.another_job.model"),
    "core stands on the standard library": (JOBS + "core/planted_too.py", "import psycopg"),
    "Client libraries of the network enter through": (JOBS + "certificate_processing/planted_too.py", "import boto3"),
    "Rules and models reach no client library": (JOBS + "another_job/rules.py", "import econsent_jobs.another_job.store"),
    "Rules and models ask neither": (JOBS + "another_job/model.py", "import random"),
    "A job's loop speaks to its store": (JOBS + "another_job/job.py", "import psycopg"),
    "A verifier imports canonical JSON": ("include/econsent_verify/planted.py", "import econsent_jobs.another_job.model"),
    "Of Airflow's layer only the operators": (
        "plugins/econsent_airflow/planted.py",
        "import econsent_jobs.certificate_processing.model",
    ),
    "No operator imports another job's": (
        "plugins/econsent_airflow/operators/planted.py",
        "import econsent_airflow.operators.certificate_processing",
    ),
    "Airflow's layer runs without": ("plugins/econsent_airflow/planted_too.py", "import demo"),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bool]:
    """Plant every violation in a copy of the packages. Return which contracts are kept, by the name's beginning."""
    copy = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for folder in ("include", "plugins"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "recordings", "*.egg-info"))
    for name in ("__init__", "store"):
        (copy / JOBS / "another_job").mkdir(exist_ok=True)
        (copy / JOBS / "another_job" / f"{name}.py").write_text("import econsent_jobs.io.database\n" if name == "store" else "")
    for place, source in PLANTED.values():
        (copy / place).write_text(source + "\n")
    done = lint_imports(copy)
    # The tool breaks long names over lines: compare without line breaks.
    report = " ".join(done.stdout.split("broken.")[0].split())
    assert done.returncode == 1, report
    return {name: f"{verdict(report, name)}" == "KEPT" for name in PLANTED}


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the packages of ``root``, whichever are installed."""
    paths = os.pathsep.join([str(root / "include"), str(root / "plugins")])
    words = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(
        words, cwd=root, env={**os.environ, "PYTHONPATH": paths, "COLUMNS": "400"}, capture_output=True, text=True, check=False
    )


def verdict(report: str, name: str) -> str:
    """Return the first verdict after the contract's name."""
    rest = report.split(name, 1)[1]
    return min(("KEPT", "BROKEN"), key=lambda word: rest.find(word) if word in rest else len(rest))


def test_the_project_keeps_every_contract() -> None:
    done = lint_imports(ROOT)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_breaks_its_contract(name: str, verdicts: dict[str, bool]) -> None:
    assert not verdicts[name]
