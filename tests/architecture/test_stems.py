"""A job is whole: one stem names all of its parts."""

import subprocess
import sys

import pytest

from econsent_stack.project import ROOT, files, stems

PARTS = [
    "dags/{stem}.py",
    "plugins/econsent_airflow/operators/{stem}.py",
    "include/econsent_jobs/{stem}/__init__.py",
    "include/econsent_jobs/{stem}/job.py",
    "include/econsent_jobs/{stem}/model.py",
    "include/econsent_jobs/{stem}/store.py",
    "include/econsent_jobs/{stem}/sql/figures.sql",
    "docs/runbooks/{stem}.md",
    "tests/integration/{stem}/test_job.py",
    "tests/integration/{stem}/dag_run.py",
    "tests/integration/{stem}/statement_parameters.py",
]


@pytest.mark.parametrize("stem", stems(ROOT))
@pytest.mark.parametrize("part", PARTS)
def test_a_job_has_all_its_parts(stem: str, part: str) -> None:
    assert (ROOT / part.format(stem=stem)).is_file(), f"{part.format(stem=stem)} is missing; ./econsent new-job writes it for a new job"


@pytest.mark.parametrize("stem", stems(ROOT))
def test_a_job_has_rules_and_tests_of_them(stem: str) -> None:
    rules = ROOT / "include" / "econsent_jobs" / stem / "rules"

    assert rules.with_suffix(".py").is_file() or (rules / "__init__.py").is_file()
    assert list((ROOT / "tests" / "unit" / stem).glob("test_*.py")), f"tests/unit/{stem}/ holds the tables that specify the rules"


def test_every_folder_of_a_job_has_a_dag() -> None:
    """What is no job is named here, so that a half-removed one is noticed."""
    jobs = {path.name for path in (ROOT / "include" / "econsent_jobs").iterdir() if path.is_dir()}

    assert jobs - {"core", "io", "mail", "migrations", "__pycache__"} == set(stems(ROOT))


@pytest.mark.parametrize("stem", stems(ROOT))
def test_the_stem_finds_the_whole_job(stem: str) -> None:
    """What ``git ls-files '*<stem>*'`` would print holds every part, so nothing of a job hides under another name."""
    found = {str(path) for path in files(ROOT) if stem in str(path)}

    assert {part.format(stem=stem) for part in PARTS} <= found


@pytest.mark.parametrize("stem", stems(ROOT))
def test_a_job_is_imported_without_side_effects(stem: str) -> None:
    """Importing opens nothing: it works without one setting, and pulls in no Airflow."""
    words = f"import sys, econsent_jobs.{stem}; sys.exit('airflow' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0


@pytest.mark.parametrize("stem", stems(ROOT))
def test_the_words_are_written(stem: str) -> None:
    for part in (f"dags/{stem}.py", f"docs/runbooks/{stem}.md", f"include/econsent_jobs/{stem}/sql/figures.sql"):
        assert "to be written" not in (ROOT / part).read_text(encoding="utf-8").lower(), f"{part} is still to be written"
