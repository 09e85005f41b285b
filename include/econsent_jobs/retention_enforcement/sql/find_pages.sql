-- Captured pages that still lie on the shared file system.
SELECT
    certificate.certificate_pk,
    certificate.dom_staging_path
FROM econsent.certificates AS certificate
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.certificate_pk = any(%(certificate_pks)s)
    AND certificate.dom_staging_path IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM econsent.storage_objects AS stored
        WHERE
            stored.company_id = %(company_id)s
            AND stored.certificate_pk = certificate.certificate_pk
            AND stored.kind = 'dom'
            AND stored.backend = 'efs'
    )
ORDER BY certificate.certificate_pk
