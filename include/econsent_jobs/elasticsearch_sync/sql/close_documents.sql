-- A document is in the index: its row goes, unless a newer version was wanted meanwhile, or the lease is someone else's by now.
-- The rows are looked up one by one: by the figures of an outbox that is mostly empty, PostgreSQL would scan the whole of it for each.
WITH held AS (
    SELECT found.ctid
    FROM
        unnest(%(company_ids)s::text[], %(certificate_pks)s::bigint[], %(versions)s::bigint[])
            AS sent (company_id, certificate_pk, version)
    CROSS JOIN LATERAL (  -- noqa: ST05
        SELECT queued.ctid
        FROM econsent.search_outbox AS queued
        WHERE
            queued.company_id = sent.company_id
            AND queued.doc_type = 'certificate'
            AND queued.doc_key = sent.certificate_pk::text
            AND queued.wanted_version <= sent.version
            AND queued.lease_token = %(lease_token)s
        FOR UPDATE
    ) AS found
)

DELETE FROM econsent.search_outbox AS queued
WHERE queued.ctid = any(array(SELECT held.ctid FROM held))
