"""Rows and parameters with which every statement of the job touches something (tests/integration/migrations/test_many_companies.py)."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb


def statement_parameters(database: psycopg.Connection[Any], company_id: str) -> Mapping[str, Mapping[str, Any]]:
    """A session, an attested certificate that waits under a lease, one that waits free, and one target."""
    token = uuid4()
    company = {"company_id": company_id}
    database.execute(
        """
        INSERT INTO econsent.properties (company_id, property_id, name, origin, uid)
        VALUES (%(company_id)s, 'shop', 'Shop', 'https://example.com', 'uid of search')
        """,
        company,
    )
    database.execute(
        """
        INSERT INTO econsent.sessions (company_id, session_id, property_id, started_at, expires_at)
        VALUES (%(company_id)s, 's-1', 'shop', '2026-03-01', '2026-06-01')
        """,
        company,
    )
    leased, free, unwanted, dead = (insert_certificate(database, company_id, number) for number in (1, 2, 3, 4))
    database.execute("UPDATE econsent.search_outbox SET state = 'dead' WHERE doc_key = %s", [str(dead)])
    database.execute(
        "UPDATE econsent.search_outbox SET lease_token = %s, leased_until = now() + interval '1 hour' WHERE doc_key = %s",
        [token, str(leased)],
    )
    database.execute("DELETE FROM econsent.search_outbox WHERE doc_key = %s", [str(unwanted)])
    database.execute(
        """
        INSERT INTO econsent.search_targets (index_name, schema_version, state)
        VALUES ('search-1', 1, 'live'), ('search-0', 1, 'rollback')
        """
    )
    mine = {"company_ids": [company_id], "certificate_pks": [leased], "lease_token": token}
    some = company | {"certificate_pks": [leased, free]}
    target = {"index_name": "search-1"}
    return {
        "add_target": {"index_name": "search-2", "schema_version": 1, "version_epoch": 0, "state": "building"},
        "back_off": mine | {"delays_seconds": [60.0], "finals": [False], "error_classes": ["es_write"], "reasons": ["a reason"]},
        "claim_documents": {"batch_size": 10, "lease_token": token, "lease_seconds": 60},
        "close_documents": mine | {"versions": [99]},
        "drop_target": {"index_name": "search-0"},
        "end_round": target,
        "find_certificates": company | {"certificate_id": "EC-1"},
        "find_queued": company | {"doc_key": str(leased)},
        "find_waiting": company | {"doc_keys": [str(leased)]},
        "enqueue_documents": company | {"certificate_pks": [unwanted]},
        "free_documents": mine | {"age_seconds": 1.0},
        "list_dead": company | {"most": 10},
        "redrive": company | {"most": 10},
        "list_companies": {"after": "", "most": 10},
        "load_documents": some,
        "make_live": target,
        "note_check": target | {"checked_through": "acme:1", "found": 2, "repaired": 2, "kinds": Jsonb({"missing": 2})},
        "note_progress": target | {"built_through": "acme:1"},
        "page_certificates": company | {"after": 0, "most": 10},
        "raise_epoch": target | {"version_epoch": 1},
        "release_documents": mine,
        "restart_check": target,
        "row_versions": some,
        "touch_certificates": some,
    }


def insert_certificate(database: psycopg.Connection[Any], company_id: str, number: int) -> int:
    """A finalised certificate with an attestation; returns its key."""
    row = database.execute(
        """
        INSERT INTO econsent.certificates
        (company_id, session_id, submission_no, property_id, consent_at, capture, status, certificate_id, signature)
        VALUES (%s, 's-1', %s, 'shop', '2026-03-01', '{}', 'finalized', %s, 's') RETURNING certificate_pk
        """,
        [company_id, number, f"EC-{number}"],
    ).fetchone()
    assert row is not None
    database.execute(
        """
        INSERT INTO econsent.attestations (company_id, certificate_pk, disclosure_sha256, document, attestation_sha256)
        VALUES (%s, %s, '', '{}', '')
        """,
        [company_id, row[0]],
    )
    return row[0]
