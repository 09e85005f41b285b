-- Not in the index: count the try, free the lease and wait, or set the row aside where trying again cannot help. The row stays either way.
-- The rows are looked up one by one: by the figures of an outbox that is mostly empty, PostgreSQL would scan the whole of it for each.
WITH held AS (
    SELECT
        found.ctid AS place,
        failed.delay_seconds,
        failed.is_final,
        failed.error_class,
        failed.reason
    FROM
        unnest(
            %(company_ids)s::text[],
            %(certificate_pks)s::bigint[],
            %(delays_seconds)s::float8[],
            %(finals)s::boolean[],
            %(error_classes)s::text[],
            %(reasons)s::text[]
        ) AS failed (company_id, certificate_pk, delay_seconds, is_final, error_class, reason)
    CROSS JOIN LATERAL (  -- noqa: ST05
        SELECT queued.ctid
        FROM econsent.search_outbox AS queued
        WHERE
            queued.company_id = failed.company_id
            AND queued.doc_type = 'certificate'
            AND queued.doc_key = failed.certificate_pk::text
            AND queued.lease_token = %(lease_token)s
        FOR UPDATE
    ) AS found
)

UPDATE econsent.search_outbox AS queued
SET
    lease_token = NULL,
    leased_until = NULL,
    lost_leases = 0,
    attempts = least(queued.attempts + 1, 1000),
    next_attempt_at = now() + make_interval(secs => held.delay_seconds),
    state = CASE WHEN held.is_final THEN 'dead' ELSE 'due' END,
    error_class = held.error_class,
    last_error = held.reason
FROM held
WHERE queued.ctid = held.place
