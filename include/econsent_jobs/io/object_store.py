"""S3 with Object Lock. A mistake here cannot be undone, so there is one way to write: once, whole, locked, and read back in doubt."""

import base64
import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from econsent_jobs.core.errors import BadItem, ErrorClass, PermanentError, TransientError

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

BLOCK_BYTES: Final = 1024 * 1024
MISCONFIGURED: Final = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket", "InvalidBucketState"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedObject:
    """What is to be stored. ``body``: bytes or a file; ``sha256``: its hex digest; ``retain_until``: an aware time in whole seconds."""

    key: str
    body: bytes | Path
    sha256: str
    content_type: str
    retain_until: datetime
    metadata: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        assert self.retain_until.tzinfo is not None, "a lock date has a zone"
        assert self.retain_until.microsecond == 0, "S3 keeps lock dates in whole seconds"


class LockedObjectStore:
    """One bucket with versions and Object Lock. Safe to call from several threads."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def put_once(self, stored: LockedObject) -> str:
        """Store the object under its COMPLIANCE lock, or adopt the equal one that an earlier try left there. Return its version id.

        Raises TransientError (s3_write), PermanentError (config), or BadItem (integrity) when another object lies under the key.
        """
        try:
            with object_store_errors(), opened(stored.body) as body:
                answer = self._client.put_object(
                    Bucket=self.bucket,
                    Key=stored.key,
                    Body=body,
                    ContentType=stored.content_type,
                    ChecksumSHA256=base64.b64encode(bytes.fromhex(stored.sha256)).decode(),
                    IfNoneMatch="*",
                    ObjectLockMode="COMPLIANCE",
                    ObjectLockRetainUntilDate=stored.retain_until,
                    Metadata={"sha256": stored.sha256, **dict(stored.metadata)},
                    Tagging="tier=2",
                    ServerSideEncryption="AES256",
                )
        except AlreadyThere:
            return self._adopt(stored)
        return self._versioned(answer.get("VersionId"))

    def _adopt(self, stored: LockedObject) -> str:
        """Read back what lies under the key: a refusal taken for a success could leave wrong bytes, or an unlocked object, as evidence."""
        with object_store_errors():
            found = self._client.get_object(Bucket=self.bucket, Key=stored.key)
            digest = hashlib.sha256()
            for block in found["Body"].iter_chunks(BLOCK_BYTES):
                digest.update(block)
        sha256, lock, retain_until = digest.hexdigest(), found.get("ObjectLockMode"), found.get("ObjectLockRetainUntilDate")
        if sha256 != stored.sha256:
            raise BadItem(ErrorClass.INTEGRITY, f"{stored.key} already holds other bytes (sha256 {sha256}); nothing was overwritten")
        if lock != "COMPLIANCE" or not retain_until or retain_until.astimezone(UTC) < stored.retain_until:
            raise BadItem(
                ErrorClass.INTEGRITY, f"{stored.key} is stored with a weaker lock ({lock} until {retain_until}) than it must have"
            )
        return self._versioned(found.get("VersionId"))

    @contextmanager
    def open(self, key: str, *, version_id: str) -> Generator["StreamingBody"]:
        """Open one version of an object. Raises TransientError (s3_write) and PermanentError (config), also while it is read."""
        with object_store_errors():
            body = self._client.get_object(Bucket=self.bucket, Key=key, VersionId=version_id)["Body"]
            with body:
                yield body

    def _versioned(self, version_id: str | None) -> str:
        if not version_id or version_id == "null":
            raise PermanentError(ErrorClass.CONFIG, f"bucket {self.bucket} keeps no versions; create it with Object Lock enabled")
        return version_id


@contextmanager
def opened(body: bytes | Path) -> Generator[bytes | BinaryIO]:
    """Return bytes as they are, a file as one that is read piece by piece."""
    if isinstance(body, bytes):
        yield body
        return
    with body.open("rb") as file:
        yield file


class AlreadyThere(Exception):
    """The key has a current version."""


@contextmanager
def object_store_errors() -> Generator[None]:
    """Translate what the S3 client raises inside.

    Raises AlreadyThere; PermanentError (config) where credentials or buckets are wrong; TransientError (s3_write) for all else.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in {"PreconditionFailed", "412", "ConditionalRequestConflict"}:
            raise AlreadyThere from error
        if code in MISCONFIGURED:
            raise PermanentError(
                ErrorClass.CONFIG, f"S3 refused a request ({code}); check the bucket and the connection's credentials"
            ) from error
        raise TransientError(ErrorClass.S3_WRITE, f"S3 did not take a request ({code or error}); it is tried again") from error
    except (BotoCoreError, HTTPClientError) as error:
        raise TransientError(ErrorClass.S3_WRITE, f"S3 cannot be reached ({type(error).__name__}); it is tried again") from error
