"""Which code runs: the git revision, and the packages' lock. Read once by each process."""

import hashlib
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
TOLD: Final = "ECONSENT_REVISION"  # an image has no .git
UNKNOWN: Final = "unknown"
DIGITS: Final = 12


@cache
def what_runs() -> str:
    """Return both, shortened, as a log line says them."""
    return f"revision {revision(ROOT, os.environ)[:DIGITS]}, lock {lock_hash(ROOT)[:DIGITS]}"


def revision(root: Path, environment: Mapping[str, str]) -> str:
    """Return what the environment says, else the commit that is checked out in ``root``, else that it is unknown."""
    if told := environment.get(TOLD):
        return told
    try:
        head = (root / ".git" / "HEAD").read_text(encoding="ascii").strip()
        return head if not head.startswith("ref: ") else named(root / ".git", head.removeprefix("ref: "))
    except OSError:
        return UNKNOWN


def named(git: Path, name: str) -> str:
    """Return the commit of a branch: it has a file of its own until git packs it away."""
    if (git / name).exists():
        return (git / name).read_text(encoding="ascii").strip()
    lines = (git / "packed-refs").read_text(encoding="ascii").splitlines()
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), UNKNOWN)


def lock_hash(root: Path) -> str:
    """Return the SHA-256 of requirements.txt, which names every package by version and hash."""
    try:
        return hashlib.sha256((root / "requirements.txt").read_bytes()).hexdigest()
    except OSError:
        return UNKNOWN
