"""The shared file system: files that others write, under names that come from outside."""

import errno
import os
import stat
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from econsent_jobs.core.errors import BadItem, ErrorClass, PermanentError, TransientError


class SharedFiles:
    """Files below one base folder, never followed through a link away from it."""

    def __init__(self, base: Path) -> None:
        self.base = base

    def check(self) -> None:
        """Raise PermanentError (config) when the base is no folder: an unmounted file system must not look like missing recordings."""
        if not self.base.is_dir():
            raise PermanentError(
                ErrorClass.CONFIG, f"the folder of recordings {self.base} is not there; mount it, or set econsent_efs_base"
            )

    @contextmanager
    def open(self, *segments: str, what: str) -> Generator[BinaryIO]:
        """Open ``base/segment/…`` for reading; ``what`` names the file in errors.

        Raises BadItem (data) for a file that is missing or no plain file, BadItem (integrity) for a link on the way, and TransientError
        (unknown) when the file system itself fails.
        """
        assert all("/" not in segment and segment not in {"", ".", ".."} for segment in segments), segments
        with ExitStack() as opened:
            with file_errors(what):
                folder = self._folder(opened, segments[:-1])
                # a pipe under this name would block without O_NONBLOCK
                file = os.open(segments[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
                stream = opened.enter_context(os.fdopen(file, "rb", buffering=0))
                if not stat.S_ISREG(os.fstat(file).st_mode):
                    raise BadItem(ErrorClass.DATA, f"{what} is not a plain file")
            yield stream

    def remove(self, *segments: str, what: str) -> None:
        """Remove a file; one that is gone already is removed. Raises as ``open`` does. Nothing behind a link is touched."""
        assert all("/" not in segment and segment not in {"", ".", ".."} for segment in segments), segments
        with ExitStack() as opened:
            try:
                with file_errors(what):
                    folder = self._folder(opened, segments[:-1])
                    if not stat.S_ISREG(os.stat(segments[-1], dir_fd=folder, follow_symlinks=False).st_mode):
                        raise BadItem(ErrorClass.DATA, f"{what} is not a plain file")
                    os.unlink(segments[-1], dir_fd=folder)
            except BadItem as error:
                if not isinstance(error.__cause__, FileNotFoundError):
                    raise

    def write(self, *segments: str, contents: bytes, what: str) -> Path:
        """Write a whole file: under another name first, so that nobody ever sees a part of it. Raises TransientError."""
        assert all("/" not in segment and segment not in {"", ".", ".."} for segment in segments), segments
        place = self.base.joinpath(*segments)
        with file_errors(what):
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.with_name(f"{place.name}.part")
            with part.open("wb") as stream:
                stream.write(contents)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(place)
        return place

    def _folder(self, opened: ExitStack, segments: tuple[str, ...]) -> int:
        """Open folder by folder, so that nothing can be swapped for a link in between."""
        folder = os.open(self.base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        opened.callback(os.close, folder)
        for segment in segments:
            folder = os.open(segment, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            opened.callback(os.close, folder)
        return folder

    def segments(self, path: str, *, company_segment: str, what: str) -> tuple[str, ...]:
        """Split a stored path, absolute or relative to the base, into segments. Raises BadItem (data) if it leaves the company's folder."""
        below = path.removeprefix(f"{self.base}/")
        parts = below.split("/")
        if "\0" in path or len(parts) < 2 or parts[0] != company_segment or any(part in {"", ".", ".."} for part in parts):
            raise BadItem(ErrorClass.DATA, f"the path of {what}, {below[:200]!r}, leads out of the company's folder")
        return tuple(parts)


@contextmanager
def file_errors(what: str) -> Generator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise BadItem(ErrorClass.DATA, f"{what} is missing from the shared file system") from error
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.ENXIO}:
            raise BadItem(ErrorClass.INTEGRITY, f"{what} is a link or lies behind one; it was not read") from error
        raise TransientError(ErrorClass.UNKNOWN, f"{what} cannot be read ({error.strerror}); it is tried again") from error
