"""Rows and parameters with which each statement of retention enforcement finds something to do."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from tests.integration.retention_enforcement.world import World, now

HASH = "0" * 64
BUCKET = "econsent-archive"
CERTIFICATE = "EC-statement"
KEY = "statement/1.json"
SILENT_SINCE = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The keys of what was put there."""

    over: int
    expired: int
    held: int
    stored: int
    marked: int
    file: int
    hold: int
    asked_hold: int
    request: int


def statement_parameters(database: psycopg.Connection[Any], company_id: str) -> dict[str, dict[str, Any]]:
    """Put sessions, certificates, objects, links, requests, holds, a log and a question of the guard into ``company_id``."""
    world = World(database=database, client=None, bucket=BUCKET, efs=Path("/nowhere"))
    prepare_company(world, company_id)
    prepare_sessions(world, company_id)
    rows = prepare_rows(world, company_id)
    prepare_traces(world, company_id, rows)
    prepare_log(world, company_id)
    return {**readers(company_id, rows), **writers(company_id, rows), **seals(company_id), **platform(company_id, rows)}


def prepare_company(world: World, company_id: str) -> None:
    world.insert(
        "properties",
        company_id=company_id,
        property_id="shop",
        name="Shop",
        origin="https://example.com",
        uid=f"uid {company_id}",
        expiration_changed_at=now() - timedelta(days=900),
    )
    settings = {"auto_retention_enabled": True, "auto_retention_mode": "all", "notify_on_overage": True}
    world.update("retention_settings", company_id=company_id, set_=settings)
    closing = {"status": "closing", "closing_at": now() - timedelta(days=40)}
    world.update("companies", company_id=company_id, set_=closing)


def prepare_sessions(world: World, company_id: str) -> None:
    old = {"company_id": company_id, "file": None, "started_at": now() - timedelta(days=100)}
    idle = {"retention_status": "retained", "retained_at": now() - timedelta(days=60)}
    world.session("over", recording_path="over.json", expires_at=now() - timedelta(days=20), **old)
    world.session("silent", closed_at=None, last_chunk_at=SILENT_SINCE, **old)
    world.session("kept", recording_path="kept.json", **idle, **old)
    world.session("copied", recording_path="copied.json", **idle, **old)
    world.session("gone", **idle, **old)
    world.session("left", recording_path="left.json", **idle, **old)
    world.session("marked", retention_status="expired", **old)


def prepare_rows(world: World, company_id: str) -> Rows:
    """Certificates and objects of every kind, holds, a link and requests."""
    own = {"company_id": company_id}
    over = world.expired_certificate(
        "over", certificate_id=CERTIFICATE, dom_staging_path="page.html", consumer_phone="+12025550100", last_error="x", **own
    )
    expired = world.expired_certificate(status="expired", **own)
    held = world.expired_certificate(certificate_id="EC-held", **own)
    world.certificate(None, expires_at=now() + timedelta(days=1), retain_until=now() + timedelta(days=900), **own)
    short = world.certificate(None, **own)
    hold = world.hold("certificate", "EC-held", **own)
    asked_hold = world.hold("session", "nobody", **own)
    world.update("legal_holds", hold_id=asked_hold, set_={"released_by": "counsel"})
    over_hold = world.hold("consumer", "over@example.com", **own)
    released = {"released_by": "counsel", "release_confirmed_by": "partner", "released_at": now()}
    world.update("legal_holds", hold_id=over_hold, set_=released)
    stored = an_object(world, company_id, object_key=KEY, certificate_pk=over, held_at=now())
    an_object(world, company_id, object_key="statement/short.json", certificate_pk=short)
    an_object(world, company_id, object_key="statement/copy.gz", session_id="copied", kind="recording")
    old = now() - timedelta(days=200)
    an_object(world, company_id, object_key="statement/cold.gz", kind="video", bytes=200_000, created_at=old)
    gone = {"state": "deleted", "deleted_at": now(), "session_id": "gone", "kind": "recording"}
    an_object(world, company_id, object_key="statement/gone.gz", **gone)
    an_object(world, company_id, object_key="statement/left.gz", **gone | {"session_id": "left"})
    mark = {"state": "expired", "expired_at": old, "purge_after": old, "mark_rule": "default", "marked_by": "expire_sessions"}
    marked = an_object(world, company_id, object_key="statement/marked.json", certificate_pk=held, **mark)
    efs = {"backend": "efs", "tier": 1, "bucket": None, "version_id": None, "kind": "recording"}
    file = an_object(world, company_id, object_key="marked.json", session_id="marked", **mark, **efs)
    row = {"token_sha256": f"{company_id:0>64}", "certificate_pk": over, "expires_at": now() - timedelta(days=1)}
    world.insert("claim_tokens", company_id=company_id, **row)
    request = world.insert("deletion_requests", returning="request_id", company_id=company_id, kind="consumer", due_at=old)
    world.insert("deletion_requests", company_id=company_id, kind="account")
    return Rows(
        over=over,
        expired=expired,
        held=held,
        stored=stored,
        marked=marked,
        file=file,
        hold=hold,
        asked_hold=asked_hold,
        request=request,
    )


