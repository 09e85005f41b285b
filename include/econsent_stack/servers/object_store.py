"""SeaweedFS as the S3 server: versioned buckets under Object Lock, and no way around the lock.

One program runs S3 and the parts behind it (master, volumes, filer, admin), each with an HTTP and a gRPC port. Behind S3 nothing knows of
Object Lock (one request to the master, without any credential, removed a bucket with all its locked versions), so all of it is closed: HTTP
and gRPC take only clients with a certificate of this stack's own authority, and HTTP wants its requests signed besides.
``tests/system/test_object_lock.py`` tries every port.
"""

import json
import os
import sysconfig
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from econsent_stack.certificates import KeyFiles, make_key_files
from econsent_stack.errors import StackError
from econsent_stack.files import write_whole
from econsent_stack.secret_values import password
from econsent_stack.server import Launch, Place, Server

REGION: Final = "us-west-2"
BUCKETS: Final[Mapping[str, str]] = {"archive": "econsent-archive", "audit": "econsent-audit"}
TASK_LOGS: Final = "airflow-task-logs"
"""A fleet's logs of tasks: the only bucket without locks, and by its name out of reach for those who use the others."""
PARTS: Final = ("filer", "master", "volume", "s3")
ADMIN_GRPC_DISTANCE: Final = 10_000  # its own worker looks for it there, whatever -admin.port.grpc says
READ: Final = (
    "s3:GetObject*",
    "s3:GetBucketVersioning",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:ListBucket",
    "s3:ListBucketVersions",
)
WRITE: Final = ("s3:PutObject", "s3:PutObjectRetention", "s3:PutObjectLegalHold", "s3:PutObjectTagging", "s3:AbortMultipartUpload")
DELETE: Final = ("s3:DeleteObject", "s3:DeleteObjectVersion")
IDENTITIES: Final[Mapping[str, tuple[str, ...]]] = {
    "econsent_archive": (*READ, *WRITE),
    "econsent_archive_retention": (*READ, *WRITE, *DELETE),
    "econsent_archive_verify": READ,
    "econsent_task_logs": ("s3:GetObject", "s3:ListBucket", "s3:PutObject"),
}
BUCKETS_OF: Final[Mapping[str, str]] = {"econsent_task_logs": TASK_LOGS}
"""Which bucket an identity may use; the others use all of eConsent's."""
ECONSENT: Final = "econsent-*"
ADMIN: Final = "econsent_admin"
MANY_BUCKETS: Final = 4_000  # volumes for tests, which make many buckets: each takes one then, instead of seven of what the disk allows
SOCKETS: Final = Path("/tmp")  # noqa: S108 where the server puts them
TLS_COMPONENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "GRPC": ("MASTER", "VOLUME", "FILER", "S3", "ADMIN", "WORKER", "CLIENT"),
    "HTTPS": ("MASTER", "VOLUME", "FILER", "ADMIN", "CLIENT"),
}


def program() -> Path:
    return Path(sysconfig.get_path("scripts")) / "weed"


class ObjectStore(Server):
    name = "object_store"
    port_names = ("admin", *(f"{part}{suffix}" for part in PARTS for suffix in ("", ".grpc")))
    twin_ports = MappingProxyType({"admin": ADMIN_GRPC_DISTANCE})

    def version(self) -> str:
        if not program().exists():
            raise StackError("The S3 server's package is missing from .venv: delete the folder .venv and start again.")
        return "4.48"

    def launch(self, place: Place) -> Launch:
        self.version()
        place.folder.mkdir(mode=0o700, exist_ok=True)
        (place.folder / "data").mkdir(exist_ok=True)
        keys = make_key_files(place.folder / "keys")
        identities = place.folder / "identities.json"
        write_whole(identities, json.dumps(identities_of(lambda name: self._secret(place, name)), indent=2), mode=0o600)
        return Launch(command=command(place, identities), environment=environment(place, keys), folder=place.folder)

    def is_ready(self, place: Place) -> bool:
        try:
            self.client(place, ADMIN).list_buckets()
        except (BotoCoreError, ClientError):
            return False
        return True

    def prepare(self, place: Place) -> None:
        client = self.client(place, ADMIN)
        make_missing_buckets(client, BUCKETS.values())
        make_missing_buckets(client, [TASK_LOGS], lock=False)

    def variables(self, place: Place) -> dict[str, str]:
        connections = {f"AIRFLOW_CONN_{identity.upper()}": self.connection_json(place, identity) for identity in IDENTITIES}
        buckets = {f"AIRFLOW_VAR_ECONSENT_{use.upper()}_BUCKET": bucket for use, bucket in BUCKETS.items()}
        return {**connections, **buckets}

    def tidy(self, place: Place) -> None:
        """Its sockets are named by its ports; it has no setting for their folder."""
        for port in {*place.ports.values(), place.ports["admin"] + ADMIN_GRPC_DISTANCE}:
            for socket in SOCKETS.glob(f"seaweedfs-*-{port}.sock"):
                socket.unlink(missing_ok=True)

    def client(self, place: Place, identity: str) -> Any:
        """Return an S3 client with the rights of ``identity``."""
        return get_session().create_client(
            "s3",
            endpoint_url=self.endpoint(place),
            aws_access_key_id=identity,
            aws_secret_access_key=self._secret(place, identity),
            region_name=REGION,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=30),
        )

    def endpoint(self, place: Place) -> str:
        return f"http://127.0.0.1:{place.ports['s3']}"

    def _secret(self, place: Place, identity: str) -> str:
        return place.secrets.get(f"object_store.{identity}")

    def connection_json(self, place: Place, identity: str) -> str:
        """Return an Airflow Connection with the rights of ``identity``."""
        return json.dumps(
            {
                "conn_type": "aws",
                "login": identity,
                "password": self._secret(place, identity),
                "extra": {"endpoint_url": self.endpoint(place), "region_name": REGION},
            }
        )


