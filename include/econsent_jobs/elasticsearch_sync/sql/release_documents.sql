-- Given back untouched: no attempt is counted, and whoever claims next may have them.
UPDATE econsent.search_outbox AS queued
SET
    lease_token = NULL,
    leased_until = NULL
FROM unnest(%(company_ids)s::text[], %(certificate_pks)s::bigint[]) AS unsent (company_id, certificate_pk)
WHERE
    queued.company_id = unsent.company_id
    AND queued.doc_type = 'certificate'
    AND queued.doc_key = unsent.certificate_pk::text
    AND queued.lease_token = %(lease_token)s