def an_object(world: World, company_id: str, **columns: Any) -> int:
    row = {
        "company_id": company_id,
        "kind": "certificate",
        "backend": "s3",
        "tier": 2,
        "bucket": BUCKET,
        "version_id": "v",
        "bytes": 2,
        "sha256": HASH,
        "lock_mode": "COMPLIANCE",
        "retain_until": now() - timedelta(days=1),
    }
    return world.insert("storage_objects", returning="storage_object_id", **row | columns)


def prepare_traces(world: World, company_id: str, rows: Rows) -> None:
    """What else names the certificate: documents, webhooks, errors, the audit trail, mail."""
    own, old = {"company_id": company_id}, now() - timedelta(days=100)
    hashes = {"disclosure_sha256": HASH, "attestation_sha256": HASH, "document": "{}"}
    world.insert("attestations", certificate_pk=rows.over, **hashes, **own)
    sealed = {"kind": "dom", "object_key": "sealed", "bytes": b"", "sha256": HASH, "content_type": ""}
    world.insert("sealed_documents", certificate_pk=rows.over, **sealed, **own)
    files = {"kind": "recording", "object_key": "sealed.gz", "staging_path": "s", "bytes": 1, "sha256": HASH, "content_type": ""}
    world.insert("sealed_files", session_id="kept", retain_until=now(), **files, **own)
    late = {"object_key": "statement/copy.gz", "staging_path": "late"}
    world.insert("sealed_files", session_id="copied", retain_until=now(), **files | late, **own)
    endpoint = f"wh-{company_id}"
    world.insert("webhook_endpoints", endpoint_id=endpoint, url="https://example.com", **own)
    event = {"event_type": "consent.granted", "subject_id": CERTIFICATE, "dedupe_key": company_id, "body": b"{}", "fanned_out_at": old}
    event_id = world.insert("webhook_events", returning="event_id", **event, **own)
    done = {"status": "delivered", "delivered_at": old, "last_error": "x"}
    delivery_id = world.insert("webhook_deliveries", returning="delivery_id", event_id=event_id, endpoint_id=endpoint, **done, **own)
    attempt = {"attempt_no": 1, "started_at": old, "duration_ms": 1, "outcome": "success"}
    world.insert("webhook_attempts", returning="delivery_id", delivery_id=delivery_id, **attempt)
    world.insert("video_conversions", session_id="over", last_error="x", **own)
    world.update("search_outbox", doc_key=str(rows.over), set_={"last_error": "x"}, **own)
    usage = {"sku": "otp", "request_id": "1", "session_id": "over", "occurred_at": old, "last_error": "x"}
    world.insert("usage_events", **usage, **own)
    details = f'{{"certificate_id": "{CERTIFICATE}"}}'
    entry = {"action": "a.b", "category": "jobs", "user": "system", "details": details}
    audit_id = world.insert("audit_log", returning="audit_id", **entry, **own)
    world.insert("audit_personal", returning="audit_id", audit_id=audit_id, salt=b"")
    world.insert("audit_log", returning="audit_id", action="property.updated", category="configuration", user="w", **own)
    mail = {"recipients": [], "subject": "", "body": "", "sent_at": old}
    world.insert("mail_outbox", returning="message_id", message_id=f"deletion:{rows.request}", **mail)
    asked = {"day": now().date(), "run_id": "night", "selected": 1, "gone_today": 0, "whole": 1, "sentence": "too many"}
    world.insert("mass_deletions", **asked, **own)


def prepare_log(world: World, company_id: str) -> None:
    """A tombstone of an earlier month, a stored root and one that waits, and a certificate that waits."""
    lately = now() - timedelta(days=62)
    row = {"object_key": KEY, "version_id": "v", "bytes": 2, "sha256": HASH, "rule": "default", "run_id": "r", "leaf_sha256": HASH}
    world.insert("tombstones", log_no=0, company_id=company_id, deleted_at=lately, **row)
    world.database.execute("UPDATE econsent.tombstone_log SET leaves = 300")
    world.insert("tombstone_chunks", returning="chunk_no", chunk_no=0, sha256=HASH)
    sealed = {"run_id": "r", "made_at": lately, "document": b"{}", "document_sha256": HASH, "retain_until": now()}
    for leaves, version_id in ((200, "v"), (300, None)):
        root = {"object_key": f"root/{leaves}", "bucket": BUCKET, "version_id": version_id, "root_sha256": HASH}
        world.insert("tombstone_roots", returning="leaves", leaves=leaves, **root, **sealed)
    del sealed["run_id"]
    world.insert("destruction_certificates", company_id=company_id, month=date(2020, 1, 1), leaves=300, object_key="c", **sealed)


