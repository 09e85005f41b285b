"""Histories on the model."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Final
from uuid import UUID

from demo.tenants import tenant
from demo.visits import make_sessionless, make_visit
from econsent_jobs.certificate_processing.job import Tools
from econsent_jobs.certificate_processing.model import Key, Pending, Sealed, SealedDocument, Session, Settings, Source, Template
from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.text import norm_text
from tests.prove.certificates.case import EVENTS
from tests.prove.certificates.histories import LEASE_SECONDS, CertificateEnd, End, History, SessionEnd, lock_date_passed
from tests.prove.certificates.model import (
    CertificateRow,
    ModelBucket,
    ModelDatabase,
    ModelStore,
    Policy,
    SessionRow,
    model_tools,
    recording_sha256,
)
from tests.prove.certificates.steps import Log, SteppedPut, SteppedStore
from tests.prove.harness.histories import Told
from tests.prove.harness.steps import Worker

COMPANIES: Final = ("demo-01", "demo-02")
BAD: Final = '{"consents": "TEXT"}'


@cache
def captures(source: str) -> Sequence[str]:
    """Some of the demo's reports, as JSON text."""
    at = datetime(2030, 5, 1, tzinfo=UTC)
    owner = tenant("demo-03")
    if source in {"meta", "sms", "voice"}:
        return [make_sessionless(owner, source, seed=seed, number=seed, consent_at=at).capture for seed in (1, 2)]
    visits = (make_visit(owner, efs_base=Path("recordings"), seed=seed, number=seed, ended_at=at) for seed in (1, 2, 3, 4))
    return [visit.certificates[0].capture for visit in visits]


def history(seed: int) -> Told:
    """One history on the model, all of it drawn from its seed."""
    return History(ModelSide(), Random(seed)).run()


