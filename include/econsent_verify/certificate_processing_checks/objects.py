"""The archive's side: what lies under a key, in how many versions, and under which lock."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from botocore.config import Config
from botocore.exceptions import ClientError, FlexibleChecksumError
from botocore.session import get_session

from econsent_verify.certificate_processing_checks.columns import expected_key
from econsent_verify.certificate_processing_checks.documents import segment, sha256
from econsent_verify.certificate_processing_checks.findings import Trouble
from econsent_verify.certificate_processing_checks.records import Record, Row
from econsent_verify.findings import Difference, short

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef, ListObjectVersionsOutputTypeDef

MISSING: Final = frozenset({"NoSuchKey", "NoSuchVersion", "404", "405", "MethodNotAllowed"})
CONTENT_TYPES: Final = {"certificate": "application/json", "attestation": "application/json", "dom": "application/gzip"}
LONGEST_DOCUMENT: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One line of the archive's list: a version of a key, or a delete marker over it."""

    key: str
    version_id: str
    delete_marker: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One object as the archive gives it. ``checksum`` is the hex SHA-256 that the archive keeps, None where it keeps none."""

    body: bytes
    version_id: str | None
    lock_mode: str | None
    retain_until: datetime | None
    content_type: str | None
    storage_class: str
    metadata: Mapping[str, str]
    checksum: str | None


class Reader(Protocol):
    @property
    def bucket(self) -> str:
        """The archive's bucket."""
        ...

    def read(self, key: str, version_id: str) -> Stored | None:
        """Read one version; None when the archive does not have it."""
        ...

    def pages(self, prefix: str) -> Iterator[list[Version]]:
        """List all versions and delete markers under a prefix, up to 1,000 at a time."""
        ...


class S3Reader:
    """The archive, read only. Safe to call from several threads. Raises botocore's errors for all but a missing object."""

    def __init__(self, client: "S3Client", bucket: str, *, longest_bytes: int = LONGEST_DOCUMENT) -> None:
        self._client = client
        self._longest_bytes = longest_bytes
        self.bucket = bucket

    def read(self, key: str, version_id: str) -> Stored | None:
        try:
            found = self._client.get_object(Bucket=self.bucket, Key=key, VersionId=version_id, ChecksumMode="ENABLED")
            body = self._body(found)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in MISSING:
                return None
            raise
        return Stored(
            body=body,
            version_id=found.get("VersionId"),
            lock_mode=found.get("ObjectLockMode"),
            retain_until=found.get("ObjectLockRetainUntilDate"),
            content_type=found.get("ContentType"),
            storage_class=found.get("StorageClass") or "STANDARD",
            metadata=found.get("Metadata", {}),
            checksum=hex_of(found.get("ChecksumSHA256")),
        )

    def _body(self, found: "GetObjectOutputTypeDef") -> bytes:
        """Bytes that contradict the archive's own checksum are no reason to stop: they are what is looked for."""
        try:
            return found["Body"].read(self._longest_bytes)
        except FlexibleChecksumError:
            return b""

    def pages(self, prefix: str) -> Iterator[list[Version]]:
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix):
            yield versions_of(page)


def versions_of(page: "ListObjectVersionsOutputTypeDef") -> list[Version]:
    stored = [
        Version(key=each.get("Key", ""), version_id=each.get("VersionId", ""), delete_marker=False) for each in page.get("Versions", [])
    ]
    markers = page.get("DeleteMarkers", [])
    return stored + [Version(key=each.get("Key", ""), version_id=each.get("VersionId", ""), delete_marker=True) for each in markers]


def hex_of(checksum: str | None) -> str | None:
    return None if checksum is None else base64.b64decode(checksum).hex()


def open_reader(
    *,
    endpoint_url: str | None,
    region: str | None,
    login: str,
    password: str,
    bucket: str,
    connections: int,
    longest_bytes: int = LONGEST_DOCUMENT,
) -> S3Reader:
    """Open the archive with the verifier's identity, which may only read."""
    client: S3Client = cast("Any", get_session()).create_client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id=login,
        aws_secret_access_key=password,
        config=Config(
            retries={"mode": "standard", "total_max_attempts": 4},
            connect_timeout=5,
            read_timeout=60,
            max_pool_connections=connections,
            response_checksum_validation="when_required",
        ),
    )
    return S3Reader(client, bucket, longest_bytes=longest_bytes)


