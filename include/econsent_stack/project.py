"""The project's own tree: where it is, which files people wrote, and which jobs there are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
NOT_OURS: Final = frozenset({".econsent", ".git", ".hypothesis", ".venv", "__pycache__", "build", "node_modules"})


def files(root: Path, *suffixes: str) -> Iterator[Path]:
    """Yield the files below ``root`` that a person wrote or a command generated, in order, as paths relative to it.

    Walks instead of asking git, because a copy or an archive of the project is no repository.
    """
    for path in sorted(root.iterdir()):
        if path.name in NOT_OURS or path.name.endswith(("_cache", ".egg-info")) or path.is_symlink():
            continue
        if path.is_dir():
            yield from (Path(path.name) / below for below in files(path, *suffixes))
        elif not suffixes or path.suffix in suffixes:
            yield Path(path.name)


def stems(root: Path) -> list[str]:
    """Return the jobs' names: one DAG file each; ``<stem>__<verb>.py`` is another DAG of the same job."""
    return sorted(path.stem for path in (root / "dags").glob("*.py") if "__" not in path.stem)
