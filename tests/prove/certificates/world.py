"""The real servers with everything a case needs: tenants, workers, proxies, and the verifier that ends it."""

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from demo.insert import insert_tenant, retention_of
from demo.tenants import TENANTS
from econsent_jobs.core.statements import statement
from econsent_stack.stack import Stack
from econsent_verify.certificate_processing_checks.objects import S3Reader
from econsent_verify.certificate_processing_checks.records import Database as Verified
from econsent_verify.certificate_processing_checks.records import connect
from econsent_verify.certificate_processing_checks.walk import Report, Scope, verify
from tests.prove.certificates.keys import KEYS
from tests.prove.harness.rows import Asking
from tests.prove.harness.s3_clients import setting_of
from tests.prove.wire.http_talk import HttpTalk
from tests.prove.wire.nursery import Nursery
from tests.prove.wire.postgres_talk import PostgresTalk
from tests.prove.wire.proxy import Proxy, place_of, through
from tests.prove.wire.switchboard import Switchboard

ROLE: Final = "econsent_certificate_processing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What one worker is told. ``attempts``: how often its S3 client tries a request by itself."""

    database: str
    endpoint: str
    bucket: str
    efs: str
    key_id: str = "key-1"
    batch_size: int = 10
    threads: int = 1
    attempts: int = 1
    unit: str = "code points"

    def told(self) -> dict[str, Any]:
        return {**asdict(self), "key": KEYS[self.key_id]}


@dataclass(frozen=True, slots=True, kw_only=True)
class World(Asking):
    """``direct`` is an errand that meets no proxy, ``proxied`` one whose every call passes the switchboard."""

    database: psycopg.Connection[Any]
    client: Any
    writer: Any
    bucket: str
    efs: Path
    nursery: Nursery
    switchboard: Switchboard
    direct: Errand
    proxied: Errand
    verifying: str
    reader: S3Reader

    def reset_policies(self) -> None:
        """Undo what an earlier case changed."""
        for owner in TENANTS:
            self.database.execute(statement("demo", "set_retention"), {"company_id": owner.company_id, **retention_of(owner)})

    def work_is_due(self) -> None:
        """Leases have run out and waits are over, without anybody waiting for it. Rows that a frozen worker has locked stay as they are."""
        self.database.execute(
            "UPDATE econsent.certificate_queue AS queued SET next_attempt_at = least(queued.next_attempt_at, now()),"
            " leased_until = CASE WHEN queued.lease_token IS NULL THEN NULL ELSE now() - interval '1 second' END"
            " FROM (SELECT company_id, certificate_pk FROM econsent.certificate_queue FOR UPDATE SKIP LOCKED) AS free"
            " WHERE queued.company_id = free.company_id AND queued.certificate_pk = free.certificate_pk"
        )

    def forget_queue(self) -> None:
        """Take what a failed case left out of the next one's way."""
        self.database.execute("DELETE FROM econsent.certificate_queue")

    def verify(self, *, since: datetime | None = None) -> Report:
        """Run the verifier with its own read-only identities, over all or over what came since."""
        with connect(self.verifying) as connection:
            keys = {name: secret.encode() for name, secret in KEYS.items()}
            return verify(Verified(connection), self.reader, keys=keys, scope=Scope(since=since))


@contextmanager
def open_world(stack: Stack, *, database: str, bucket: str, efs: Path) -> Generator[World]:
    """Prepare ``database`` (migrated, without companies) and start what stands around it. Everything stops at the end.

    ``writer`` has the job's rights on the archive, ``client`` all.
    """
    efs.mkdir(exist_ok=True)
    switchboard = Switchboard()
    owner, role = stack.postgres_url(database), stack.postgres_url(database, user=ROLE)
    s3 = stack.object_store_client("econsent_archive")
    with ExitStack() as opened:
        places = {"postgres": place_of(role), "s3": place_of(s3.meta.endpoint_url)}
        proxies = {
            talk.server: opened.enter_context(Proxy(talk, upstream=places[talk.server], switchboard=switchboard))
            for talk in (PostgresTalk(), HttpTalk("s3"))
        }
        connection = opened.enter_context(psycopg.connect(owner, autocommit=True))
        for tenant in TENANTS:
            insert_tenant(connection, tenant)
        direct = Errand(database=role, endpoint=s3.meta.endpoint_url, bucket=bucket, efs=str(efs))
        proxied = replace(
            direct,
            database=through(role, proxies["postgres"].port),
            endpoint=f"http://127.0.0.1:{proxies['s3'].port}",
        )
        nursery = opened.enter_context(Nursery("tests.prove.certificates.worker", nursery_setting(s3, [direct, proxied])))
        yield World(
            database=connection,
            client=stack.object_store_client(),
            writer=s3,
            bucket=bucket,
            efs=efs,
            nursery=nursery,
            switchboard=switchboard,
            direct=direct,
            proxied=proxied,
            verifying=stack.postgres_url(database, user="econsent_verify"),
            reader=S3Reader(stack.object_store_client("econsent_archive_verify"), bucket),
        )


def nursery_setting(client: Any, errands: Sequence[Errand]) -> dict[str, Any]:
    texts = [tenant.wording(code) for tenant in TENANTS for code in tenant.language_codes]
    return {**setting_of(client, [errand.endpoint for errand in errands]), "texts": texts}


def now() -> datetime:
    return datetime.now(UTC)
