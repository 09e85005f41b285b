-- The fence: only rows that still carry our token may be written; what is missing here is someone else's work by now.
SELECT queued.certificate_pk
FROM econsent.certificate_queue AS queued
WHERE
    queued.company_id = %(company_id)s
    AND queued.certificate_pk = any(%(certificate_pks)s)
    AND queued.lease_token = %(lease_token)s
ORDER BY queued.certificate_pk
FOR UPDATE
