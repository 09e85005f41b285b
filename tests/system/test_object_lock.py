"""No way around the Object Lock: every port of the S3 server, with no credential and with each that a program here holds.

Behind S3 lie parts that know nothing of Object Lock. Such calls are shown to work with the stack's own key files, so that a refusal means a
closed door and not a mistaken call.
"""

import http.client
import json
import secrets
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session

from econsent_stack.server import Place
from econsent_stack.servers import object_store
from econsent_stack.stack import Stack

KEY = "evidence.json"
BODY = b'{"consent": true}' * 100
HOST = "127.0.0.1"
IDENTITIES = ["anonymous", object_store.ADMIN, *object_store.IDENTITIES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One object under COMPLIANCE lock, and the administrator's client to look at it."""

    client: Any
    bucket: str
    version: str
    until: datetime

    def assert_intact(self) -> None:
        """It is there, whole, current, and locked as long as ever."""
        found = self.client.get_object(Bucket=self.bucket, Key=KEY, VersionId=self.version)
        assert found["Body"].read() == BODY
        assert (found["ObjectLockMode"], found["ObjectLockRetainUntilDate"]) == ("COMPLIANCE", self.until)


@pytest.fixture
def place(stack: Stack) -> Place:
    return stack.place(object_store.SERVER)


@pytest.fixture
def locked(stack: Stack) -> Locked:
    client = stack.object_store_client()
    bucket = f"econsent-lock-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    stored = client.put_object(Bucket=bucket, Key=KEY, Body=BODY, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
    return Locked(client=client, bucket=bucket, version=stored["VersionId"], until=until)


def client_of(stack: Stack, identity: str) -> Any:
    if identity != "anonymous":
        return stack.object_store_client(identity)
    endpoint = object_store.SERVER.endpoint(stack.place(object_store.SERVER))
    return get_session().create_client("s3", region_name="us-west-2", endpoint_url=endpoint, config=Config(signature_version=UNSIGNED))


def attempts(locked: Locked) -> dict[str, tuple[str, dict[str, Any]]]:
    """What S3 itself offers to get rid of a version, shorten its lock, or change the rules for it: method and arguments by name."""
    version = {"Bucket": locked.bucket, "Key": KEY, "VersionId": locked.version}
    sooner = locked.until - timedelta(days=29)
    everything = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{locked.bucket}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    return {
        "delete": ("delete_object", version),
        "delete, bypassing": ("delete_object", {**version, "BypassGovernanceRetention": True}),
        "delete among many": (
            "delete_objects",
            {
                "Bucket": locked.bucket,
                "Delete": {"Objects": [{"Key": KEY, "VersionId": locked.version}]},
                "BypassGovernanceRetention": True,
            },
        ),
        "shorten": ("put_object_retention", {**version, "Retention": {"Mode": "COMPLIANCE", "RetainUntilDate": sooner}}),
        "shorten, bypassing": (
            "put_object_retention",
            {**version, "Retention": {"Mode": "COMPLIANCE", "RetainUntilDate": sooner}, "BypassGovernanceRetention": True},
        ),
        "weaken": ("put_object_retention", {**version, "Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": locked.until}}),
        "remove": ("put_object_retention", {**version, "Retention": {}, "BypassGovernanceRetention": True}),
        "stop versions": ("put_bucket_versioning", {"Bucket": locked.bucket, "VersioningConfiguration": {"Status": "Suspended"}}),
        "open to all": ("put_bucket_policy", {"Bucket": locked.bucket, "Policy": policy}),
        "delete bucket": ("delete_bucket", {"Bucket": locked.bucket}),
    }


@pytest.mark.parametrize("identity", IDENTITIES)
def test_s3_refuses_every_identity(stack: Stack, locked: Locked, identity: str) -> None:
    client = client_of(stack, identity)
    for method, arguments in attempts(locked).values():
        try:
            getattr(client, method)(**arguments)
        except ClientError:
            continue  # what counts is not the answer but what is left, and some are allowed to say yes to what changes nothing
        finally:
            locked.assert_intact()


