-- Sent, but a newer version is wanted by now: that change is no older than what was read, and it is due at once.
-- The rows are looked up one by one: by the figures of an outbox that is mostly empty, PostgreSQL would scan the whole of it for each.
WITH held AS (
    SELECT found.ctid
    FROM unnest(%(company_ids)s::text[], %(certificate_pks)s::bigint[]) AS sent (company_id, certificate_pk)
    CROSS JOIN LATERAL (  -- noqa: ST05
        SELECT queued.ctid
        FROM econsent.search_outbox AS queued
        WHERE
            queued.company_id = sent.company_id
            AND queued.doc_type = 'certificate'
            AND queued.doc_key = sent.certificate_pk::text
            AND queued.lease_token = %(lease_token)s
        FOR UPDATE
    ) AS found
)

UPDATE econsent.search_outbox AS queued
SET
    lease_token = NULL,
    leased_until = NULL,
    lost_leases = 0,
    attempts = 0,
    error_class = NULL,
    last_error = NULL,
    changed_at = greatest(queued.changed_at, now() - make_interval(secs => %(age_seconds)s))
WHERE queued.ctid = any(array(SELECT held.ctid FROM held))