def session_folder(row: Row) -> str:
    """Where all documents of a certificate's session lie, with the slash at its end."""
    return expected_key(row, "certificate").rsplit("/", 2)[0] + "/"


def check_versions(versions: Sequence[Version], *, key: str, version_id: str) -> Iterator[Difference]:
    """Exactly the recorded version and no delete marker stand under the key. An object that is not there is told by its reading."""
    under = [version for version in versions if version.key == key]
    others = [version.version_id for version in under if not version.delete_marker and version.version_id != version_id]
    if others:
        yield Difference(
            trouble=Trouble.VERSIONS, what=key, expected=f"version {short(version_id)} alone", found=f"also {short(', '.join(others))}"
        )
    if any(version.delete_marker for version in under):
        yield Difference(trouble=Trouble.DELETE_MARKER, what=key, expected="none", found="a delete marker")


def check_stored(stored: Stored, row: Row, record: Record) -> Iterator[Difference]:
    """Compare one object's bytes, lock and headers with the row that names it."""
    key, digest = row["object_key"], sha256(stored.body)
    if digest != row["sha256"] or len(stored.body) != row["bytes"]:
        found = f"sha256 {digest}, {len(stored.body)} bytes"
        yield Difference(trouble=Trouble.BYTES, what=key, expected=f"sha256 {row['sha256']}, {row['bytes']} bytes", found=found)
    if stored.checksum is not None and stored.checksum != digest:
        yield Difference(trouble=Trouble.STORED_AS, what=f"{key}: checksum", expected=digest, found=stored.checksum)
    yield from check_lock(stored, row, record)
    metadata = {"sha256": row["sha256"], "schema": "1", "company-id": segment(record.company_id)}
    facts = [
        ("version", row["version_id"], stored.version_id),
        ("content type", CONTENT_TYPES[row["kind"]], stored.content_type),
        *((f"metadata {name}", value, stored.metadata.get(name)) for name, value in metadata.items()),
    ]
    for name, expected, found in facts:
        if expected != found:
            yield Difference(trouble=Trouble.STORED_AS, what=f"{key}: {name}", expected=short(expected), found=short(found))


def check_lock(stored: Stored, row: Row, record: Record) -> Iterator[Difference]:
    """COMPLIANCE, at least as long as recorded, and never more than seven calendar years after the consent."""
    key = row["object_key"]
    if stored.lock_mode != "COMPLIANCE" or stored.retain_until is None:
        yield Difference(trouble=Trouble.LOCK, what=key, expected="COMPLIANCE", found=short(stored.lock_mode))
        return
    if row["retain_until"] is None or stored.retain_until < row["retain_until"]:
        expected = f"until {short(row['retain_until'])} or later"
        yield Difference(trouble=Trouble.LOCK, what=key, expected=expected, found=f"until {stored.retain_until}")
    if stored.retain_until > record.certificate["lock_ceiling_at"]:
        expected = f"at most until {record.certificate['lock_ceiling_at']}"
        yield Difference(trouble=Trouble.LOCK, what=key, expected=expected, found=f"until {stored.retain_until}")


def check_storage_row(row: Row, record: Record, *, bucket: str, storage_class: str | None) -> Iterator[Difference]:
    """Compare a storage row with the certificate that it belongs to, and with the archive."""
    certificate = record.certificate
    facts = {
        "object_key": expected_key(certificate, row["kind"]),
        "session_id": certificate["session_id"],
        "backend": "s3",
        "bucket": bucket,
        "content_type": CONTENT_TYPES[row["kind"]],
        "lock_mode": "COMPLIANCE",
        "retain_until": certificate["retain_until"],
        "state": "stored",
        **({} if storage_class is None else {"storage_class": storage_class, "tier": 2 if storage_class == "STANDARD" else 3}),
    }
    for column, expected in facts.items():
        if row[column] != expected:
            found = short(row[column], most=300)
            yield Difference(trouble=Trouble.COLUMN, what=f"storage_objects.{column}", expected=short(expected, most=300), found=found)
