"""Sending sealed documents to the archive, several at a time."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Protocol

from econsent_jobs.certificate_processing.model import Key, Sealed, SealedDocument, Stored, Trouble
from econsent_jobs.core.errors import BadItem, TransientError
from econsent_jobs.io.object_store import LockedObject, LockedObjectStore

SCHEMA_VERSION: Final = "1"


class Archive(Protocol):
    @property
    def bucket(self) -> str:
        """The bucket that the documents lie in."""
        ...

    def store(self, sealed: Sequence[Sealed]) -> Mapping[Key, Stored | Trouble]:
        """Store every document of every certificate, and say for each certificate how it went. Raises PermanentError (config)."""
        ...


class S3Archive:
    """A certificate is stored when all its documents are; one that failed is sent whole again and adopts what is there."""

    def __init__(self, objects: LockedObjectStore, *, threads: int) -> None:
        self._objects = objects
        self._threads = threads

    @property
    def bucket(self) -> str:
        return self._objects.bucket

    def store(self, sealed: Sequence[Sealed]) -> Mapping[Key, Stored | Trouble]:
        with ThreadPoolExecutor(max_workers=self._threads, thread_name_prefix="archive") as pool:
            sent = {each.key: (each, [pool.submit(self._put, each, document) for document in each.documents]) for each in sealed}
        return {key: outcome(each, answers) for key, (each, answers) in sent.items()}

    def _put(self, sealed: Sealed, document: SealedDocument) -> str:
        return self._objects.put_once(
            LockedObject(
                key=document.object_key,
                body=document.body,
                sha256=document.sha256,
                content_type=document.content_type,
                retain_until=sealed.retain_until,
                metadata=(("schema", SCHEMA_VERSION), ("company-id", document.object_key.partition("/")[0])),
            )
        )


def outcome(sealed: Sealed, answers: Sequence[Future[str]]) -> Stored | Trouble:
    """Take a certificate's answers together: the first refusal speaks for it, a final one before a transient one."""
    refusals: list[Trouble] = []
    for answer in answers:
        error = answer.exception()
        if isinstance(error, BadItem | TransientError):
            refusals.append(Trouble(key=sealed.key, error_class=error.error_class, reason=error.reason, final=isinstance(error, BadItem)))
        elif error is not None:
            raise error
    if refusals:
        return max(refusals, key=lambda trouble: trouble.final)
    return Stored(sealed=sealed, version_ids=[answer.result() for answer in answers])
