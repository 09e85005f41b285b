"""Writes made-up tenants and visits down, as the platform would: files first, then rows.

For tests: ``insert_session`` and ``insert_certificate`` make one good visit, and every column can be overridden by its name::

    visit = insert_session(database, efs_base, seed=7, closed_at=None)
    key = insert_certificate(database, visit, capture={"consents": []})

The connection is any psycopg connection whose role may do what ``econsent_platform`` may. What belongs to one transaction is the
caller's to say.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from demo.staging import write_file
from demo.tenants import TENANTS, Tenant, tenant
from demo.visits import CertificateRow, SessionlessSource, SessionRow, Visit, capture_text, make_sessionless, make_visit
from econsent_jobs.core.statements import statement
from econsent_jobs.io.database import Connection

PACKAGE: Final = "demo"
LOADING: Final = 0x656C6F61  # the advisory lock that keeps two loads apart


def insert_tenant(database: Connection, owner: Tenant) -> bool:
    """Insert a company with members, properties, templates and settings. Return False, and change nothing, if it exists."""
    with database.transaction():
        database.execute("SELECT pg_advisory_xact_lock(%s)", [LOADING])
        if database.execute("SELECT FROM econsent.companies WHERE company_id = %s", [owner.company_id]).rowcount:
            return False
        database.execute("SELECT econsent.create_company(%s, %s, %s)", [owner.company_id, owner.name, owner.plan])
        company = {"company_id": owner.company_id}
        for member in owner.members:
            database.execute(statement(PACKAGE, "insert_member"), company | asdict(member))
        for site in owner.properties:
            database.execute(statement(PACKAGE, "insert_property"), company | asdict(site) | {"uid": f"uid-{site.property_id}"})
        for template in owner.templates:
            row = company | asdict(template) | {"body_sha256": template.body_sha256}
            database.execute(statement(PACKAGE, "insert_template"), row)
        database.execute(statement(PACKAGE, "set_retention"), company | retention_of(owner))
    return True


def retention_of(owner: Tenant) -> dict[str, Any]:
    """Return a tenant's choice as the columns of its retention settings."""
    return {
        "enabled": owner.auto_retention is not None,
        "mode": owner.auto_retention or "certificates",
        "emails": [member.email for member in owner.members if member.role == "owner"],
        "object_lock_years": owner.object_lock_years,
    }


def insert_visits(database: Connection, visits: Sequence[Visit], *, durable: bool = True) -> list[int]:
    """Write the files of many visits, then insert their rows by two statements. Return the keys of the new certificates.

    Sessions and submissions that exist stay as they are, but their files are written again: filter them out before. ``durable``:
    see ``write_file``.
    """
    for visit in visits:
        for file in visit.files:
            write_file(file, durable=durable)
    insert_session_rows(database, [visit.session for visit in visits])
    return insert_certificate_rows(database, [certificate for visit in visits for certificate in visit.certificates])


def insert_session_rows(database: Connection, rows: Iterable[SessionRow]) -> int:
    """Insert sessions and return how many were new. Raises psycopg.Error, such as NotNullViolation for an unknown property."""
    return database.execute(statement(PACKAGE, "insert_sessions"), {"visits": as_json(rows)}).rowcount


def insert_certificate_rows(database: Connection, rows: Iterable[CertificateRow]) -> list[int]:
    """Insert certificates, pending ones also into the queue, and return the keys of the new ones. Raises psycopg.Error."""
    return [key for (key,) in database.execute(statement(PACKAGE, "insert_certificates"), {"submissions": as_json(rows)})]


def as_json(rows: Iterable[SessionRow | CertificateRow]) -> str:
    return json.dumps([asdict(row) for row in rows], default=datetime.isoformat)


def insert_session(
    database: Connection,
    efs_base: Path,
    *,
    seed: int = 1,
    company_id: str = TENANTS[0].company_id,
    ended_at: datetime | None = None,
    recording: bytes | None = None,
    **columns: Any,
) -> Visit:
    """Insert one closed session and write its recording; no certificate yet. It ended at ``ended_at``, or else an hour ago.

    The demo company is made if it is not there. ``seed`` also numbers the session. ``recording`` puts other bytes into the file,
    without adapting hash and size. ``columns`` overrides fields of SessionRow. Returns the visit as inserted, for
    ``insert_certificate``. Raises TypeError for a column that SessionRow does not have.
    """
    insert_tenant(database, tenant(company_id))
    visit = make_visit(
        tenant(company_id),
        efs_base=efs_base,
        seed=seed,
        number=seed,
        ended_at=ended_at or an_hour_ago(),
        submissions=2,
        source="form10",
    )
    if recording is not None and visit.recording is not None:
        visit = replace(visit, recording=replace(visit.recording, contents=recording))
    visit = replace(visit, session=replace(visit.session, **columns))
    if visit.recording is not None:
        write_file(visit.recording)
    insert_session_rows(database, [visit.session])
    return visit


def insert_certificate(database: Connection, visit: Visit, *, submission_no: int = 1, **columns: Any) -> int:
    """Insert the visit's first or second submission as a pending certificate, write its page, and return its key.

    ``columns`` overrides fields of CertificateRow; ``capture`` may be a dictionary or JSON text.
    """
    write_file(visit.pages[submission_no - 1])
    row = replace(visit.certificates[submission_no - 1], session_id=visit.session.session_id)
    return insert_one(database, row, columns)


def insert_sessionless_certificate(
    database: Connection,
    source: SessionlessSource,
    *,
    seed: int = 1,
    company_id: str = TENANTS[0].company_id,
    consent_at: datetime | None = None,
    **columns: Any,
) -> int:
    """Insert one pending certificate that came without a session, and return its key. Otherwise like ``insert_certificate``."""
    insert_tenant(database, tenant(company_id))
    row = make_sessionless(tenant(company_id), source, seed=seed, number=seed, consent_at=consent_at or an_hour_ago())
    return insert_one(database, row, columns)


def insert_one(database: Connection, row: CertificateRow, columns: dict[str, Any]) -> int:
    """Insert one certificate with some columns overridden. Raises ValueError if the submission exists already."""
    if isinstance(columns.get("capture"), dict):
        columns = {**columns, "capture": capture_text(columns["capture"])}
    keys = insert_certificate_rows(database, [replace(row, **columns)])
    if not keys:
        raise ValueError(f"{row.session_id or row.source_ref} has this certificate already; take another seed or submission_no")
    return keys[0]


def an_hour_ago() -> datetime:
    """An hour before now, in whole milliseconds as the platform keeps times."""
    now = datetime.now(UTC) - timedelta(hours=1)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
