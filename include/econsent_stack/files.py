"""Writing files that are whole or absent, and reading the end of long ones."""

import os
from pathlib import Path


def write_whole(path: Path, text: str, *, mode: int) -> None:
    """Replace ``path`` by ``text`` at once, with permissions ``mode``. A crash leaves the old file or the new one, never half of one."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.chmod(mode)
    half.replace(path)


def last_lines(path: Path, count: int) -> list[str]:
    """Return up to ``count`` lines from the end of ``path``, from its last 32 KiB; none when there is no such file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 32 * 1024))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        return []


def bound_log(path: Path, *, most_bytes: int) -> None:
    """Move a log longer than ``most_bytes`` aside to ``<name>.1``, in place of the one that was there, so that logs take a bounded room."""
    if path.exists() and path.stat().st_size > most_bytes:
        path.replace(path.with_name(f"{path.name}.1"))
