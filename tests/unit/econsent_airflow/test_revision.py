"""Which code runs, as every task's log says."""

import hashlib
import subprocess
from pathlib import Path

from econsent_airflow.revision import TOLD, UNKNOWN, lock_hash, revision, what_runs
from econsent_stack.project import ROOT

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def git_of(root: Path, head: str) -> Path:
    git = root / ".git"
    git.mkdir()
    (git / "HEAD").write_text(f"{head}\n")
    return git


def test_the_environment_comes_first(tmp_path: Path) -> None:
    git_of(tmp_path, COMMIT)
    assert revision(tmp_path, {TOLD: "release 7"}) == "release 7"


def test_a_commit_that_is_checked_out_by_itself(tmp_path: Path) -> None:
    git_of(tmp_path, COMMIT)
    assert revision(tmp_path, {}) == COMMIT


def test_a_branch_in_a_file_of_its_own_or_packed_away(tmp_path: Path) -> None:
    git = git_of(tmp_path, "ref: refs/heads/main")
    (git / "packed-refs").write_text(f"# pack-refs\n{COMMIT} refs/heads/main\n")
    assert revision(tmp_path, {}) == COMMIT
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "refs" / "heads" / "main").write_text("f" * 40 + "\n")
    assert revision(tmp_path, {}) == "f" * 40


def test_no_repository_and_no_lock_are_said_so(tmp_path: Path) -> None:
    assert revision(tmp_path, {}) == UNKNOWN
    assert lock_hash(tmp_path) == UNKNOWN


def test_this_very_project() -> None:
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    lock = hashlib.sha256((ROOT / "requirements.txt").read_bytes()).hexdigest()
    assert what_runs() == f"revision {head[:12]}, lock {lock[:12]}"
