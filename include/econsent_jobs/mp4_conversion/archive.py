"""Sending sealed files to the archive, the sidecar last: where it lies, the others do."""

from collections.abc import Sequence
from typing import Final, Protocol

from econsent_jobs.core.errors import ErrorClass, TransientError
from econsent_jobs.io.object_store import LockedObject, LockedObjectStore
from econsent_jobs.mp4_conversion.model import FileKind, SealedFile

SCHEMA_VERSION: Final = "1"
ORDER: Final = {FileKind.VIDEO: 0, FileKind.POSTER: 1, FileKind.SIDECAR: 2}


class Archive(Protocol):
    @property
    def bucket(self) -> str:
        """The bucket that the files lie in."""
        ...

    def store(self, files: Sequence[SealedFile]) -> list[str]:
        """Store the files under their locks, or adopt what an earlier try left; return their version ids, in the order of the files.

        Raises TransientError (s3_write), PermanentError (config), or BadItem (integrity) when other bytes lie there.
        """
        ...


class S3Archive:
    def __init__(self, objects: LockedObjectStore) -> None:
        self._objects = objects

    @property
    def bucket(self) -> str:
        return self._objects.bucket

    def store(self, files: Sequence[SealedFile]) -> list[str]:
        versions = {file.object_key: self._put(file) for file in sorted(files, key=lambda file: ORDER[file.kind])}
        return [versions[file.object_key] for file in files]

    def _put(self, file: SealedFile) -> str:
        try:
            return self._put_once(file)
        except FileNotFoundError as error:
            raise TransientError(ErrorClass.UNKNOWN, f"what was staged in {file.staging_path} is gone; it is made again") from error

    def _put_once(self, file: SealedFile) -> str:
        return self._objects.put_once(
            LockedObject(
                key=file.object_key,
                body=file.staging_path,
                sha256=file.sha256,
                content_type=file.content_type,
                retain_until=file.retain_until,
                metadata=(("schema", SCHEMA_VERSION), ("company-id", file.object_key.partition("/")[0])),
            )
        )
