"""The real PostgreSQL, archive and shared files with everything a case needs: workers, proxies, and the verifier that ends it."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from econsent_jobs.io.object_versions import ObjectVersions
from econsent_jobs.retention_enforcement.job import STEPS
from econsent_stack.stack import Stack
from econsent_verify.retention_enforcement_checks.findings import Report
from econsent_verify.retention_enforcement_checks.walk import Stores, verify
from tests.integration.retention_enforcement.world import COMPANY
from tests.integration.retention_enforcement.world import World as Platform
from tests.prove.harness.rows import Asking
from tests.prove.harness.s3_clients import setting_of
from tests.prove.wire.http_talk import HttpTalk
from tests.prove.wire.nursery import Nursery
from tests.prove.wire.postgres_talk import PostgresTalk
from tests.prove.wire.proxy import LOOPBACK, Proxy, place_of, through
from tests.prove.wire.switchboard import Switchboard

ROLE: Final = "econsent_retention_enforcement"
COMPANIES: Final = (COMPANY, "leaver")
WIPED: Final = (
    "claim_tokens",
    "retention_usage_items",
    "legal_holds",
    "deletion_requests",
    "suppressions",
    "mail_outbox",
    "search_outbox",
    "sealed_files",
    "certificates",
    "sessions",
)
"""Tables of which nothing is left when the next case begins. What was deleted keeps its rows: the log says so for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What one worker is told. ``attempts``: how often its S3 client tries a request by itself."""

    database: str
    endpoint: str
    bucket: str
    audit_bucket: str
    efs: str
    steps: tuple[str, ...] = STEPS
    run_id: str = "a night of the proof"
    batch_size: int = 100
    attempts: int = 1

    def told(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True, kw_only=True)
class World(Asking):
    """``direct`` is an errand that meets no proxy, ``proxied`` one whose every call passes the switchboard.

    ``platform`` writes what the platform writes. ``examined``: cases are over, and their rows may go.
    """

    database: psycopg.Connection[Any]
    platform: Platform
    nursery: Nursery
    switchboard: Switchboard
    direct: Errand
    proxied: Errand
    verifying: str
    reader: Any
    role_client: Any
    examined: bool = field(default=False)

    def wipe(self) -> None:
        """Take away what earlier cases left, past triggers and foreign keys: each case makes as many calls as the first one."""
        with self.database.transaction():
            self.database.execute("SET LOCAL session_replication_role = replica")
            for table in WIPED:
                self.database.execute(f"DELETE FROM econsent.{table}".encode())
            self.database.execute("DELETE FROM econsent.storage_objects WHERE state <> 'deleted'")
            # the guard counts by the day, and a proof deletes more than it allows: what earlier cases deleted was of another day
            self.database.execute("UPDATE econsent.storage_objects SET guarded = FALSE WHERE guarded")
            self.database.execute("DELETE FROM econsent.mass_deletions")
        self.examined = False

    def verify(self, *, since: datetime | None = None) -> Report:
        """Run the verifier with its own read-only identities, over all or over what went since."""
        with psycopg.connect(self.verifying, autocommit=True) as connection:
            stores = Stores(
                database=connection,
                archive=ObjectVersions(self.reader, self.direct.bucket),
                audit=ObjectVersions(self.reader, self.direct.audit_bucket),
                efs_base=Path(self.direct.efs),
            )
            return verify(stores, since=since)


@contextmanager
def open_world(stack: Stack, *, database: str, bucket: str, audit_bucket: str, efs: Path) -> Generator[World]:
    """Prepare ``database`` (migrated, without companies) and start what stands around it. Everything stops at the end."""
    efs.mkdir(exist_ok=True)
    switchboard = Switchboard()
    owner, role = stack.postgres_url(database), stack.postgres_url(database, user=ROLE)
    s3 = stack.object_store_client("econsent_archive_retention")
    endpoint: str = s3.meta.endpoint_url
    with ExitStack() as opened:
        postgres = opened.enter_context(Proxy(PostgresTalk(), upstream=place_of(role), switchboard=switchboard))
        archive = opened.enter_context(Proxy(HttpTalk("s3"), upstream=place_of(endpoint), switchboard=switchboard))
        connection = opened.enter_context(psycopg.connect(owner, autocommit=True))
        platform = Platform(database=connection, client=stack.object_store_client(), bucket=bucket, efs=efs)
        for company_id in COMPANIES:
            platform.company(company_id)
        direct = Errand(database=role, endpoint=endpoint, bucket=bucket, audit_bucket=audit_bucket, efs=str(efs))
        proxied = replace(direct, database=through(role, postgres.port), endpoint=f"http://{LOOPBACK}:{archive.port}")
        setting = setting_of(s3, [direct.endpoint, proxied.endpoint])
        yield World(
            database=connection,
            platform=platform,
            nursery=opened.enter_context(Nursery("tests.prove.retention.worker", setting)),
            switchboard=switchboard,
            direct=direct,
            proxied=proxied,
            verifying=stack.postgres_url(database, user="econsent_verify"),
            reader=stack.object_store_client("econsent_archive_verify"),
            role_client=s3,
        )
