"""What retention enforcement finds before a run of its DAG, and what it leaves behind."""

import hashlib
import json
from datetime import timedelta

from econsent_stack.stores import Stores
from tests.integration.retention_enforcement.world import World, now

COMPANY = "dag-run-retention"
AUDIT_BUCKET = "AIRFLOW_VAR_ECONSENT_AUDIT_BUCKET"


def world_of(stores: Stores) -> World:
    return World(database=stores.database, client=stores.archive, bucket=stores.archive_bucket, efs=stores.efs_base)


def given(stores: Stores) -> None:
    """Something for most steps: to retain, to archive, to expire, to purge, held, and a person who asked."""
    world = world_of(stores)
    world.company(COMPANY, auto_retention_enabled=True, auto_retention_mode="certificates")
    own = {"company_id": COMPANY}
    world.session("kept", **own)
    world.certificate("kept", consumer_email="kept@example.com", **own)
    world.session("over", started_at=now() - timedelta(days=91), **own)
    world.session("held", started_at=now() - timedelta(days=91), **own)
    world.hold("session", "held", **own)
    world.marked(object_key=f"{COMPANY}/due.json", **own)
    world.marked(object_key=f"{COMPANY}/young.json", days=2, **own)
    world.certificate(None, consumer_email="forget@example.com", certificate_id="EC-dag-run-forgotten", **own)
    world.insert("deletion_requests", returning="request_id", company_id=COMPANY, kind="consumer", email="Forget@example.com")


def expect(stores: Stores) -> None:
    """Each did its part, the log proves the deletion, and the root lies under lock."""
    world = world_of(stores)
    own = {"company_id": COMPANY}
    sessions = world.rows("sessions", "session_id", "retention_status", order="session_id", **own)
    assert sessions == [("held", "unretained"), ("kept", "retained"), ("over", "expired")]
    objects = world.rows("storage_objects", "kind", "backend", "state", order="storage_object_id", **own)
    assert ("recording", "s3", "stored") in objects, "the retained recording is archived"
    assert world.file_of("over", **own).exists(), "what expired today has its grace"
    keys = {key for key, _ in world.versions() if key.startswith(COMPANY)}
    assert f"{COMPANY}/due.json" not in keys
    assert f"{COMPANY}/young.json" in keys
    assert world.rows("certificates", "consumer_email", order="certificate_id", certificate_id="EC-dag-run-forgotten") == [(None,)]
    assert world.rows("deletion_requests", "status", "email", order="request_id", **own) == [("completed", None)]
    expect_proof(stores, world)


def expect_proof(stores: Stores, world: World) -> None:
    """One tombstone for what went, and the root that the archive keeps for seven years."""
    ((log_no, rule),) = world.rows("tombstones", "log_no", "rule", order="log_no", object_key=f"{COMPANY}/due.json")
    assert rule == "default"
    found = world.rows("tombstone_roots", "leaves", "root_sha256", "object_key", "document_sha256", order="leaves")
    leaves, root, key, sha256 = found[-1]
    assert leaves > log_no
    stored = stores.archive.get_object(Bucket=stores.environment[AUDIT_BUCKET], Key=key)
    body = stored["Body"].read()
    assert hashlib.sha256(body).hexdigest() == sha256
    assert json.loads(body)["root"] == root
    assert stored["ObjectLockMode"] == "COMPLIANCE"
    assert stored["ObjectLockRetainUntilDate"] > now() + timedelta(days=6 * 365)