def readers(company_id: str, rows: Rows) -> dict[str, dict[str, Any]]:
    company = {"company_id": company_id}
    page = company | {"now": now(), "batch_size": 10}
    pks = company | {"certificate_pks": [rows.over, rows.expired, rows.held]}
    first_number, first_name = {"after": 0}, {"after": ""}
    return {
        "count_guarded": page,
        "count_left": company,
        "find_archived": company | {"session_id": "copied"},
        "find_cold": page | first_number,
        "find_cold_copies": page | first_name,
        "find_left_copies": page | first_name,
        "find_company_objects": page | first_number,
        "find_covered": pks,
        "find_expired_certificates": page | first_number | {"everything": False},
        "find_expired_sessions": page | first_name | {"everything": False},
        "find_files": company | {"session_ids": ["marked"]},
        "find_finished": page | first_number,
        "find_marked": page | first_name | {"marked_by": None},
        "find_months": page,
        "find_named": pks,
        "find_objects": pks | {"session_ids": ["copied"]},
        "find_pages": pks,
        "find_person": page | first_number | {"phones": ["+12025550100"], "emails": [], "source": None},
        "find_recordings": company | {"session_ids": ["over"]},
        "find_retainable": page | first_name,
        "find_short_locks": page | first_number,
        "find_silent": page | first_name,
        "find_unarchived": page | first_name,
        "find_unerased": page | first_number,
        "find_staged": {"paths": ["s"]},
        "forget_late_seals": {},
        "find_unlocked": page | first_number,
        "has_holds": company,
        "list_companies": page,
        "list_gone": company | {"scope": "session", "scope_value": "gone"},
        "load_facts": company | {"object_ids": [rows.stored, rows.marked, rows.file]},
        "lock_company": company,
        "await_batch": company,
        "lock_objects": company | {"object_ids": [rows.stored]},
        "read_sealed": company | {"object_key": "sealed.gz"},
        "read_usage": page,
    }


def writers(company_id: str, rows: Rows) -> dict[str, dict[str, Any]]:
    company = {"company_id": company_id}
    moment = company | {"now": now()}
    page = moment | {"batch_size": 10}
    subjects = company | {"subjects": [CERTIFICATE], "doc_keys": [str(rows.over)], "session_ids": ["over"]}
    marks = {"rules": ["default"], "purge_afters": [now()], "guardeds": [False], "step": "expire_certificates"}
    counts = {"selected": 1, "gone_today": 0, "whole": 1, "sentence": "too many"}
    recording = {"session_id": "kept", "object_key": "new.gz", "bytes": 1, "sha256": HASH, "content_type": "", "retain_until": now()}
    entry = {"actions": ["a.b"], "categories": ["jobs"], "details": ["{}"], "dedupe_keys": ["statement"]}
    return {
        "ask_erasure": moment | {"object_ids": [rows.stored]},
        "ask_mass_deletion": moment | {"run_id": "other"} | counts,
        "audit": company | {"user": "system"} | entry,
        "close_company": moment,
        "close_session": company | {"session_id": "silent", "last_chunk_at": SILENT_SINCE, "bytes": 1, "sha256": HASH},
        "complete_account_requests": moment,
        "delete_objects": company | {"object_ids": [rows.marked], "deleted_at": now()},
        "erase_attempts": subjects,
        "adopt_orphan": moment
        | {"kind": "certificate", "bucket": BUCKET, "key": "k", "version_id": "v", "bytes": 1, "sha256": HASH}
        | {"retain_until": None, "step": "find_orphans"},
        "erase_attestations": company | {"certificate_pks": [rows.over]},
        "erase_audit_personal": subjects,
        "erase_certificates": moment | {"certificate_pks": [rows.over], "deleted": False},
        "erase_conversions": subjects,
        "erase_deliveries": subjects,
        "erase_events": subjects,
        "erase_outbox_errors": subjects,
        "erase_sealed_documents": company | {"certificate_pks": [rows.over]},
        "erase_sessions": subjects,
        "erase_usage_errors": subjects,
        "expire_certificates": company | {"certificate_pks": [rows.over]},
        "expire_claim_tokens": page | {"after": ""},
        "expire_sessions": company | {"session_ids": ["over"]},
        "finish_sessions": moment,
        "forget_released_holds": company | {"names": ["over@example.com"]},
        "forget_sealed": company | {"object_key": "sealed.gz"},
        "lengthen_certificates": page,
        "mark_objects": moment | {"object_ids": [rows.stored]} | marks,
        "note_holds": moment | {"object_ids": [rows.stored], "is_held": True},
        "note_lock": company | {"object_id": rows.stored, "retain_until": now()},
        "note_overage": company | {"period": date(2026, 3, 1)},
        "note_tier": moment | {"object_id": rows.stored, "storage_class": "GLACIER_IR"},
        "place_hold": company | {"scope": "company", "scope_value": company_id, "reason": "r", "placed_by": "w"},
        "record_recording": company | recording | {"bucket": BUCKET, "version_id": "v"},
        "refresh_windows": company,
        "refuse_objects": company | {"object_ids": [rows.marked], "reasons": ["r"]},
        "register_pages": company | {"certificate_pks": [rows.over], "object_keys": ["page.html"], "sizes": [1], "sha256s": [HASH]},
        "register_recordings": company | {"session_ids": ["over"], "object_keys": ["over.json"]},
        "reopen_sessions": company | {"object_ids": [rows.file]},
        "retain_sessions": company | {"session_ids": ["over"]},
        "seal_recording": company | recording | {"staging_path": "s"},
        "suppress": company | {"key_id": "k", "kinds": ["phone"], "hmacs": [HASH]},
        "unmark_objects": company | {"object_ids": [rows.marked]},
        "write_mail": company | {"message_id": "statement", "recipients": [], "subject": "", "body": ""},
    }


