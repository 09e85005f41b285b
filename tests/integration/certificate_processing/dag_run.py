"""What certificate processing finds before a run of its DAG, and what it leaves behind."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from demo.bad import BadKind, spoil
from demo.insert import insert_sessionless_certificate, insert_tenant, insert_visits
from demo.tenants import tenant
from demo.visits import make_visit
from econsent_stack.stores import Stores

COMPANY = "demo-02"
LABEL = "dag-run-"
GOOD = [1, 2, 3]
BAD = {4: (BadKind.RECORDING_ALTERED, "integrity"), 5: (BadKind.UNKNOWN_CONSENT_TYPE, "data")}
UNRIPE = 6
LEAD = 7  # came without a session


def session_id(number: int) -> str:
    return f"{COMPANY}-{LABEL}{number:04d}"


def given(stores: Stores) -> None:
    """Insert good visits, bad ones, one that is not ripe yet, and a lead."""
    now = datetime.now(UTC).replace(microsecond=0)
    insert_tenant(stores.database, tenant(COMPANY))
    ended = {number: now - timedelta(hours=number) for number in [*GOOD, *BAD]} | {UNRIPE: now}
    visits = {
        number: make_visit(
            tenant(COMPANY),
            efs_base=stores.efs_base,
            seed=1,
            number=number,
            ended_at=ended_at,
            label=LABEL,
            closed=number != UNRIPE,
            source="form10",
            submissions=1,
        )
        for number, ended_at in ended.items()
    }
    spoiled = {number: spoil(visits[number], kind) for number, (kind, _) in BAD.items()}
    insert_visits(stores.database, list((visits | spoiled).values()))
    insert_sessionless_certificate(stores.database, "meta", seed=LEAD, company_id=COMPANY, source_ref=f"{LABEL}{LEAD}")


def expect(stores: Stores) -> None:
    """Check every certificate's end, and all that a finalised one has to have."""
    found = certificates(stores)
    assert {name: row["status"] for name, row in found.items()} == {
        **{session_id(number): "finalized" for number in GOOD},
        **{session_id(number): "failed" for number in BAD},
        session_id(UNRIPE): "pending",
        f"{LABEL}{LEAD}": "finalized",
    }
    assert {name: row["error_class"] for name, row in found.items() if row["status"] == "failed"} == {
        session_id(number): error_class for number, (_, error_class) in BAD.items()
    }
    expect_nothing_left_over(stores, found)
    for name, row in found.items():
        if row["status"] == "finalized":
            expect_evidence(stores, name, row)


def certificates(stores: Stores) -> dict[str, dict[str, Any]]:
    """Return this file's certificates by what names them."""
    columns = ["certificate_pk", "status", "error_class", "certificate_id", "retain_until", "signature"]
    rows = stores.database.execute(
        "SELECT coalesce(session_id, source_ref), certificate_pk, status, error_class, certificate_id, retain_until, signature"
        " FROM econsent.certificates WHERE company_id = %s AND coalesce(session_id, source_ref) LIKE %s",
        [COMPANY, f"%{LABEL}%"],
    ).fetchall()
    return {name: dict(zip(columns, row, strict=True)) for name, *row in rows}


def expect_nothing_left_over(stores: Stores, found: dict[str, dict[str, Any]]) -> None:
    """What is not ripe waits, without a lease and without an attempt counted; all else has left the queue."""
    keys = [row["certificate_pk"] for row in found.values()]
    queue = stores.database.execute(
        "SELECT certificate_pk, attempts, lease_token FROM econsent.certificate_queue WHERE company_id = %s AND certificate_pk = ANY(%s)",
        [COMPANY, keys],
    ).fetchall()
    sealed = stores.database.execute(
        "SELECT count(*) FROM econsent.sealed_documents WHERE company_id = %s AND certificate_pk = ANY(%s)", [COMPANY, keys]
    ).fetchone()

    assert queue == [(found[session_id(UNRIPE)]["certificate_pk"], 0, None)]
    assert sealed == (0,)


def expect_evidence(stores: Stores, name: str, row: dict[str, Any]) -> None:
    """A finalised certificate has its documents in the archive, once each and locked, and is announced and audited."""
    reference = name if name.startswith(COMPANY) else f"meta-{name}"
    assert row["certificate_id"].startswith(f"EC-{reference}-")
    assert len(row["signature"]) == 64
    objects = stores.database.execute(
        "SELECT kind, object_key, version_id, sha256 FROM econsent.storage_objects WHERE company_id = %s AND certificate_pk = %s",
        [COMPANY, row["certificate_pk"]],
    ).fetchall()
    assert {kind for kind, *_ in objects} == {"certificate", "attestation"} | ({"dom"} if reference == name else set())
    for _, key, version_id, sha256 in objects:
        stored = stores.archive.get_object(Bucket=stores.archive_bucket, Key=key, VersionId=version_id)
        assert hashlib.sha256(stored["Body"].read()).hexdigest() == sha256
        assert (stored["ObjectLockMode"], stored["ObjectLockRetainUntilDate"]) == ("COMPLIANCE", row["retain_until"])
        versions = stores.archive.list_object_versions(Bucket=stores.archive_bucket, Prefix=key)
        assert [version["VersionId"] for version in versions["Versions"]] == [version_id]
        assert "DeleteMarkers" not in versions
    assert count(stores, "attestations", row) == 1
    announced = stores.database.execute(
        "SELECT count(*) FROM econsent.webhook_events WHERE company_id = %s AND event_type = %s AND subject_id = %s",
        [COMPANY, "session.certificate.created" if reference == name else "meta.certificate.created", row["certificate_id"]],
    ).fetchone()
    assert announced == (1,)


def count(stores: Stores, table: str, row: dict[str, Any]) -> int:
    found = stores.database.execute(
        f"SELECT count(*) FROM econsent.{table} WHERE company_id = %s AND certificate_pk = %s", [COMPANY, row["certificate_pk"]]
    ).fetchone()
    assert found is not None
    return found[0]
