"""What MP4 conversion finds before a run of its DAG, and what it leaves behind."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

from demo.bad import BadKind, spoil
from demo.insert import insert_tenant, insert_visits
from demo.tenants import tenant
from demo.visits import make_visit
from econsent_stack.chromium import SHARED, fetched
from econsent_stack.progress import Progress
from econsent_stack.stores import Stores

COMPANY = "demo-02"
LABEL = "video-run-"
GOOD, ALTERED, OPEN = 1, 2, 3


def session_id(number: int) -> str:
    return f"{COMPANY}-{LABEL}{number:04d}"


def given(stores: Stores) -> None:
    """Insert retained sessions without certificates: a good one, one whose recording was changed, and one that still goes on."""
    fetched(SHARED, Progress())
    now = datetime.now(UTC).replace(microsecond=0)
    insert_tenant(stores.database, tenant(COMPANY))
    visits = {
        number: make_visit(
            tenant(COMPANY),
            efs_base=stores.efs_base,
            seed=1,
            number=number,
            ended_at=now - timedelta(minutes=5 * (number != OPEN)),
            label=LABEL,
            closed=number != OPEN,
            source="form10",
            submissions=0 if number != ALTERED else 1,
        )
        for number in (GOOD, ALTERED, OPEN)
    }
    visits[ALTERED] = spoil(visits[ALTERED], BadKind.RECORDING_ALTERED)
    insert_visits(stores.database, list(visits.values()))
    stores.database.execute("DELETE FROM econsent.certificate_queue WHERE company_id = %s", [COMPANY])
    stores.database.execute("UPDATE econsent.certificates SET status = 'failed' WHERE company_id = %s AND status = 'pending'", [COMPANY])
    stores.database.execute(
        "UPDATE econsent.sessions SET retention_status = 'retained', retained_at = now(), rrweb_to_video_status = 'pending'"
        " WHERE company_id = %s AND session_id LIKE %s",
        [COMPANY, f"%{LABEL}%"],
    )


def expect(stores: Stores) -> None:
    """The good one has its video, the changed one failed, and the open one waits without an attempt."""
    ours = [session_id(number) for number in (GOOD, ALTERED, OPEN)]
    found = {
        name: (status, error_class, attempts, token)
        for name, status, error_class, attempts, token in stores.database.execute(
            "SELECT session_id, status, error_class, attempts, lease_token FROM econsent.video_conversions"
            " WHERE company_id = %s AND session_id = ANY(%s)",
            [COMPANY, ours],
        )
    }
    assert found == {
        session_id(GOOD): ("completed", None, 0, None),
        session_id(ALTERED): ("failed", "integrity", 1, None),
        session_id(OPEN): ("pending", None, 0, None),
    }
    objects = stores.database.execute(
        "SELECT kind, object_key, version_id, sha256, retain_until FROM econsent.storage_objects WHERE company_id = %s AND session_id = %s",
        [COMPANY, session_id(GOOD)],
    ).fetchall()
    assert {kind for kind, *_ in objects} == {"video", "poster", "sidecar"}
    for kind, key, version_id, sha256, retain_until in objects:
        stored = stores.archive.get_object(Bucket=stores.archive_bucket, Key=key, VersionId=version_id)
        body = stored["Body"].read()
        assert hashlib.sha256(body).hexdigest() == sha256
        assert (stored["ObjectLockMode"], stored["ObjectLockRetainUntilDate"]) == ("COMPLIANCE", retain_until)
        if kind == "sidecar":
            assert json.loads(body)["video"]["durationMs"] == 10_000
    (audited,) = stores.database.execute(
        "SELECT count(*) FILTER (WHERE action = 'video.converted'), count(*) FILTER (WHERE action = 'video.integrity_failed')"
        " FROM econsent.audit_log WHERE company_id = %s AND details ->> 'session_id' = ANY(%s)",
        [COMPANY, ours],
    ).fetchall()
    assert audited == (1, 1)
    assert list((stores.efs_base / "+videos").iterdir()) == []
