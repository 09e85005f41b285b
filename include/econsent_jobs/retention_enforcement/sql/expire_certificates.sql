-- The search index follows by the table's own trigger.
UPDATE econsent.certificates AS certificate
SET status = 'expired'
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.certificate_pk = any(%(certificate_pks)s)
    AND certificate.status = 'finalized'
RETURNING certificate.certificate_pk, certificate.certificate_id
