-- Certificates come after sessions and before queue rows in the lock order, by number.
SELECT certificate.certificate_pk
FROM econsent.certificates AS certificate
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.certificate_pk = any(%(certificate_pks)s)
ORDER BY certificate.certificate_pk
FOR NO KEY UPDATE
