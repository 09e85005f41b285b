-- Not in the index: count the try, free the lease and wait, or set the row aside where trying again cannot help. The row stays either way.
UPDATE econsent.search_outbox AS queued
SET
    lease_token = NULL,
    leased_until = NULL,
    lost_leases = 0,
    attempts = least(queued.attempts + 1, 1000),
    next_attempt_at = now() + make_interval(secs => failed.delay_seconds),
    state = CASE WHEN failed.is_final THEN 'dead' ELSE 'due' END,
    error_class = failed.error_class,
    last_error = failed.reason
FROM
    unnest(
        %(company_ids)s::text[],
        %(certificate_pks)s::bigint[],
        %(delays_seconds)s::float8[],
        %(finals)s::boolean[],
        %(error_classes)s::text[],
        %(reasons)s::text[]
    ) AS failed (company_id, certificate_pk, delay_seconds, is_final, error_class, reason)
WHERE
    queued.company_id = failed.company_id
    AND queued.doc_type = 'certificate'
    AND queued.doc_key = failed.certificate_pk::text
    AND queued.lease_token = %(lease_token)s
