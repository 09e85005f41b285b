-- All certificates of destruction as they were sealed.
SELECT
    certificate.company_id,
    certificate.month,
    certificate.leaves,
    certificate.made_at,
    certificate.object_key,
    certificate.document,
    certificate.document_sha256,
    certificate.retain_until,
    certificate.bucket,
    certificate.version_id
FROM econsent.destruction_certificates AS certificate
ORDER BY certificate.object_key
