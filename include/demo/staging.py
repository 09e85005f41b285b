"""Files on the EFS share, written as the platform writes them: whole or not at all."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFile:
    """A file to write. ``link_to`` is set for a symlink instead of contents."""

    path: Path
    contents: bytes = b""
    link_to: Path | None = None


def write_file(file: StagedFile, *, durable: bool = True) -> None:
    """Write one file and the folders above it. Raises OSError.

    Contents go to a temporary file beside it, which then takes its name. ``durable`` also waits until the disk has them; without
    it a crash of the machine may lose the file, which is right for benchmarks only.
    """
    file.path.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.path.with_name(f".{file.path.name}.{os.getpid()}.part")
    if file.link_to is not None:
        temporary.symlink_to(file.link_to)
    else:
        with temporary.open("wb") as stream:
            stream.write(file.contents)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
    temporary.replace(file.path)
    if durable:
        sync_folder(file.path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in ``folder`` are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
