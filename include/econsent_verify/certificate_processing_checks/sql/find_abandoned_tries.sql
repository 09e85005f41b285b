-- What a try had sealed before it failed for good: of certificates that stand as failed, and of those put back into the queue since.
SELECT
    certificate.consent_hash,
    certificate.certificate_id,
    certificate.signature,
    attestation.attestation_sha256,
    attestation.dom_snapshot_sha256 AS dom_sha256
FROM econsent.certificates AS certificate
INNER JOIN econsent.attestations AS attestation
    ON certificate.company_id = attestation.company_id AND certificate.certificate_pk = attestation.certificate_pk
WHERE
    certificate.company_id = %(company_id)s
    AND attestation.company_id = %(company_id)s
    AND certificate.status = 'failed'
    AND certificate.consent_hash = any(%(consent_hashes)s)
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
