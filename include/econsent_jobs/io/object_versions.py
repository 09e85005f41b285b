"""Versions of objects: listed, looked at, locked for longer, held, tagged and, by the one job that may, deleted.

Nothing here works by name alone: a delete without a version only lays a marker over what stays.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from econsent_jobs.io.object_store import object_store_errors

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

MOST_AT_ONCE: Final = 1_000  # S3's own bound of DeleteObjects and of a page of a listing
WORTH_TWO_REQUESTS: Final = 200  # versions: a store goes through those of one request one by one
BLOCK_BYTES: Final = 1024 * 1024
BUSY: Final = frozenset({"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "OperationAborted"})
GONE: Final = frozenset({"NoSuchKey", "NoSuchVersion", "404", "NotFound"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One line of a listing; a delete marker has no size."""

    key: str
    version_id: str
    size_bytes: int | None
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the store says of one version. ``sha256`` None: it keeps no checksum."""

    size_bytes: int
    sha256: str | None
    storage_class: str
    retain_until: datetime | None
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Undeleted:
    """Why one version is still there. ``busy``: it may go the next time."""

    code: str
    busy: bool


class ObjectVersions:
    """The versions of one bucket. Every method raises what ``object_store_errors`` does."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def delete(self, versions: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Undeleted]:
        """Delete at most 1,000 versions and return those that were refused. One that is gone already counts as deleted.

        Many go by two requests side by side: when one of them fails, the other's are gone all the same.
        """
        assert len(versions) <= MOST_AT_ONCE, len(versions)
        if len(versions) < WORTH_TWO_REQUESTS:
            return self._delete(versions) if versions else {}
        middle = len(versions) // 2
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(self._delete, (versions[:middle], versions[middle:]))
        return {**first, **second}

    def _delete(self, versions: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Undeleted]:
        named: list[Any] = [{"Key": key, "VersionId": version_id} for key, version_id in versions]
        with object_store_errors():
            answer = self._client.delete_objects(Bucket=self.bucket, Delete={"Objects": named, "Quiet": True})
        return {
            (error.get("Key", ""), error.get("VersionId", "")): Undeleted(code=error.get("Code", ""), busy=error.get("Code", "") in BUSY)
            for error in answer.get("Errors", [])
            if error.get("Code", "") not in GONE
        }

    def listed(
        self, prefix: str, *, after_key: str = "", until_key: str | None = None, first_page: int = MOST_AT_ONCE
    ) -> Iterator[Version]:
        """List the versions below ``prefix`` in the order of their keys, those after ``after_key`` and up to ``until_key``.

        ``first_page``: how many are asked for at first; few, where nothing is expected up to ``until_key``.
        """
        marker: dict[str, Any] = {"KeyMarker": after_key} if after_key else {}
        size = first_page
        while True:
            with object_store_errors():
                page = self._client.list_object_versions(Bucket=self.bucket, Prefix=prefix, MaxKeys=size, **marker)
            size = MOST_AT_ONCE
            found = [version_of(line) for line in page.get("Versions", [])] + [marker_of(line) for line in page.get("DeleteMarkers", [])]
            for version in sorted(found, key=lambda each: each.key.encode()):
                if until_key is not None and version.key.encode() > until_key.encode():
                    return
                yield version
            if not page.get("IsTruncated"):
                return
            marker = {"KeyMarker": page.get("NextKeyMarker", "")}
            if version_marker := page.get("NextVersionIdMarker"):
                marker["VersionIdMarker"] = version_marker

    def head(self, key: str, version_id: str) -> Head | None:
        """Look at one version; None where there is none."""
        found = self._found(self._client.head_object, key, version_id, ChecksumMode="ENABLED")
        return None if found is None else head_of(found)

    def read(self, key: str, version_id: str) -> tuple[Head, str] | None:
        """Look at one version and hash its bytes, in one request; None where there is none."""
        found = self._found(self._client.get_object, key, version_id)
        return None if found is None else (head_of(found), hashed(found["Body"])[1])

    def sha256(self, key: str, version_id: str) -> tuple[int, str]:
        """Read one version to its end, and return its size and hash."""
        with object_store_errors():
            body = self._client.get_object(Bucket=self.bucket, Key=key, VersionId=version_id)["Body"]
        return hashed(body)

    def _found(self, ask: Callable[..., Any], key: str, version_id: str, **more: str) -> Mapping[str, Any] | None:
        with object_store_errors():
            try:
                return ask(Bucket=self.bucket, Key=key, VersionId=version_id, **more)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code", "") in GONE:
                    return None
                raise

    def lock_until(self, key: str, version_id: str, retain_until: datetime) -> None:
        """Lengthen a lock. The store refuses a shorter one."""
        with object_store_errors():
            self._client.put_object_retention(
                Bucket=self.bucket, Key=key, VersionId=version_id, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": retain_until}
            )

    def hold(self, key: str, version_id: str, *, on: bool) -> None:
        """Set or lift the store's own legal hold of one version."""
        with object_store_errors():
            self._client.put_object_legal_hold(
                Bucket=self.bucket, Key=key, VersionId=version_id, LegalHold={"Status": "ON" if on else "OFF"}
            )

    def tag(self, key: str, version_id: str, *, name: str, value: str) -> None:
        """Replace the tags of one version; its bytes, its lock and its version stay."""
        with object_store_errors():
            self._client.put_object_tagging(
                Bucket=self.bucket, Key=key, VersionId=version_id, Tagging={"TagSet": [{"Key": name, "Value": value}]}
            )

    def lifecycle_rules(self) -> list[Mapping[str, Any]] | str:
        """Return the bucket's lifecycle rules as S3 writes them, or the word with which the store refused to say."""
        with object_store_errors():
            try:
                return list(self._client.get_bucket_lifecycle_configuration(Bucket=self.bucket).get("Rules", []))
            except ClientError as error:
                code = str(error.response.get("Error", {}).get("Code", "unknown"))
                if code in BUSY:
                    raise
                return [] if code == "NoSuchLifecycleConfiguration" else code


def version_of(line: Mapping[str, Any]) -> Version:
    return Version(
        key=line["Key"], version_id=line.get("VersionId", "null"), size_bytes=line["Size"], modified_at=line["LastModified"].astimezone(UTC)
    )


def marker_of(line: Mapping[str, Any]) -> Version:
    return Version(
        key=line["Key"], version_id=line.get("VersionId", "null"), size_bytes=None, modified_at=line["LastModified"].astimezone(UTC)
    )


def head_of(found: Mapping[str, Any]) -> Head:
    checksum = found.get("ChecksumSHA256")
    retain_until = found.get("ObjectLockRetainUntilDate")
    return Head(
        size_bytes=found["ContentLength"],
        sha256=sha256_of(checksum) if checksum else None,
        storage_class=found.get("StorageClass", "STANDARD"),
        retain_until=retain_until.astimezone(UTC) if retain_until else None,
        held=found.get("ObjectLockLegalHoldStatus") == "ON",
    )


def hashed(body: "StreamingBody") -> tuple[int, str]:
    """Read to the end, and return size and hash."""
    digest, size = hashlib.sha256(), 0
    with object_store_errors():
        for block in body.iter_chunks(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def sha256_of(checksum: str) -> str:
    """Return S3's base64 of a SHA-256 in hexadecimal."""
    return base64.b64decode(checksum).hex()