def seals(company_id: str) -> dict[str, dict[str, Any]]:
    sealed = {"made_at": now(), "document": b"{}", "document_sha256": HASH, "retain_until": now()}
    tombstone = {"log_nos": [1_000], "object_keys": ["k"], "version_ids": ["v"], "sizes": [1], "sha256s": [HASH]}
    ends = {"rules": ["default"], "leaf_sha256s": [HASH], "run_id": "r", "deleted_at": now()}
    month = (now() - timedelta(days=62)).date().replace(day=1)
    return {
        "find_tombstones": {"name": KEY},
        "find_unsent": {"batch_size": 10},
        "insert_chunks": {"chunk_nos": [1_000], "sha256s": [HASH]},
        "insert_tombstones": {"company_id": company_id} | tombstone | ends,
        "lengthen_log": {"leaves": 301},
        "list_tombstones": {"company_id": company_id, "month": month, "leaves": 300},
        "lock_log": {},
        "note_certificate_stored": {"object_key": "c", "bucket": BUCKET, "version_id": "v"},
        "note_root_stored": {"object_key": "root/300", "bucket": BUCKET, "version_id": "v"},
        "read_chunks": {"chunks": 1},
        "read_leaves": {"first_no": 0, "before_no": 1},
        "read_log_end": {},
        "read_root": {"at_least": 1},
        "seal_destruction": {"company_id": company_id, "month": month, "leaves": 300, "object_key": "new"} | sealed,
        "seal_root": {"leaves": 400, "root_sha256": HASH, "run_id": "r", "object_key": "root/400"} | sealed,
    }


def platform(company_id: str, rows: Rows) -> dict[str, dict[str, Any]]:
    """Statements that no company's name is in."""
    moment = {"now": now(), "batch_size": 10}
    closed = {"status": "completed", "deferred_until": None, "forget": True, "result": "{}", "now": now()}
    return {
        "answer_mass_deletions": {"run_id": "night", "company_ids": [company_id], "decision": "approved", "decided_by": "w"},
        "close_request": {"request_id": rows.request} | closed,
        "release_hold": {"hold_id": rows.asked_hold, "by": "w"},
        "confirm_requests": {},
        "count_companies_due": moment,
        "count_overdue_requests": moment,
        "delete_old_attempts": moment,
        "delete_sent_mail": moment,
        "drop_old_bodies": moment,
        "figures": {},
        "find_changed_by": {"company_ids": [company_id], "by": "W", "within_days": 7},
        "find_named_objects": {"name": KEY},
        "find_requests": moment | {"after": 0},
        "is_recorded": {"bucket": BUCKET, "key": KEY, "version_id": "v"},
        "is_sealed": {"key": "sealed.gz"},
        "list_mass_deletions": {"run_id": "night"},
        "note_orphan_round": moment | {"bucket": BUCKET, "after_key": KEY},
        "read_orphan_round": {"bucket": BUCKET},
        "list_recorded": {"bucket": BUCKET, "after": "", "batch_size": 10},
        "lock_request": {"request_id": rows.request},
        "read_clock": {"as_of": None},
        "read_hold": {"hold_id": rows.hold},
        "set_patience": {"seconds": "30s"},
    }