@pytest.mark.parametrize("identity", ["anonymous", "econsent_archive", "econsent_archive_verify"])
def test_only_retention_and_the_administrator_may_delete_what_is_not_locked(stack: Stack, locked: Locked, identity: str) -> None:
    version = locked.client.put_object(Bucket=locked.bucket, Key="free", Body=b"x")["VersionId"]
    client = client_of(stack, identity)
    for arguments in ({}, {"VersionId": version}):
        with pytest.raises(ClientError, match="AccessDenied"):
            client.delete_object(Bucket=locked.bucket, Key="free", **arguments)
    listed = locked.client.list_object_versions(Bucket=locked.bucket, Prefix="free")
    assert [found["VersionId"] for found in listed["Versions"]] == [version]
    assert "DeleteMarkers" not in listed


def test_retention_may_delete_what_is_not_locked(stack: Stack, locked: Locked) -> None:
    version = locked.client.put_object(Bucket=locked.bucket, Key="free", Body=b"x")["VersionId"]
    client_of(stack, "econsent_archive_retention").delete_object(Bucket=locked.bucket, Key="free", VersionId=version)
    assert "Versions" not in locked.client.list_object_versions(Bucket=locked.bucket, Prefix="free")


@pytest.mark.parametrize("identity", ["anonymous", "econsent_archive_verify"])
def test_who_verifies_cannot_write(stack: Stack, locked: Locked, identity: str) -> None:
    client = client_of(stack, identity)
    for method, arguments in {
        "put_object": {"Body": b"x"},
        "put_object_legal_hold": {"LegalHold": {"Status": "ON"}},
        "put_object_tagging": {"Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}},
        "create_multipart_upload": {},
    }.items():
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(client, method)(Bucket=locked.bucket, Key=KEY, **arguments)
    locked.assert_intact()


def http_doors(locked: Locked, place: Place) -> list[tuple[int, str, str]]:
    """Port, method and path of each HTTP request that the parts behind S3 would obey."""
    ports = place.ports
    return [
        (ports["filer"], "DELETE", f"/buckets/{locked.bucket}?recursive=true&ignoreRecursiveError=true"),
        (ports["filer"], "DELETE", f"/buckets/{locked.bucket}/{KEY}.versions?recursive=true"),
        (ports["filer"], "PUT", f"/buckets/{locked.bucket}/{KEY}"),
        (ports["master"], "GET", f"/col/delete?collection={locked.bucket}"),
        (ports["master"], "GET", "/vol/vacuum?garbageThreshold=0"),
        (ports["master"], "GET", f"/dir/assign?collection={locked.bucket}"),
        *((ports["volume"], "DELETE", f"/{volume},0100000000") for volume in range(1, 4)),
        (ports["volume"], "GET", "/status"),
        (ports["admin"], "DELETE", f"/api/s3/buckets/{locked.bucket}"),
    ]


def no_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def own_certificate(place: Place) -> ssl.SSLContext:
    context = no_certificate()
    context.load_cert_chain(place.folder / "keys" / "certificate.pem", place.folder / "keys" / "private_key.pem")
    return context


def status(connection: http.client.HTTPConnection, method: str, path: str) -> int | None:
    """The status of an answer, or None where the connection was refused on the way."""
    try:
        connection.request(method, path, body=b"x" if method == "PUT" else None)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def test_http_behind_s3_obeys_nobody_without_the_certificate(locked: Locked, place: Place) -> None:
    for port, method, path in http_doors(locked, place):
        socket.create_connection((HOST, port), timeout=10).close()  # somebody is there to refuse
        plain = status(http.client.HTTPConnection(HOST, port, timeout=10), method, path)
        encrypted = status(http.client.HTTPSConnection(HOST, port, timeout=10, context=no_certificate()), method, path)
        assert plain in (None, http.HTTPStatus.BAD_REQUEST), f"{method} {path} in clear"
        assert encrypted is None, f"{method} {path} without a certificate"
    locked.assert_intact()


def test_with_the_certificate_the_master_would_obey(locked: Locked, place: Place) -> None:
    connection = http.client.HTTPSConnection(HOST, place.ports["master"], timeout=10, context=own_certificate(place))
    assert status(connection, "GET", f"/col/delete?collection={locked.bucket}") == 204
    with pytest.raises(ClientError):
        locked.client.get_object(Bucket=locked.bucket, Key=KEY)["Body"].read()


def text(number: int, value: str) -> bytes:
    """One text field of a protocol buffer."""
    return bytes([number << 3 | 2, len(value)]) + value.encode()


def true(number: int) -> bytes:
    return bytes([number << 3, 1])


def grpc_doors(locked: Locked, place: Place) -> list[tuple[int, str, bytes]]:
    """Port, method and message of each gRPC call that would remove a locked object."""
    ports = place.ports
    tree = text(1, "/buckets") + text(2, locked.bucket) + true(4) + true(5) + true(6)
    return [
        (ports["filer.grpc"], "/filer_pb.SeaweedFiler/DeleteEntry", tree),
        (ports["filer.grpc"], "/filer_pb.SeaweedFiler/DeleteCollection", text(1, locked.bucket)),
        (ports["master.grpc"], "/master_pb.Seaweed/CollectionDelete", text(1, locked.bucket)),
        (ports["volume.grpc"], "/volume_server_pb.VolumeServer/DeleteCollection", text(1, locked.bucket)),
        (ports["s3.grpc"], "/s3_pb.SeaweedS3IamCache/PutIdentity", b""),
        (ports["admin"] + object_store.ADMIN_GRPC_DISTANCE, "/worker_pb.WorkerService/WorkerStream", b""),
    ]


def call(channel: grpc.Channel, method: str, message: bytes) -> grpc.StatusCode:
    """The status of one call. A door that is closed never gets as far as the method, and reads UNAVAILABLE."""
    with channel:
        try:
            channel.unary_unary(method)(message, timeout=5)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def channels(place: Place, port: int) -> list[Callable[[], grpc.Channel]]:
    """Ways to knock without a client's certificate: in clear, and over TLS that trusts the stack's authority."""
    authority = (place.folder / "keys" / "authority.pem").read_bytes()
    return [
        lambda: grpc.insecure_channel(f"{HOST}:{port}"),
        lambda: grpc.secure_channel(f"{HOST}:{port}", grpc.ssl_channel_credentials(root_certificates=authority)),
    ]


def test_grpc_obeys_nobody_without_the_certificate(locked: Locked, place: Place) -> None:
    for port, method, message in grpc_doors(locked, place):
        for channel in channels(place, port):
            assert call(channel(), method, message) == grpc.StatusCode.UNAVAILABLE, method
    locked.assert_intact()


def test_with_the_certificate_the_filer_would_obey(locked: Locked, place: Place) -> None:
    keys = place.folder / "keys"
    credentials = grpc.ssl_channel_credentials(
        root_certificates=(keys / "authority.pem").read_bytes(),
        private_key=(keys / "private_key.pem").read_bytes(),
        certificate_chain=(keys / "certificate.pem").read_bytes(),
    )
    port, method, message = grpc_doors(locked, place)[0]
    assert call(grpc.secure_channel(f"{HOST}:{port}", credentials), method, message) == grpc.StatusCode.OK
    with pytest.raises(ClientError):
        locked.client.get_object(Bucket=locked.bucket, Key=KEY)


def test_its_sockets_and_keys_are_the_owners_alone(stack: Stack, place: Place) -> None:
    ports = {*place.ports.values(), place.ports["admin"] + object_store.ADMIN_GRPC_DISTANCE}
    found_sockets = [path for port in ports for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock")]
    assert len(found_sockets) >= 5
    private = [*found_sockets, *(place.folder / "keys").iterdir(), place.folder / "identities.json", stack.home.secrets_file]
    assert {path.stat().st_mode & 0o077 for path in private} == {0}
