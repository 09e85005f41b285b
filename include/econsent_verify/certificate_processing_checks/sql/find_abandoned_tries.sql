-- What a try had sealed before it failed for good: of certificates that stand as failed, and of those put back into the queue since.
WITH failed AS (
    SELECT
        certificate.certificate_pk,
        certificate.consent_hash,
        certificate.certificate_id,
        certificate.signature
    FROM econsent.certificates AS certificate
    WHERE
        certificate.company_id = %(company_id)s
        AND certificate.status = 'failed'
        AND certificate.consent_hash = any(%(consent_hashes)s)
),

attestation AS (
    SELECT
        built.certificate_pk,
        built.attestation_sha256,
        built.dom_snapshot_sha256
    FROM econsent.attestations AS built
    WHERE built.company_id = %(company_id)s
)

SELECT
    failed.consent_hash,
    failed.certificate_id,
    failed.signature,
    attestation.attestation_sha256,
    attestation.dom_snapshot_sha256 AS dom_sha256
FROM failed
INNER JOIN attestation ON failed.certificate_pk = attestation.certificate_pk
UNION ALL
SELECT
    entry.details #>> '{abandoned,consent_hash}' AS consent_hash,
    entry.details #>> '{abandoned,certificate_id}' AS certificate_id,
    entry.details #>> '{abandoned,signature}' AS signature,
    entry.details #>> '{abandoned,attestation_sha256}' AS attestation_sha256,
    entry.details #>> '{abandoned,dom_sha256}' AS dom_sha256
FROM econsent.audit_log AS entry
WHERE
    entry.company_id = %(company_id)s
    AND entry.category = 'certificates'
    AND entry.action = 'certificate.requeued'
    AND entry.details #>> '{abandoned,consent_hash}' = any(%(consent_hashes)s)
