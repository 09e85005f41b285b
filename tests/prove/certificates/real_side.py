"""Histories on the real PostgreSQL and the real S3. The clock cannot be moved there, so the rows move the other way."""

import hashlib
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, Final

import psycopg

from demo.insert import insert_certificate_rows, insert_session_rows
from demo.staging import write_file
from demo.visits import Visit, make_sessionless, make_visit
from econsent_jobs.certificate_processing.job import Tools
from econsent_jobs.certificate_processing.languages import LanguageDetector
from econsent_jobs.certificate_processing.model import Key, Sealed, SealedDocument, Settings
from econsent_jobs.certificate_processing.recordings import EfsRecordings
from econsent_jobs.certificate_processing.store import PostgresStore
from econsent_jobs.core.clock import SystemClock
from econsent_jobs.core.statements import statement
from econsent_jobs.io.efs import SharedFiles
from econsent_jobs.io.object_store import LockedObject, LockedObjectStore
from tests.prove.certificates.case import OBJECTS, SESSIONS, STATE, at
from tests.prove.certificates.histories import LEASE_SECONDS, CertificateEnd, End, SessionEnd, lock_date_passed
from tests.prove.certificates.model import ModelArchive
from tests.prove.certificates.model_side import BAD, COMPANIES
from tests.prove.certificates.steps import Log, SteppedPut, SteppedStore
from tests.prove.certificates.world import World, now
from tests.prove.harness.steps import Worker

CHUNK: Final = b',{"type":3,"timestamp":1,"data":{"source":0}}]'
SHIFT: Final = (
    (
        "UPDATE econsent.certificate_queue SET next_attempt_at = next_attempt_at - make_interval(secs => %(seconds)s),"
        " leased_until = leased_until - make_interval(secs => %(seconds)s)"
    ),
    (
        "UPDATE econsent.sessions SET last_chunk_at = last_chunk_at - make_interval(secs => %(seconds)s)"
        " WHERE company_id = ANY(%(companies)s) AND session_id = ANY(%(sessions)s)"
    ),
    (
        "UPDATE econsent.certificates SET created_at = created_at - make_interval(secs => %(seconds)s)"
        " WHERE company_id = ANY(%(companies)s) AND certificate_pk = ANY(%(pks)s) AND status = 'pending'"
    ),
)
CLOSE: Final = """
UPDATE econsent.sessions SET closed_at = now(), recording_sha256 = %(sha256)s, recording_bytes = %(size)s
WHERE company_id = %(company)s AND session_id = %(session)s AND closed_at IS NULL
"""
CHANGE: Final = """
UPDATE econsent.retention_settings SET auto_retention_enabled = %(retains)s, object_lock_years = %(years)s WHERE company_id = %(company)s
"""


