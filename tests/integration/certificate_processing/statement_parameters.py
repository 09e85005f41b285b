"""Rows and parameters with which each statement of certificate processing finds something to do."""

import uuid
from datetime import UTC, datetime
from typing import Any

import psycopg

HASH = "0" * 64
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
LATER = datetime(2031, 3, 1, tzinfo=UTC)
ATTESTATION = f"""{{
    "hashes": {{"disclosure": "{HASH}"}}, "partners": [], "visibility": null, "accessibility": null, "language": {{"mismatch": false}}
}}"""
CERTIFICATE = f"""{{
    "certificateId": "EC-s-{HASH}", "entropy": "{"0" * 32}", "consents": [], "fingerprint": "", "payload": "", "consentHash": "{HASH}",
    "domain": "example.com", "recordingPath": null, "recording_hashes": [], "signature": "{HASH}", "signatureKeyId": "k",
    "issuedAt": "2026-03-01T00:00:00.000Z"
}}"""


def statement_parameters(database: psycopg.Connection[Any], company_id: str) -> dict[str, dict[str, Any]]:
    """Put a pending, a sealed and a failed certificate of a closed session, an open session and a claimable row into ``company_id``."""
    token = uuid.uuid4()
    prepare_company(database, company_id)
    pending = insert_certificate(database, company_id, submission_no=1)
    sealed = insert_certificate(database, company_id, submission_no=2)
    failed = insert_certificate(database, company_id, submission_no=3)
    insert_certificate(database, company_id, submission_no=4)
    seal(database, company_id, sealed)
    database.execute(
        "UPDATE econsent.certificates SET status = 'failed' WHERE company_id = %s AND certificate_pk = %s", [company_id, failed]
    )
    database.execute("DELETE FROM econsent.certificate_queue WHERE certificate_pk = %s", [failed])
    database.execute(
        """
            UPDATE econsent.certificate_queue SET lease_token = %s, leased_until = now() + interval '1 hour'
            WHERE certificate_pk = any(%s)
            """,
        [token, [pending, sealed]],
    )
    return by_statement(company_id=company_id, token=token, pending=pending, sealed=sealed, failed=failed)


def by_statement(*, company_id: str, token: uuid.UUID, pending: int, sealed: int, failed: int) -> dict[str, dict[str, Any]]:
    company = {"company_id": company_id}
    fence = {"lease_token": token}
    leased = fence | {"company_ids": [company_id], "certificate_pks": [pending]}
    return {
        "audit_certificates": company
        | {"certificate_pks": [pending], "actions": ["certificate.generated"], "details": ["{}"], "occasions": [""]},
        "back_off": leased | {"delays_seconds": [60.0]},
        "claim_certificates": {"batch_size": 10, "lease_token": uuid.uuid4(), "lease_seconds": 60},
        "close_sessions": company
        | {
            "session_ids": ["open"],
            "last_chunk_ats": [MOMENT],
            "recording_sha256s": [HASH],
            "recording_bytes": [1],
            "recording_events": [1],
        },
        "explain_certificate": company | {"certificate_pk": sealed},
        "finalise_certificates": company | {"certificate_pks": [sealed]},
        "find_certificates": company | {"name": "EC-sealed", "certificate_pk": None, "most": 10},
        "find_templates": company | {"body_sha256s": [HASH]},
        "forget_sealed_documents": company | {"certificate_pks": [sealed]},
        "hold_leases": company | fence | {"certificate_pks": [pending]},
        "insert_attestations": company
        | {"certificate_pks": [sealed], "documents": [ATTESTATION], "sha256s": [HASH], "dom_sha256s": [HASH], "chains": ["[]"]},
        "insert_sealed_documents": company
        | {
            "certificate_pks": [pending],
            "kinds": ["certificate"],
            "object_keys": ["key"],
            "bodies": [b"{}"],
            "sha256s": [HASH],
            "content_types": ["application/json"],
        },
        "leave_queue": company | fence | {"certificate_pks": [pending]},
        "list_certificates": company | {"status": "pending", "error_class": None, "most": 10},
        "list_companies": company,
        "load_certificates": company | {"certificate_pks": [pending]},
        "load_sealed_documents": company | {"certificate_pks": [sealed]},
        "lock_certificates": company | {"certificate_pks": [pending, sealed]},
        "lock_sessions": company | {"session_ids": ["closed", "open"]},
        "note_errors": company | {"certificate_pks": [pending], "error_classes": ["data"], "reasons": ["a reason"], "finals": [True]},
        "postpone_certificates": leased | {"ripe_ats": [LATER]},
        "publish_events": {
            "company_ids": [company_id],
            "event_types": ["consent.granted"],
            "subject_ids": ["EC-1"],
            "dedupe_keys": [f"consent.granted:{company_id}:EC-1"],
            "bodies": [b"{}"],
        },
        "record_objects": company
        | {
            "bucket": "econsent-archive",
            "certificate_pks": [sealed],
            "session_ids": ["closed"],
            "kinds": ["certificate"],
            "object_keys": ["key"],
            "version_ids": ["1"],
            "sizes_bytes": [1],
            "sha256s": [HASH],
            "content_types": ["application/json"],
            "retain_untils": [LATER],
        },
        "renew_leases": leased | {"lease_seconds": 60},
        "requeue_certificates": company | {"certificate_pks": [failed], "user": "ops@example.com"},
        "retain_sessions": company | {"session_ids": ["closed"]},
        "seal_certificates": company | {"certificate_pks": [pending], "documents": [CERTIFICATE], "retain_untils": [LATER]},
        "take_in_hand": leased | {"in_hand": [True]},
    }


