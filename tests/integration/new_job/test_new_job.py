"""``./econsent new-job`` in a copy of the project: what it writes holds every rule, and fails where a person has to write."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from econsent_stack.commands import new_job
from econsent_stack.project import ROOT, files

STEM = "attic_sweep"  # sorts before core, so its imports come in another order than in the templates
NOT_WRITTEN = f"tests/architecture/test_stems.py::test_the_words_are_written[{STEM}]"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project in which the job was made."""
    root = tmp_path_factory.mktemp("copy") / "project"
    for path in files(ROOT):
        if "recordings" not in path.parts:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, root / path)
    before = contents(root)
    run(root, "-m", "econsent_stack.commands.new_job", STEM)
    after = contents(root)
    changed = [path for path, text in before.items() if after[path] != text and path != Path("docs/DAGS.md")]
    assert changed == [], "no existing file needs an edit but the generated page"
    return root


def contents(root: Path) -> dict[Path, bytes]:
    return {path: (root / path).read_bytes() for path in files(root)}


def run(root: Path, *words: str, expected: int = 0) -> str:
    """Run Python in the copy, with the copy's own packages. Return what it printed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "include"), str(root / "plugins")])}
    done = subprocess.run([sys.executable, *words], cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout + done.stderr


def pytest_in(root: Path, *words: str, expected: int = 0) -> str:
    return run(root, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words, expected=expected)


def tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def made(root: Path, suffix: str) -> list[str]:
    return [str(path) for path in files(root, suffix) if STEM in str(path)]


def test_it_is_clean_at_once(copy: Path) -> None:
    assert run(copy, "-m", "ruff", "check", *made(copy, ".py")).startswith("All checks passed")
    run(copy, "-m", "ruff", "format", "--check", *made(copy, ".py"))
    run(copy, tool("lint-imports"), "--no-cache")
    run(copy, "-m", "sqlfluff", "lint", "--disable-progress-bar", *made(copy, ".sql"))


def test_it_is_a_whole_job(copy: Path) -> None:
    tests = [f"tests/architecture/test_{name}.py" for name in ("stems", "sql", "layers")]

    pytest_in(copy, *tests, "-k", f"{STEM} or test_sql or (test_layers and not bootstrap)", "--deselect", NOT_WRITTEN)


def test_what_is_left_to_write_fails_with_a_sentence(copy: Path) -> None:
    said = pytest_in(copy, f"tests/unit/{STEM}", f"tests/integration/{STEM}", NOT_WRITTEN, expected=1)

    assert "Write the table of decisions" in said
    assert f"dags/{STEM}.py is still to be written" in said
    assert "6 failed" in said


def test_it_goes_on_from_the_newest_revision(copy: Path) -> None:
    versions = copy / "include" / "econsent_jobs" / "migrations" / "versions"
    newest = new_job.head(ROOT / "include" / "econsent_jobs" / "migrations" / "versions")

    assert new_job.head(versions) == f"{int(newest) + 1:04d}"
    assert f'down_revision = "{newest}"' in (versions / f"{int(newest) + 1:04d}_{STEM}.py").read_text()


def test_it_refuses_to_make_it_twice(copy: Path) -> None:
    assert "exists already" in run(copy, "-m", "econsent_stack.commands.new_job", STEM, expected=2)


def test_a_dry_run_writes_nothing(copy: Path) -> None:
    before = contents(copy)

    assert "dags/another_one.py" in run(copy, "-m", "econsent_stack.commands.new_job", "another_one", "--dry-run")
    assert contents(copy) == before


@pytest.mark.parametrize(
    ("stem", "sentence"),
    [
        pytest.param("core", "another part", id="a package of ours"),
        pytest.param("platform", "another part", id="a database role of ours"),
        pytest.param("Token_expiry", "is no stem", id="capitals"),
        pytest.param("token__expiry", "is no stem", id="two underscores are another DAG of a job"),
        pytest.param("token-expiry", "is no stem", id="hyphens"),
        pytest.param("1_token", "is no stem", id="begins with a digit"),
        pytest.param("../token", "is no stem", id="leaves the folder"),
        pytest.param("", "is no stem", id="empty"),
        pytest.param("a" * 41, "is no stem", id="too long for a database role"),
        pytest.param("certificate_processing", "exists already", id="taken"),
    ],
)
def test_names_that_are_refused(stem: str, sentence: str) -> None:
    assert sentence in (new_job.refusal(stem, ROOT) or "")


def test_two_newest_revisions_are_told(tmp_path: Path) -> None:
    for revision in ("0001", "0002"):
        (tmp_path / f"{revision}.py").write_text(f'revision = "{revision}"\ndown_revision = None\n')

    with pytest.raises(ValueError, match="2 newest revisions"):
        new_job.head(tmp_path)


def test_airflow_reads_its_dag(copy: Path) -> None:
    """The command ends by writing the page from what Airflow reads, and fails where a file does not import."""
    assert f"## {STEM}\n" in (copy / "docs" / "DAGS.md").read_text()
