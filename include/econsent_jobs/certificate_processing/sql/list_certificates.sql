-- The newest of a status and class first; no consumer's data.
SELECT
    certificate.company_id,
    certificate.certificate_pk,
    certificate.certificate_id,
    certificate.session_id,
    certificate.source,
    certificate.source_ref,
    certificate.status,
    certificate.error_class,
    certificate.last_error,
    certificate.updated_at
FROM econsent.certificates AS certificate
WHERE
    certificate.company_id = %(company_id)s
    AND (%(status)s::text IS NULL OR certificate.status = %(status)s)
    AND (%(error_class)s::text IS NULL OR certificate.error_class = %(error_class)s)
ORDER BY certificate.updated_at DESC, certificate.certificate_pk DESC
LIMIT %(most)s
