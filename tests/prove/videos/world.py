"""The real PostgreSQL, archive and shared files with everything a case needs: workers, proxies, and the verifier that ends it."""

from collections.abc import Collection, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from econsent_jobs.core.archive_layout import STAGED_VIDEOS
from econsent_stack.chromium import SHARED, fetched
from econsent_stack.progress import Progress
from econsent_stack.stack import Stack
from econsent_verify.certificate_processing_checks.objects import S3Reader
from econsent_verify.certificate_processing_checks.records import connect
from econsent_verify.mp4_conversion import verify
from econsent_verify.mp4_conversion_checks.checks import Finding
from tests.integration.retention_enforcement.world import World as Platform
from tests.prove.harness.rows import Asking
from tests.prove.harness.s3_clients import setting_of
from tests.prove.videos.processes import Watched
from tests.prove.wire.http_talk import HttpTalk
from tests.prove.wire.postgres_talk import PostgresTalk
from tests.prove.wire.proxy import LOOPBACK, Proxy, place_of, through
from tests.prove.wire.switchboard import Switchboard

ROLE: Final = "econsent_mp4_conversion"
WORK_IS_DUE: Final = """
UPDATE econsent.video_conversions AS conversion
SET next_attempt_at = least(conversion.next_attempt_at, now()),
  leased_until = CASE WHEN conversion.lease_token IS NOT NULL THEN now() - interval '1 second' END
FROM (
  SELECT conversion_id FROM econsent.video_conversions WHERE status IN ('pending', 'processing') FOR UPDATE SKIP LOCKED
) AS free
WHERE conversion.conversion_id = free.conversion_id
"""
FORGET: Final = """
WITH gone AS (
  DELETE FROM econsent.video_conversions WHERE status IN ('pending', 'processing') RETURNING company_id, session_id
), unsealed AS (
  DELETE FROM econsent.sealed_files AS f USING gone WHERE f.company_id = gone.company_id AND f.session_id = gone.session_id
)
UPDATE econsent.sessions AS s SET rrweb_to_video_status = 'none' FROM gone
WHERE s.company_id = gone.company_id AND s.session_id = gone.session_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What one worker is told. ``attempts``: how often its S3 client tries a request by itself; ``batch_size``: videos of a run."""

    database: str
    endpoint: str
    bucket: str
    efs: str
    batch_size: int = 100
    most_in_flight: int = 5
    attempts: int = 1

    def told(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True, kw_only=True)
class World(Asking):
    """``direct`` is an errand that meets no proxy, ``proxied`` one whose every call passes the switchboard.

    ``platform`` writes what the platform writes. ``videos``: the SHA-256 that a run without faults gave, by what was recorded.
    ``pairs``: companies of the cases, two at a time; the verifier has not seen the last ``unseen`` of them. ``remains``: what outlived a
    conversion and was told of.
    """

    database: psycopg.Connection[Any]
    platform: Platform
    nursery: Watched
    switchboard: Switchboard
    direct: Errand
    proxied: Errand
    verifying: str
    reader: S3Reader
    writer: Any
    work: Path
    videos: dict[str, str] = field(default_factory=dict[str, str])
    pairs: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    unseen: int = 0
    remains: set[str] = field(default_factory=set[str])

    def companies(self) -> tuple[str, str]:
        """Two companies that the verifier has not seen yet."""
        return self.pairs[-1] if self.unseen else self.new_companies()

    def new_companies(self) -> tuple[str, str]:
        number = len(self.pairs)
        pair = self.platform.company(f"films-{number}-a"), self.platform.company(f"films-{number}-b")
        self.pairs.append(pair)
        self.unseen += 1
        return pair

    def work_is_due(self) -> None:
        """Leases have run out and waits are over, without anybody waiting for it. Rows that a frozen worker has locked stay as they are."""
        self.database.execute(WORK_IS_DUE)

    def forget(self) -> None:
        """Take what a failed case left out of the next one's way, and out of the verifier's: it was told already."""
        self.database.execute(FORGET)
        self.unseen = 0

    def verify(self, *, since: datetime | None = None) -> list[Finding]:
        """Run the verifier with its own read-only identities, over all, or with ``since`` over those companies that it did not see yet."""
        pairs = self.pairs[len(self.pairs) - self.unseen :] if since else self.pairs
        self.unseen = 0
        with connect(self.verifying) as connection:
            reports = [verify(connection, self.reader, company_id=company) for pair in pairs for company in pair]
        return [finding for report in reports for finding in report.findings]

    def staged(self, conversions: Collection[str]) -> list[Path]:
        """What lies between the workplaces of these conversions and the archive."""
        return [path for name in conversions for path in (self.platform.efs / STAGED_VIDEOS / name).rglob("*")]


@contextmanager
def open_world(stack: Stack, *, database: str, bucket: str, efs: Path, work: Path) -> Generator[World]:
    """Prepare ``database`` (migrated, without companies) and start what stands around it. Everything stops at the end."""
    fetched(SHARED, Progress())
    efs.mkdir(exist_ok=True)
    switchboard = Switchboard()
    owner, role = stack.postgres_url(database), stack.postgres_url(database, user=ROLE)
    s3 = stack.object_store_client("econsent_archive")
    endpoint: str = s3.meta.endpoint_url
    with ExitStack() as opened:
        postgres = opened.enter_context(Proxy(PostgresTalk(), upstream=place_of(role), switchboard=switchboard))
        archive = opened.enter_context(Proxy(HttpTalk("s3"), upstream=place_of(endpoint), switchboard=switchboard))
        connection = opened.enter_context(psycopg.connect(owner, autocommit=True))
        direct = Errand(database=role, endpoint=endpoint, bucket=bucket, efs=str(efs))
        proxied = replace(direct, database=through(role, postgres.port), endpoint=f"http://{LOOPBACK}:{archive.port}")
        setting = {**setting_of(s3, [direct.endpoint, proxied.endpoint]), "work": str(work)}
        yield World(
            database=connection,
            platform=Platform(database=connection, client=stack.object_store_client(), bucket=bucket, efs=efs),
            nursery=opened.enter_context(Watched("tests.prove.videos.worker", setting)),
            switchboard=switchboard,
            direct=direct,
            proxied=proxied,
            verifying=stack.postgres_url(database, user="econsent_verify"),
            reader=S3Reader(stack.object_store_client("econsent_archive_verify"), bucket),
            writer=s3,
            work=work,
        )
