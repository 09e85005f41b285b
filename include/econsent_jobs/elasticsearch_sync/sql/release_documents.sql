-- Given back untouched: no attempt is counted, and whoever claims next may have them.
-- The rows are looked up one by one: by the figures of an outbox that is mostly empty, PostgreSQL would scan the whole of it for each.
WITH held AS (
    SELECT found.ctid
    FROM unnest(%(company_ids)s::text[], %(certificate_pks)s::bigint[]) AS unsent (company_id, certificate_pk)
    CROSS JOIN LATERAL (  -- noqa: ST05
        SELECT queued.ctid
        FROM econsent.search_outbox AS queued
        WHERE
            queued.company_id = unsent.company_id
            AND queued.doc_type = 'certificate'
            AND queued.doc_key = unsent.certificate_pk::text
            AND queued.lease_token = %(lease_token)s
        FOR UPDATE
    ) AS found
)

UPDATE econsent.search_outbox AS queued
SET
    lease_token = NULL,
    leased_until = NULL
WHERE queued.ctid = any(array(SELECT held.ctid FROM held))