def policy(actions: tuple[str, ...], buckets: str) -> str:
    """Return the policy document that allows ``actions`` on the buckets of these names and nothing else."""
    resources = [f"arn:aws:s3:::{name}" for name in (buckets, f"{buckets}/*")]
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resources}]})


def identities_of(secret: Callable[[str], str]) -> dict[str, Any]:
    """Return who may do what, as the server reads it. ``secret`` returns the secret key of an identity."""

    def identity(name: str, rights: dict[str, list[str]]) -> dict[str, Any]:
        return {"name": name, "credentials": [{"accessKey": name, "secretKey": secret(name)}], **rights}

    return {
        "identities": [
            identity(ADMIN, {"actions": ["Admin"]}),
            *(identity(name, {"policyNames": [name]}) for name in IDENTITIES),
        ],
        "policies": [{"name": name, "content": policy(actions, BUCKETS_OF.get(name, ECONSENT))} for name, actions in IDENTITIES.items()],
    }


def make_missing_buckets(client: Any, names: Iterable[str], *, lock: bool = True) -> list[str]:
    """Create those of the buckets that are not there, versioned and under Object Lock unless told otherwise, and return their names."""
    missing = sorted(set(names) - {bucket["Name"] for bucket in client.list_buckets()["Buckets"]})
    for bucket in missing:
        client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=lock)
    return missing


def command(place: Place, identities: Path) -> list[str]:
    """Every listener is named here, on 127.0.0.1; what is not needed is off."""
    return [
        str(program()),
        "mini",
        f"-dir={place.folder / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        "-webdav=false",
        "-admin.ui=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.autoCreateBucket=false",
        "-s3.iam=false",
        "-s3.allowDeleteBucketNotEmpty=false",
        f"-s3.config={identities}",
        f"-admin.port={place.ports['admin']}",
        f"-admin.port.grpc={place.ports['admin'] + ADMIN_GRPC_DISTANCE}",
        *(f"-{part}.port{suffix}={place.ports[part + suffix]}" for part in PARTS for suffix in ("", ".grpc")),
        *(() if place.durable else (f"-volume.max={MANY_BUCKETS}",)),
    ]


def environment(place: Place, keys: KeyFiles) -> dict[str, str]:
    """The keys that close every port but S3's, and a bound on memory: 207 MB at most in 10,000 puts instead of 600.

    A lower bound is dear: the server reserves about 250 MiB that it never touches, and Go counts them. At 150 MiB it collected garbage all
    the time, a sixth of a core while nobody asked it anything, and a put took half as much work again.
    """
    signing = {
        f"WEED_JWT_{part}SIGNING_{use}KEY": place.secrets.get(f"object_store.jwt.{part or 'VOLUME_'}{use}", make=lambda: password() * 2)
        for part in ("", "FILER_")
        for use in ("", "READ_")
    }
    key_files = {
        f"WEED_{protocol}_{component}_{kind}": str(path)
        for protocol, components in TLS_COMPONENTS.items()
        for component in components
        for kind, path in (("CERT", keys.certificate), ("KEY", keys.private_key), ("CA", keys.authority))
    }
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(place.folder),
        "GOMEMLIMIT": "300MiB",
        "GOGC": "50",
        "WEED_GRPC_CA": str(keys.authority),
        "WEED_HTTPS_CLIENT_ENABLED": "true",
        **({} if place.durable else {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}),
        **signing,
        **key_files,
    }


SERVER: Final = ObjectStore()
