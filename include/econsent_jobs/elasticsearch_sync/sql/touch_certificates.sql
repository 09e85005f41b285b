-- Wrong content under the right version can only be written over by a higher one; the table's triggers raise it and want it.
UPDATE econsent.certificates AS certificate
SET updated_at = now()
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.certificate_pk = any(%(certificate_pks)s)
