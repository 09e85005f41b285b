-- A row leaves the queue in the transaction that finalises or fails its certificate.
DELETE FROM econsent.certificate_queue AS queued
WHERE
    queued.company_id = %(company_id)s
    AND queued.certificate_pk = any(%(certificate_pks)s)
    AND queued.lease_token = %(lease_token)s
