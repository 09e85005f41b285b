"""Histories on the real PostgreSQL and archive: the job's own store and archive, each worker on a connection of its own."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final, Self

import psycopg

from econsent_jobs.io.object_store import LockedObjectStore
from econsent_jobs.io.object_versions import ObjectVersions, Undeleted
from econsent_jobs.retention_enforcement.archive import Archive, S3Archive
from econsent_jobs.retention_enforcement.store import PostgresStore
from tests.integration.retention_enforcement.world import PROPERTY
from tests.prove.retention.histories import BEGIN, CLAIM_YEARS, History, Item
from tests.prove.retention.world import World

IN_FLIGHT: Final = "SELECT NOT pg_try_advisory_xact_lock(hashtextextended('retention:' || %(company)s, 0)) AS busy"
FREE: Final = "SELECT FROM econsent.storage_objects WHERE storage_object_id = %(number)s FOR UPDATE SKIP LOCKED"
CLAIMED: Final = """
INSERT INTO econsent.claim_tokens (token_sha256, company_id, certificate_pk, status, claimed_by_company_id)
SELECT encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex'), s.company_id, s.certificate_pk, 'claimed', %(buyer)s
FROM econsent.storage_objects AS s WHERE s.storage_object_id = %(number)s
"""
ERASED: Final = """
UPDATE econsent.storage_objects SET erasure_asked_at = coalesce(erasure_asked_at, %(now)s) WHERE storage_object_id = %(number)s
"""
RETAINED: Final = """
UPDATE econsent.sessions AS session SET retention_status = 'retained', retained_at = %(now)s
FROM econsent.storage_objects AS s
WHERE s.storage_object_id = %(number)s AND session.company_id = s.company_id AND session.session_id = s.session_id
"""
RELEASED: Final = """
UPDATE econsent.legal_holds SET released_at = now(), released_by = 'counsel', release_confirmed_by = 'partner' WHERE hold_id = %(hold)s
"""
ROW: Final = "SELECT state, expired_at, version_id FROM econsent.storage_objects WHERE storage_object_id = %(number)s"
LOG: Final = "SELECT object_key FROM econsent.tombstones WHERE strpos(object_key, %(mark)s) > 0 ORDER BY log_no"


class JudgedArchive:
    """The real archive, which tells of every version at the moment when it goes."""

    def __init__(self, archive: Archive, *, judge: Callable[[str], None]) -> None:
        self._archive, self._judge = archive, judge

    def __getattr__(self, name: str) -> Any:
        return getattr(self._archive, name)

    def delete(self, versions: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Undeleted]:
        there = [pair for pair in versions if self._archive.head(*pair) is not None]
        refused = self._archive.delete(versions)
        for pair in there:
            if pair not in refused:
                self._judge(pair[0])
        return refused


class RealSide:
    """A ``Side`` on the real servers. A context manager: it keeps its workers' connections, and wipes what is left.

    The archive's own clock does not move: a version that its lock still bars is under the archive's hold until the time has come.
    """

    def __init__(self, world: World, *, number: int) -> None:
        self._world, self._mark = world, f"history{number:06d}"
        self._opened = ExitStack()
        self._now = BEGIN
        self._barred: dict[str, Item] = {}
        self._versions: dict[int, tuple[str, str]] = {}
        self._deleted: list[str] = []

    def __enter__(self) -> Self:
        self._world.wipe()
        for years in CLAIM_YEARS:
            if not self._world.rows("SELECT 1 AS one FROM econsent.companies WHERE company_id = %(name)s", name=buyer(years)):
                self._world.platform.company(buyer(years), object_lock_years=years)
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()
        self._world.wipe()

    @property
    def now(self) -> datetime:
        return self._now

    @now.setter
    def now(self, at: datetime) -> None:
        self._now = at
        for key, item in list(self._barred.items()):
            if item.barred_until < at:
                self._bar(self._barred.pop(key), on=False)

    def _bar(self, item: Item, *, on: bool) -> None:
        key, version_id = self._versions[item.number]
        platform, hold = self._world.platform, {"Status": "ON" if on else "OFF"}
        platform.client.put_object_legal_hold(Bucket=platform.bucket, Key=key, VersionId=version_id, LegalHold=hold)

    def add(self, item: Item) -> None:
        platform, company_id = self._world.platform, item.company_id
        session_id = f"{self._mark}-{item.number}"
        status = {"retention_status": "retained", "retained_at": item.consent_at} if item.retained else {}
        times = {"started_at": item.consent_at, "expires_at": item.ends_at}
        platform.session(session_id, company_id=company_id, file=None, **times, **status)
        pk = platform.certificate(
            session_id,
            company_id=company_id,
            certificate_id=f"EC-{session_id}",
            status="expired",
            consent_at=item.consent_at,
            expires_at=item.ends_at,
            retain_until=item.lock_until,
        )
        key = f"{company_id}/{PROPERTY}/{self._mark}/{item.number:04d}.json"
        row = {"session_id": session_id, "certificate_pk": pk, "retain_until": item.lock_until, "created_at": item.consent_at}
        item.number, item.key = platform.object(company_id=company_id, object_key=key, **row), key
        self._versions[item.number] = key, self._row(item)["version_id"]
        if item.barred_until > item.lock_until:
            self._barred[key] = item
            self._bar(item, on=True)

    def _row(self, item: Item) -> dict[str, Any]:
        return self._world.one(ROW, number=item.number)

    def hold(self, company_id: str, item: Item | None) -> int:
        scope, value = ("company", company_id) if item is None else ("session", self._session_of(item))
        return self._world.platform.hold(scope, value, company_id=company_id)

    def _session_of(self, item: Item) -> str:
        query = "SELECT session_id FROM econsent.storage_objects WHERE storage_object_id = %(number)s"
        return self._world.one(query, number=item.number)["session_id"]

    def release(self, hold: int) -> None:
        self._world.database.execute(RELEASED, {"hold": hold})

    def change(self, item: Item, what: str, *, ends_at: datetime) -> bool:
        if not self._world.rows(FREE, number=item.number):
            return False
        statement = {"claim": CLAIMED, "erase": ERASED, "retain": RETAINED}[what]
        years = ends_at.year - item.consent_at.year
        self._world.database.execute(statement.encode(), {"number": item.number, "now": self.now, "buyer": buyer(years)})
        return True

    def in_flight(self, company_id: str) -> bool:
        return self._world.one(IN_FLIGHT, company=company_id)["busy"]

    def marked_at(self, item: Item) -> datetime | None:
        return self._row(item)["expired_at"]

    def is_there(self, item: Item) -> bool:
        return item.key not in self._deleted

    def is_closed(self, item: Item) -> bool:
        return self._row(item)["state"] == "deleted"

    def deleted(self) -> Sequence[str]:
        return self._deleted

    def tombstones(self) -> Sequence[str]:
        return [row["object_key"] for row in self._world.rows(LOG, mark=self._mark)]

    def stores(self, judge: Callable[[str], None]) -> tuple[PostgresStore, Any]:
        def told(key: str) -> None:
            judge(key)
            self._deleted.append(key)

        own = self._opened.enter_context(psycopg.connect(self._world.direct.database, autocommit=True))
        client, bucket = self._world.role_client, self._world.direct.bucket
        archive = S3Archive(LockedObjectStore(client, bucket), ObjectVersions(client, bucket))
        return PostgresStore(own), JudgedArchive(archive, judge=told)

    def version_of(self, item: Item) -> str:
        return self._versions[item.number][1]

    def left_over(self) -> list[str]:
        """What the bucket holds although it was deleted, or does not although it was not: asked of the bucket itself."""
        platform, left = self._world.platform, list[str]()
        for number, (key, version_id) in self._versions.items():
            listed = platform.client.list_object_versions(Bucket=platform.bucket, Prefix=key)
            found = [line["VersionId"] for line in listed.get("Versions", []) + listed.get("DeleteMarkers", [])]
            if found != ([] if key in self._deleted else [version_id]):
                left.append(f"the bucket holds {found} of object {number}, {key}")
        return left


def buyer(years: int) -> str:
    return f"buyer-{years}"


def history_on(world: World, *, number: int, random: Random) -> list[str]:
    """Run one history and say what is wrong with it; the verifier looks at it too."""
    begun = world.one("SELECT clock_timestamp() - interval '1 second' AS at")["at"]
    with RealSide(world, number=number) as side:
        told = History(side, random).run()
        report = world.verify(since=begun - timedelta(seconds=1))
        return told.wrong + side.left_over() + [str(finding) for finding in report.findings]