class RealSide:
    """One history in a property of its own. Use it as a context manager: it keeps its workers' connections."""

    def __init__(self, world: World, languages: LanguageDetector, *, number: int) -> None:
        self._world, self._languages, self._number = world, languages, number
        self._began_at, self._shifted = monotonic(), 0.0
        self._opened = ExitStack()
        self._visits: list[tuple[Visit, int]] = []
        self._pks: list[int] = []
        self._bad: set[int] = set()
        self.sites = {company: f"{company}-h{number}" for company in COMPANIES}
        world.reset_policies()
        for company, site in self.sites.items():
            row = {"company_id": company, "property_id": site, "name": "A history", "origin": f"https://{site}.example.com"}
            expirations = {"session_expiration": "90 days", "certificate_expiration": "5 years"}
            world.database.execute(statement("demo", "insert_property"), row | expirations | {"uid": f"uid-{site}"})

    def __enter__(self) -> "RealSide":
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @property
    def _names(self) -> dict[str, Any]:
        sessions = [visit.session.session_id for visit, _ in self._visits]
        return {"companies": list(self.sites), "pks": self._pks, "sessions": sessions}

    def submit(self, source: str, random: Random) -> None:
        company = random.choice(COMPANIES)
        if source in {"meta", "sms", "voice"}:
            number = len(self._pks)
            row = make_sessionless(at(self.sites, company), source, seed=1, number=number, consent_at=now(), label=f"h{self._number}-")
        else:
            row = self._submission(company, again=source == "again", random=random)
        if source == "bad":
            row = replace(row, capture=BAD)
        pks = insert_certificate_rows(self._world.database, [replace(row, created_at=now())])
        self._pks += pks
        self._bad |= set(pks) if source == "bad" else set()

    def _submission(self, company: str, *, again: bool, random: Random) -> Any:
        """A further submission of an open session, or the first one of a new session."""
        half = [place for place, (visit, submitted) in enumerate(self._visits) if submitted < len(visit.certificates)]
        if again and half:
            place = random.choice(half)
            visit, submitted = self._visits[place]
        else:
            number, place = len(self._visits), len(self._visits)
            visit, submitted = self._new_visit(company, number), 0
            self._visits.append((visit, 0))
        self._visits[place] = visit, submitted + 1
        write_file(visit.pages[submitted], durable=False)
        return visit.certificates[submitted]

    def _new_visit(self, company: str, number: int) -> Visit:
        visit = make_visit(
            at(self.sites, company),
            efs_base=self._world.efs,
            seed=self._number,
            number=number,
            ended_at=now(),
            label=f"h{self._number}-",
            closed=False,
            source="form10",
            submissions=2,
        )
        assert visit.recording is not None
        write_file(visit.recording, durable=False)
        insert_session_rows(self._world.database, [visit.session])
        return visit

    def chunk(self, random: Random) -> None:
        if visit := self._open_visit(random):
            path = self._recording(visit)
            path.write_bytes(path.read_bytes().rstrip().removesuffix(b"]") + CHUNK)
            self._world.database.execute(
                "UPDATE econsent.sessions SET last_chunk_at = now() WHERE company_id = %s AND session_id = %s",
                [visit.session.company_id, visit.session.session_id],
            )

    def close(self, random: Random) -> None:
        if visit := self._open_visit(random):
            contents = self._recording(visit).read_bytes()
            parameters = {"sha256": hashlib.sha256(contents).hexdigest(), "size": len(contents)}
            names = {"company": visit.session.company_id, "session": visit.session.session_id}
            self._world.database.execute(CLOSE, parameters | names)

    def _open_visit(self, random: Random) -> Visit | None:
        rows = self._world.rows(
            "SELECT session_id FROM econsent.sessions WHERE company_id = ANY(%(companies)s) AND session_id = ANY(%(sessions)s)"
            " AND closed_at IS NULL",
            **self._names,
        )
        still_open = {row["session_id"] for row in rows}
        found = [visit for visit, _ in self._visits if visit.session.session_id in still_open]
        return random.choice(found) if found else None

    @staticmethod
    def _recording(visit: Visit) -> Path:
        assert visit.recording is not None
        return visit.recording.path

    def change(self, random: Random) -> None:
        company = random.choice(COMPANIES)
        policy = {"company": company, "retains": random.random() < 0.5, "years": random.randrange(1, 8)}
        self._world.database.execute(CHANGE, policy)
        self._world.database.execute(
            "UPDATE econsent.properties SET certificate_expiration = make_interval(days => %s) WHERE company_id = %s AND property_id = %s",
            [random.choice((1, 30, 1825)), company, self.sites[company]],
        )

    def advance(self, seconds: float) -> None:
        self._shifted += seconds
        for query in SHIFT:
            self._world.database.execute(query.encode(), self._names | {"seconds": seconds})

    def seconds(self) -> float:
        return self._shifted + monotonic() - self._began_at

    def store(self) -> PostgresStore:
        return PostgresStore(self._opened.enter_context(psycopg.connect(self._world.direct.database, autocommit=True)))

    def tools(self, settings: Settings, *, worker: Worker | None, log: Log) -> Tools:
        store, put = self.store(), self._put
        return Tools(
            store=store if worker is None else SteppedStore(store, worker, log, seconds=self.seconds, lease_seconds=LEASE_SECONDS),
            archive=Bucket(put if worker is None else SteppedPut(put, worker, log), self._world.bucket),
            recordings=EfsRecordings(SharedFiles(self._world.efs)),
            languages=self._languages,
            settings=settings,
            clock=SystemClock(),
        )

    def _put(self, sealed: Sealed, document: SealedDocument) -> str:
        return LockedObjectStore(self._world.writer, self._world.bucket).put_once(
            LockedObject(
                key=document.object_key,
                body=document.body,
                sha256=document.sha256,
                content_type=document.content_type,
                retain_until=sealed.retain_until,
                metadata=(("schema", "1"), ("company-id", sealed.key.company_id)),
            )
        )

    def waiting(self) -> int:
        return self._world.one("SELECT count(*) AS n FROM econsent.certificate_queue")["n"]

    def end(self) -> End:
        stored = self._world.rows(OBJECTS, **self._names)
        return End(
            certificates=[self._certificate_end(row) for row in self._world.rows(STATE, **self._names)],
            sessions=[
                SessionEnd(
                    session_id=row["session_id"], closed=row["closed"], retained=row["retention_status"] == "retained", units=row["units"]
                )
                for row in self._world.rows(SESSIONS, **self._names)
            ],
            recorded={row["object_key"]: row["sha256"] for row in stored},
            versions=self._versions(),
        )

    def _certificate_end(self, row: dict[str, Any]) -> CertificateEnd:
        return CertificateEnd(
            key=Key(row["company_id"], row["certificate_pk"]),
            source=row["source"],
            bad=row["certificate_pk"] in self._bad,
            expired=lock_date_passed(
                retain_until=row["retain_until"], issued_at=row["issued_at"], finalised_at=row["finalized_at"], kinds=row["kinds"]
            ),
            status=row["status"],
            error_class=row["error_class"],
            events=row["events"],
            audit=row["audit"],
            kinds=row["kinds"],
            left_over=row["queued"] + row["sealed"],
        )

    def _versions(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        client, bucket = self._world.client, self._world.bucket
        for company, site in self.sites.items():
            listed = client.list_object_versions(Bucket=bucket, Prefix=f"{company}/{site}/")
            assert not listed["IsTruncated"]
            for version in listed.get("Versions", []):
                body = client.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])["Body"].read()
                found.setdefault(version["Key"], []).append(hashlib.sha256(body).hexdigest())
            for marker in listed.get("DeleteMarkers", []):
                found.setdefault(marker["Key"], []).append("deleted")
        return found


class Bucket(ModelArchive):
    """The model's archive over another bucket: one document after the other, so that each put can be stepped."""

    def __init__(self, put: Any, bucket: str) -> None:
        super().__init__(put)
        self.bucket = bucket
