-- Everything that says where one certificate is on its way, as one moment saw it; no consumer's data.
WITH session AS (
    SELECT
        visit.session_id,
        visit.last_chunk_at,
        visit.closed_at,
        visit.retention_status
    FROM econsent.sessions AS visit
    WHERE visit.company_id = %(company_id)s
),

queued AS (
    SELECT
        waiting.certificate_pk,
        waiting.queued_at,
        waiting.attempts,
        waiting.lost_leases,
        waiting.next_attempt_at,
        waiting.lease_token,
        waiting.leased_until
    FROM econsent.certificate_queue AS waiting
    WHERE waiting.company_id = %(company_id)s
),

sealed AS (
    SELECT array_agg(document.object_key ORDER BY document.kind) AS keys
    FROM econsent.sealed_documents AS document
    WHERE document.company_id = %(company_id)s AND document.certificate_pk = %(certificate_pk)s
),

stored AS (
    SELECT
        jsonb_agg(
            jsonb_build_object(
                'kind', document.kind, 'key', document.object_key, 'version_id', document.version_id, 'state', document.state
            )
            ORDER BY document.kind
        ) AS objects
    FROM econsent.storage_objects AS document
    WHERE document.company_id = %(company_id)s AND document.certificate_pk = %(certificate_pk)s
),

audit AS (
    SELECT
        jsonb_agg(
            jsonb_build_object('at', entry."timestamp", 'action', entry.action, 'user', entry."user", 'details', entry.details)
            ORDER BY entry.audit_id
        ) AS entries
    FROM econsent.audit_log AS entry
    WHERE
        entry.company_id = %(company_id)s
        AND entry.category = 'certificates'
        AND entry.action IN ('certificate.failed', 'certificate.requeued')
        AND entry.details ->> 'certificate_pk' = %(certificate_pk)s::text
),

found AS (
    SELECT
        certificate.company_id,
        certificate.certificate_pk,
        certificate.certificate_id,
        certificate.source,
        certificate.source_ref,
        certificate.session_id,
        certificate.status,
        certificate.consent_at,
        certificate.created_at AS captured_at,
        certificate.issued_at,
        certificate.signature_key_id,
        certificate.finalized_at,
        certificate.expires_at,
        certificate.retain_until,
        certificate.error_class,
        certificate.last_error,
        certificate.updated_at
    FROM econsent.certificates AS certificate
    WHERE
        certificate.company_id = %(company_id)s
        AND certificate.certificate_pk = %(certificate_pk)s
)

SELECT
    found.company_id,
    found.certificate_pk,
    found.certificate_id,
    found.source,
    found.source_ref,
    found.session_id,
    found.status,
    found.consent_at,
    found.captured_at,
    found.issued_at,
    found.signature_key_id,
    found.finalized_at,
    found.expires_at,
    found.retain_until,
    found.error_class,
    found.last_error,
    found.updated_at,
    session.session_id IS NOT NULL AS session_found,
    session.last_chunk_at,
    session.closed_at,
    session.retention_status,
    queued.queued_at,
    queued.attempts,
    queued.lost_leases,
    queued.next_attempt_at,
    queued.lease_token,
    queued.leased_until,
    sealed.keys AS sealed_keys,
    stored.objects AS stored_objects,
    audit.entries AS audit_entries,
    now() AS read_at
FROM found
CROSS JOIN sealed
CROSS JOIN stored
CROSS JOIN audit
LEFT JOIN session ON found.session_id = session.session_id
LEFT JOIN queued ON found.certificate_pk = queued.certificate_pk