class ModelSide:
    def __init__(self) -> None:
        self._database = ModelDatabase()
        self._bucket = ModelBucket(self._database)
        self._tokens = 0
        self.sites = dict.fromkeys(COMPANIES, "site")

    def submit(self, source: str, random: Random) -> None:
        company_id = random.choice(COMPANIES)
        open_sessions = [(key, row) for key, row in self._database.tables.sessions.items() if row.session.closed_at is None]
        bad, session = source == "bad", None
        if source == "again" and open_sessions:
            (company_id, _), row = random.choice(open_sessions)
            session = row.session
        elif source in {"session", "again", "bad"}:
            session = self._new_session(company_id)
        source = "session" if session else source
        number = len(self._database.tables.certificates) + 1
        consent_at = self._database.now - timedelta(days=random.choice((0, 0, 0, 3)))
        self._database.insert(
            Pending(
                key=Key(company_id, number),
                status="pending",
                source=Source(source),
                source_ref=None if session else f"ref-{number}",
                property_id="site",
                session=session,
                submitted_at=self._database.now,
                consent_at=consent_at,
                capture=BAD if bad else random.choice(captures(source)),
                dom_staging_path="page" if session else None,
                ip=None,
                user_agent=None,
                browser_language=None,
                geo=None,
                origin="https://site.example.com",
                domain=None,
                expires_at=consent_at,
                retain_until=consent_at,
                lock_ceiling_at=consent_at,
                read_at=self._database.now,
            ),
            session_id=session.session_id if session else None,
        )

    def _new_session(self, company_id: str) -> Session:
        session = Session(
            session_id=f"s{len(self._database.tables.sessions) + 1}",
            started_at=self._database.now,
            last_chunk_at=self._database.now,
            closed_at=None,
            recording_path=None,
            recording_sha256=None,
        )
        self._database.tables.sessions[company_id, session.session_id] = SessionRow(session=session, chunks=1)
        return session

    def chunk(self, random: Random) -> None:
        if found := self._open_session(random):
            key, row = found
            session = replace(row.session, last_chunk_at=self._database.now)
            self._database.tables.sessions[key] = replace(row, session=session, chunks=row.chunks + 1)

    def close(self, random: Random) -> None:
        if found := self._open_session(random):
            key, row = found
            sha256 = recording_sha256(row.session.session_id, row.chunks)
            session = replace(row.session, closed_at=self._database.now, recording_sha256=sha256)
            self._database.tables.sessions[key] = replace(row, session=session)

    def _open_session(self, random: Random) -> tuple[tuple[str, str], SessionRow] | None:
        found = [(key, row) for key, row in self._database.tables.sessions.items() if row.session.closed_at is None]
        return random.choice(found) if found else None

    def change(self, random: Random) -> None:
        if random.random() < 0.2:
            template = Template(template_id="t", version=str(random.random()), name="A template")
            self._database.tables.templates = dict.fromkeys(disclosures(), template)
            return
        self._database.tables.policies[random.choice(COMPANIES)] = Policy(
            expiration_days=random.choice((1, 30, 1825)), lock_years=random.randrange(1, 8), retains=random.random() < 0.5
        )

    def advance(self, seconds: float) -> None:
        self._database.now += timedelta(seconds=seconds)

    def seconds(self) -> float:
        return self._database.now.timestamp()

    def store(self) -> ModelStore:
        return ModelStore(self._database, new_token=self._new_token)

    def tools(self, settings: Settings, *, worker: Worker | None, log: Log) -> Tools:
        store = self.store()
        if worker is None:
            return model_tools(self._database, store=store, put=self._put, settings=settings)
        stepped = SteppedStore(store, worker, log, seconds=self.seconds, lease_seconds=LEASE_SECONDS)
        return model_tools(self._database, store=stepped, put=SteppedPut(self._put, worker, log), settings=settings)

    def _new_token(self) -> UUID:
        self._tokens += 1
        return UUID(int=self._tokens)

    def _put(self, sealed: Sealed, document: SealedDocument) -> str:
        return self._bucket.put_once(document, retain_until=sealed.retain_until)

    def waiting(self) -> int:
        return len(self._database.tables.queue)

    def end(self) -> End:
        tables = self._database.tables
        return End(
            certificates=[self._certificate_end(key, row) for key, row in tables.certificates.items()],
            sessions=[
                SessionEnd(
                    session_id=session_id,
                    closed=row.session.closed_at is not None,
                    retained=row.retained,
                    units=(company_id, session_id) in tables.units,
                )
                for (company_id, session_id), row in tables.sessions.items()
            ],
            recorded={key: sha256 for key, (_, _, sha256, _) in tables.objects.items()},
            versions={key: [sha256 for sha256, _ in found] for key, found in self._bucket.versions.items()},
        )

    def _certificate_end(self, key: Key, row: CertificateRow) -> CertificateEnd:
        tables, source = self._database.tables, row.pending.source.value
        certificate_id = row.certificate["certificateId"] if row.certificate else None
        issued_at = datetime.fromisoformat(row.certificate["issuedAt"]) if row.certificate else None
        kinds = sorted(kind for owner, kind, _, _ in tables.objects.values() if owner == key)
        return CertificateEnd(
            key=key,
            source=source,
            bad=row.pending.capture == BAD,
            expired=lock_date_passed(retain_until=row.retain_until, issued_at=issued_at, finalised_at=row.finalised_at, kinds=kinds),
            status=row.status,
            error_class=None if row.error_class is None else row.error_class.value,
            events=sorted(event.event_type for event in tables.events.values() if event.subject_id == certificate_id),
            audit=sorted(action for audited, action in tables.audit if audited == key),
            kinds=kinds,
            left_over=(key in tables.queue) + (key in tables.sealed),
        )


@cache
def disclosures() -> tuple[str, ...]:
    """The hashes of the captures' disclosures, which a template may be registered for."""

    texts = [json.loads(capture)["disclosure"]["text"] for source in EVENTS for capture in captures(source)]
    return tuple(sha256_hex(norm_text(text).encode()) for text in texts)
