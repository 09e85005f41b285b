"""What a database is restored beside: the jobs and the verifiers, with any database server."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
from elasticsearch import Elasticsearch

from econsent_airflow.watch import segments
from econsent_airflow.watch.trail import Trail
from econsent_jobs.certificate_processing import process_certificates
from econsent_jobs.certificate_processing.archive import S3Archive
from econsent_jobs.certificate_processing.languages import LanguageDetector
from econsent_jobs.certificate_processing.model import Settings, SigningKey
from econsent_jobs.certificate_processing.tools import real_tools as certificate_tools
from econsent_jobs.core.errors import ErrorClass, TransientError
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.results import JobResult
from econsent_jobs.elasticsearch_sync import sync_search
from econsent_jobs.elasticsearch_sync.model import Settings as SearchSettings
from econsent_jobs.elasticsearch_sync.tools import real_tools as search_tools
from econsent_jobs.io.object_store import LockedObject, LockedObjectStore
from econsent_jobs.io.search_index import SearchIndex
from econsent_jobs.retention_enforcement import enforce
from econsent_jobs.retention_enforcement.model import Settings as RetentionSettings
from econsent_jobs.retention_enforcement.tools import real_tools as retention_tools
from econsent_stack.servers import postgres
from econsent_stack.stack import Stack
from econsent_verify import audit, certificate_processing, elasticsearch_sync, retention_enforcement

KEY: Final = SigningKey(key_id="key-1", secret=b"a key of the tests, long enough.")
LIMITS: Final = Limits(batch_size=100, run_seconds=60)
VERIFIERS: Final[Mapping[str, Callable[[list[str], Mapping[str, str]], int]]] = {
    "audit": audit.main,
    "certificate_processing": certificate_processing.main,
    "elasticsearch_sync": elasticsearch_sync.main,
    "retention_enforcement": retention_enforcement.main,
}


class Down:
    """An archive that takes nothing: what is sealed stays sealed."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket

    def put_once(self, stored: LockedObject) -> str:
        raise TransientError(ErrorClass.S3_WRITE, "S3 is down")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """``archive``, ``audit_bucket``, ``efs`` and the index under ``alias`` outlive every database server."""

    stack: Stack
    archive: LockedObjectStore
    audit_bucket: str
    efs: Path
    languages: LanguageDetector
    search: Elasticsearch
    alias: str

    def certificates(self, server: Stack, *, archive_is_down: bool = False, key: SigningKey = KEY) -> JobResult:
        """Run certificate processing until nothing waits, not even for another try."""
        make_due(server)
        with opened(server, "econsent_certificate_processing") as own:
            tools = certificate_tools(
                database=own,
                client=self.stack.object_store_client("econsent_archive"),
                bucket=self.archive.bucket,
                efs_base=self.efs,
                settings=Settings(signing_key=key),
                languages=self.languages,
            )
            if archive_is_down:
                tools = replace(tools, archive=S3Archive(Down(self.archive.bucket), threads=1))
            return process_certificates(tools=tools, limits=LIMITS)

    def sync(self, server: Stack) -> JobResult:
        make_due(server)
        with opened(server, "econsent_elasticsearch_sync") as own:
            index = SearchIndex(self.search, request_seconds=20)
            tools = search_tools(database=own, search=index, settings=SearchSettings(alias=self.alias, replicas=0))
            return sync_search(tools=tools, limits=LIMITS)

    def retention(self, server: Stack, step: str, **settings: Any) -> JobResult:
        """Run one step of retention; what was written just now is old enough for it."""
        key = {"suppression_key_id": "key-1", "suppression_key": b"another key of the tests of 32 b"}
        chosen = RetentionSettings(run_id="run-1", grace=timedelta(seconds=-60), hash_share=1.0, **key, **settings)
        with opened(server, "econsent_retention_enforcement") as own:
            tools = retention_tools(
                database=own,
                client=self.stack.object_store_client("econsent_archive_retention"),
                bucket=self.archive.bucket,
                audit_bucket=self.audit_bucket,
                efs_base=self.efs,
                settings=chosen,
            )
            return enforce(step, tools=tools, limits=LIMITS)

    def seal(self, server: Stack, *, day: date | None = None) -> int:
        """Seal all entries as the watch does when it starts, and store them as ``day``. Return how many there were."""
        with opened(server, "econsent_watch") as own:
            trail = Trail(own)
            sealed = trail.seal(everything=True, most=LIMITS.batch_size)
            if day is not None:
                assert segments.fix_day(trail, day)
                segments.store_days(trail, LockedObjectStore(self.stack.object_store_client("econsent_archive"), self.audit_bucket))
            return sealed

    def verify(self, name: str, server: Stack, *, keys: Mapping[str, Any] | None = None) -> int:
        """Run ``./econsent verify NAME --json``; its exit code."""
        environment = {
            **self.stack.environment(),
            **postgres.SERVER.variables(server.place(postgres.SERVER)),
            certificate_processing.BUCKET: self.archive.bucket,
            audit.BUCKET: self.audit_bucket,
            retention_enforcement.EFS: str(self.efs),
            elasticsearch_sync.ALIAS: self.alias,
            certificate_processing.SIGNING_KEY: json.dumps(keys or {"login": KEY.key_id, "password": KEY.secret.decode()}),
        }
        return VERIFIERS[name](["--json"], environment)

    def versions(self) -> dict[str, list[str]]:
        """Every key of the archive, with the versions and delete markers that lie under it."""
        return self._versions_in(self.archive.bucket)

    def audit_objects(self) -> dict[str, list[str]]:
        return self._versions_in(self.audit_bucket)

    def _versions_in(self, bucket: str) -> dict[str, list[str]]:
        listed = self.stack.object_store_client().list_object_versions(Bucket=bucket)
        found: dict[str, list[str]] = {}
        for line in listed.get("Versions", []) + listed.get("DeleteMarkers", []):
            found.setdefault(line["Key"], []).append(line["VersionId"])
        return found


def opened(server: Stack, role: str | None = None) -> psycopg.Connection[Any]:
    """A connection to eConsent's database on ``server``; with all rights unless ``role`` is named."""
    return psycopg.connect(server.postgres_url("econsent", user=role), autocommit=True)


def make_due(server: Stack) -> None:
    """Let the time pass until whatever waits for another try is due."""
    with opened(server) as database:
        database.execute("UPDATE econsent.certificate_queue SET next_attempt_at = now()")
        database.execute("UPDATE econsent.search_outbox SET next_attempt_at = now()")
