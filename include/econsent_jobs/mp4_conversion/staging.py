"""Finished files between the workplace and the archive: on the shared file system, so that whichever worker comes next finds them."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from econsent_jobs.core.archive_layout import STAGED_VIDEOS
from econsent_jobs.core.errors import ErrorClass, TransientError
from econsent_jobs.mp4_conversion.files import hash_of
from econsent_jobs.mp4_conversion.model import Claim, FileKind, Rendered, SealedFile, Session
from econsent_jobs.mp4_conversion.rules.keys import CONTENT_TYPES, SUFFIXES, object_key


class Staging(Protocol):
    def stage(self, claim: Claim, session: Session, rendered: Rendered) -> list[SealedFile]:
        """Move a conversion's files to where they wait to be sent. Raises TransientError when the file system fails."""
        ...

    def is_whole(self, files: Sequence[SealedFile]) -> bool:
        """Whether what was sealed still lies there, byte for byte."""
        ...

    def clear(self, claim: Claim) -> None:
        """Remove whatever was staged for a conversion, by whichever try."""
        ...


class SharedStaging:
    """``{efs_base}/+videos/{conversion}/{token}.{mp4,jpg,json}``."""

    def __init__(self, base: Path) -> None:
        self._base = base / STAGED_VIDEOS

    def stage(self, claim: Claim, session: Session, rendered: Rendered) -> list[SealedFile]:
        folder = self._folder(claim)
        sources = {FileKind.VIDEO: rendered.video, FileKind.POSTER: rendered.poster, FileKind.SIDECAR: rendered.sidecar}
        try:
            folder.mkdir(parents=True, exist_ok=True)  # another lane's files may lie there, sealed: they are not this one's to remove
            return [self._stage(claim, session, rendered, kind, source) for kind, source in sources.items()]
        except OSError as error:
            raise TransientError(ErrorClass.UNKNOWN, f"the video cannot be staged in {folder} ({error.strerror}): make room") from error

    def _stage(self, claim: Claim, session: Session, rendered: Rendered, kind: FileKind, source: Path) -> SealedFile:
        place = self._folder(claim) / f"{claim.token}.{SUFFIXES[kind]}"
        shutil.copyfile(source, place)
        with place.open("rb+") as file:
            os.fsync(file.fileno())
        size, sha256 = hash_of(place)
        return SealedFile(
            kind=kind,
            object_key=object_key(session, kind, source_sha256=rendered.facts.source_sha256),
            staging_path=place,
            size_bytes=size,
            sha256=sha256,
            content_type=CONTENT_TYPES[kind],
            retain_until=session.retain_until,
        )

    def is_whole(self, files: Sequence[SealedFile]) -> bool:
        return {file.kind for file in files} == set(FileKind) and all(
            file.staging_path.is_file() and hash_of(file.staging_path) == (file.size_bytes, file.sha256) for file in files
        )

    def clear(self, claim: Claim) -> None:
        shutil.rmtree(self._folder(claim), ignore_errors=True)

    def _folder(self, claim: Claim) -> Path:
        return self._base / str(claim.conversion_id)
