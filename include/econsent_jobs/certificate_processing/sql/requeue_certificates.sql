-- A person puts failed certificates back. They are built anew, so what an earlier try computed goes; what it had sealed is kept in the
-- audit entry, because some of it may lie in the archive under a lock that nothing can remove. The queue row follows by trigger.
WITH failed AS (
    SELECT
        certificate.company_id,
        certificate.certificate_pk,
        certificate.error_class,
        certificate.certificate_id,
        certificate.consent_hash,
        certificate.signature
    FROM econsent.certificates AS certificate
    WHERE
        certificate.company_id = %(company_id)s
        AND certificate.certificate_pk = any(%(certificate_pks)s)
        AND certificate.status = 'failed'
    ORDER BY certificate.certificate_pk
    FOR NO KEY UPDATE
),

attestation AS (
    SELECT
        built.certificate_pk,
        built.attestation_sha256,
        built.dom_snapshot_sha256
    FROM econsent.attestations AS built
    WHERE
        built.company_id = %(company_id)s
        AND built.certificate_pk = any(%(certificate_pks)s)
),

requeued AS (
    UPDATE econsent.certificates AS certificate
    SET
        status = 'pending',
        certificate_id = NULL,
        entropy = NULL,
        consent_records = NULL,
        fingerprint = NULL,
        payload_string = NULL,
        consent_hash = NULL,
        recording_path = NULL,
        recording_hashes = '[]',
        signature = NULL,
        signature_key_id = NULL,
        issued_at = NULL,
        retain_until = NULL,
        error_class = NULL,
        last_error = NULL
    FROM failed
    WHERE
        certificate.company_id = %(company_id)s
        AND certificate.certificate_pk = failed.certificate_pk
    RETURNING certificate.certificate_pk
),

audited AS (
    INSERT INTO econsent.audit_log (company_id, action, category, "user", details)
    SELECT
        failed.company_id,
        'certificate.requeued',
        'certificates',
        %(user)s::text,
        jsonb_build_object(
            'certificate_pk', failed.certificate_pk,
            'error_class', failed.error_class,
            'abandoned', CASE
                WHEN failed.consent_hash IS NOT NULL THEN jsonb_build_object(
                    'certificate_id', failed.certificate_id,
                    'consent_hash', failed.consent_hash,
                    'signature', failed.signature,
                    'attestation_sha256', attestation.attestation_sha256,
                    'dom_sha256', attestation.dom_snapshot_sha256
                )
            END
        )
    FROM failed
    INNER JOIN requeued ON failed.certificate_pk = requeued.certificate_pk
    LEFT JOIN attestation ON failed.certificate_pk = attestation.certificate_pk
)

SELECT requeued.certificate_pk
FROM requeued
ORDER BY requeued.certificate_pk