def prepare_company(database: psycopg.Connection[Any], company_id: str) -> None:
    """A property, a template, a closed and an open session; auto-retention is on."""
    database.execute(
        """
            INSERT INTO econsent.properties (company_id, property_id, name, origin, uid)
            VALUES (%s, 'shop', 'Shop', 'https://example.com', %s)
            """,
        [company_id, f"uid of {company_id}"],
    )
    database.execute(
        """
            INSERT INTO econsent.consent_templates (company_id, template_id, version, name, body, body_sha256)
            VALUES (%s, 't', '1', 'T', '', %s)
            """,
        [company_id, HASH],
    )
    database.execute(
        """
        INSERT INTO econsent.sessions (company_id, session_id, property_id, started_at, last_chunk_at, closed_at, expires_at)
        VALUES
        (%(company_id)s, 'closed', 'shop', %(at)s, %(at)s, %(at)s, %(at)s),
        (%(company_id)s, 'open', 'shop', %(at)s, %(at)s, NULL, %(at)s)
        """,
        {"company_id": company_id, "at": MOMENT},
    )
    database.execute("UPDATE econsent.retention_settings SET auto_retention_enabled = TRUE WHERE company_id = %s", [company_id])


def insert_certificate(database: psycopg.Connection[Any], company_id: str, *, submission_no: int) -> int:
    """A pending certificate of the closed session; returns its ``certificate_pk``."""
    row = database.execute(
        """
        INSERT INTO econsent.certificates (company_id, session_id, property_id, submission_no, consent_at, capture)
        VALUES (%s, 'closed', 'shop', %s, %s, '{}') RETURNING certificate_pk
        """,
        [company_id, submission_no, MOMENT],
    ).fetchone()
    assert row is not None
    return row[0]


def seal(database: psycopg.Connection[Any], company_id: str, certificate_pk: int) -> None:
    """What the sealing transaction leaves: a certificate in processing and its bytes."""
    database.execute(
        """
        UPDATE econsent.certificates SET status = 'processing', certificate_id = 'EC-sealed', signature = %s
        WHERE company_id = %s AND certificate_pk = %s
        """,
        [HASH, company_id, certificate_pk],
    )
    database.execute(
        """
            INSERT INTO econsent.sealed_documents (company_id, certificate_pk, kind, object_key, bytes, sha256, content_type)
            VALUES (%s, %s, 'certificate', 'sealed', '', %s, '')
            """,
        [company_id, certificate_pk, HASH],
    )
