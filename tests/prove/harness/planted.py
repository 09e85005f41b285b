"""Bugs to plant, each a small change of one file, and the tests that must find it. A proof that finds none of them proves nothing."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from econsent_stack.project import ROOT

COPIED: Final = ("include", "plugins", "tests", "dags", "pyproject.toml", "airflow.cfg.template")
MOST_SECONDS: Final = 300
COLLECTION_BROKE: Final = 2  # pytest's own number for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """Replace ``old``, which stands in ``file`` once, by ``new``. ``killers`` are run in order until one fails."""

    name: str
    file: str
    old: str
    new: str
    killers: tuple[str, ...]

    def is_there_once(self) -> bool:
        return (ROOT / self.file).read_text(encoding="utf-8").count(self.old) == 1


def hunt(planted: Planted, folder: Path) -> str | None:
    """Plant the bug in a copy of the tree below ``folder`` and return the test that found it, None if it survived."""
    tree = copy_tree(folder / "tree")
    place = tree / planted.file
    place.write_text(place.read_text(encoding="utf-8").replace(planted.old, planted.new), encoding="utf-8")
    try:
        return next((killer for killer in planted.killers if not passes(tree, [killer])), None)
    finally:
        shutil.rmtree(tree)


def copy_tree(tree: Path) -> Path:
    """Copy what tests need of the project. The copy's own modules are imported in it, wherever the project is installed."""
    tree.mkdir(parents=True)
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, tree / name)
    return tree


def passes(tree: Path, tests: list[str], *, seconds: float = MOST_SECONDS, broken_fails: bool = False, **variables: str) -> bool:
    """Run tests of a copied tree; taking too long is failing.

    Raises AssertionError when pytest could not even collect them, or, with ``broken_fails``, takes that for failing.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "ECONSENT_"))}
    environment |= {"PYTHONPATH": os.pathsep.join(str(tree / part) for part in ("include", "plugins", "")), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"--timeout={seconds:.0f}", *tests]
    try:
        done = subprocess.run(
            command,
            cwd=tree,
            env=environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds + 30,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    assert done.returncode in {0, 1} or (broken_fails and done.returncode == COLLECTION_BROKE), (
        f"pytest {' '.join(tests)} ended with {done.returncode}: {done.stdout.decode()[-2_000:]}"
    )
    return done.returncode == 0
