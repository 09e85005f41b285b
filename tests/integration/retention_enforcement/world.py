"""Rows, files and objects in every state that retention meets, put there without its code."""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

COMPANY = "acme"
PROPERTY = "shop"
LONG_AGO = timedelta(days=40)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class World:
    """One company's rows and what they stand for. Everything that is written can be overridden by its column."""

    database: psycopg.Connection[Any]
    client: Any
    bucket: str
    efs: Path
    numbers: Any = field(default_factory=lambda: count(1))

    def company(self, company_id: str = COMPANY, *, property_id: str = PROPERTY, **settings: Any) -> str:
        """A company with one property, whose policies have long been what they are."""
        self.database.execute("SELECT econsent.create_company(%s, %s, 'starter')", [company_id, f"Company {company_id}"])
        self.insert(
            "properties",
            company_id=company_id,
            property_id=property_id,
            name="Shop",
            origin="https://example.com",
            uid=f"{company_id}/{property_id}",
            expiration_changed_at=now() - timedelta(days=900),
        )
        self.update("retention_settings", company_id=company_id, set_={"changed_at": now() - timedelta(days=900), **settings})
        return company_id

    def session(self, session_id: str, *, company_id: str = COMPANY, file: bytes | None = b"[1]", **columns: Any) -> str:
        """A closed session of forty days ago with its recording."""
        started_at = columns.pop("started_at", now() - LONG_AGO)
        path = self.efs / company_id / PROPERTY / f"{session_id}.json"
        recording: dict[str, Any] = {}
        if file is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file)
            recording = {
                "recording_path": str(path),
                "recording_bytes": len(file),
                "recording_sha256": hashlib.sha256(file).hexdigest(),
            }
        row = {
            "company_id": company_id,
            "session_id": session_id,
            "property_id": PROPERTY,
            "started_at": started_at,
            "last_chunk_at": started_at,
            "closed_at": started_at,
            "expires_at": started_at + timedelta(days=90),
            **recording,
        }
        self.insert("sessions", **row | columns)
        return session_id

    def file_of(self, session_id: str, *, company_id: str = COMPANY) -> Path:
        return self.efs / company_id / PROPERTY / f"{session_id}.json"

    def certificate(self, session_id: str | None, *, company_id: str = COMPANY, **columns: Any) -> int:
        """A finalised certificate of forty days ago, for five years."""
        number = next(self.numbers)
        consent_at = columns.pop("consent_at", now() - LONG_AGO)
        row = {
            "company_id": company_id,
            "session_id": session_id,
            "source": "session" if session_id else "meta",
            "source_ref": None if session_id else f"lead-{number}",
            "submission_no": number if session_id else 1,
            "property_id": PROPERTY,
            "status": "finalized",
            "consent_at": consent_at,
            "capture": '{"form": {}}',
            "consumer_phone": f"+1202555{number:04d}",
            "consumer_email": f"person{number}@example.com",
            "consumer_name": "A Person",
            "certificate_id": f"EC-{company_id}-{number}",
            "signature": "0" * 64,
            "consent_hash": f"{number:064x}",
            "expires_at": consent_at + timedelta(days=5 * 365),
            "retain_until": (consent_at + timedelta(days=5 * 365)).replace(microsecond=0),
        }
        return self.insert("certificates", returning="certificate_pk", **row | columns)

    def expired_certificate(self, session_id: str | None = None, *, days: int = 1, **columns: Any) -> int:
        """A finalised certificate whose time ended ``days`` ago."""
        ended = (now() - timedelta(days=days)).replace(microsecond=0)
        dates = {"consent_at": ended - timedelta(days=365 * 6), "expires_at": ended, "retain_until": ended}
        return self.certificate(session_id, **dates | columns)

    def object(self, *, company_id: str = COMPANY, body: bytes = b"{}", lock_until: datetime | None = None, **columns: Any) -> int:
        """An object in the archive, really locked until ``lock_until`` (None: not at all), and its row, whose lock date has passed."""
        number = next(self.numbers)
        key = columns.pop("object_key", f"{company_id}/{PROPERTY}/2020/01/01/s/certificates/{number:06d}.json")
        lock = (
            {} if lock_until is None else {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": lock_until.replace(microsecond=0)}
        )
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        stored = self.client.put_object(Bucket=self.bucket, Key=key, Body=body, Tagging="tier=2", ChecksumSHA256=checksum, **lock)
        row = {
            "company_id": company_id,
            "kind": "certificate",
            "backend": "s3",
            "tier": 2,
            "bucket": self.bucket,
            "object_key": key,
            "version_id": stored["VersionId"],
            "bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "lock_mode": "COMPLIANCE",
            "retain_until": now() - timedelta(days=1),
            "created_at": now() - LONG_AGO,
        }
        return self.insert("storage_objects", returning="storage_object_id", **row | columns)

    def marked(self, *, days: int = 8, **columns: Any) -> int:
        """An object of a certificate that expired and was marked ``days`` ago; its grace of a week ends by itself."""
        at = now() - timedelta(days=days)
        if "certificate_pk" not in columns:
            columns["certificate_pk"] = self.expired_certificate(days=days, status="expired", company_id=columns.get("company_id", COMPANY))
        mark = {"state": "expired", "expired_at": at, "mark_rule": "default", "marked_by": "expire_certificates"}
        return self.object(**mark | {"purge_after": at + timedelta(days=7)} | columns)

    def hold(self, scope: str, value: str, *, company_id: str = COMPANY) -> int:
        row = {"company_id": company_id, "scope": scope, "scope_value": value, "reason": "a suit", "placed_by": "counsel"}
        return self.insert("legal_holds", returning="hold_id", **row)

    def insert(self, table: str, *, returning: str = "company_id", **row: Any) -> Any:
        statement = SQL("INSERT INTO econsent.{} ({}) VALUES ({}) RETURNING {}").format(
            Identifier(table),
            SQL(", ").join(map(Identifier, row)),
            SQL(", ").join(SQL("%s") for _ in row),
            Identifier(returning),
        )
        inserted = self.database.execute(statement, list(row.values())).fetchone()
        assert inserted is not None
        return inserted[0]

    def update(self, table: str, *, set_: dict[str, Any], **where: Any) -> None:
        statement = SQL("UPDATE econsent.{} SET {} WHERE {}").format(
            Identifier(table),
            SQL(", ").join(SQL("{} = %s").format(Identifier(name)) for name in set_),
            SQL(" AND ").join(SQL("{} = %s").format(Identifier(name)) for name in where),
        )
        assert self.database.execute(statement, [*set_.values(), *where.values()]).rowcount == 1

    def rows(self, table: str, *columns: str, order: str, **where: Any) -> list[tuple[Any, ...]]:
        statement = SQL("SELECT {} FROM econsent.{} WHERE {} ORDER BY {}").format(
            SQL(", ").join(map(Identifier, columns)),
            Identifier(table),
            SQL(" AND ").join(SQL("{} = %s").format(Identifier(name)) for name in where) if where else SQL("true"),
            Identifier(order),
        )
        return self.database.execute(statement, list(where.values())).fetchall()

    def versions(self) -> list[tuple[str, str]]:
        """Everything that lies in the bucket, markers too."""
        listed = self.client.list_object_versions(Bucket=self.bucket)
        lines = listed.get("Versions", []) + listed.get("DeleteMarkers", [])
        return sorted((line["Key"], line["VersionId"]) for line in lines)

    def states(self) -> dict[int, str]:
        return dict(self.rows("storage_objects", "storage_object_id", "state", order="storage_object_id"))

    def tombstones(self) -> list[tuple[Any, ...]]:
        return self.rows("tombstones", "log_no", "object_key", "rule", order="log_no")
