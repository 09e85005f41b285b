-- Why a certificate waits, or why it failed, in its own row: class and sentence.
UPDATE econsent.certificates AS certificate
SET
    status = CASE WHEN trouble.final THEN 'failed' ELSE certificate.status END,
    error_class = trouble.error_class,
    last_error = trouble.reason
FROM
    unnest(%(certificate_pks)s::bigint[], %(error_classes)s::text[], %(reasons)s::text[], %(finals)s::boolean[])
        AS trouble (certificate_pk, error_class, reason, final)
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.certificate_pk = trouble.certificate_pk
    AND certificate.status IN ('pending', 'processing')
