-- A transient failure: count it, free the lease, and try again later. Sealed documents stay sealed.
UPDATE econsent.certificate_queue AS queued
SET
    lease_token = NULL,
    leased_until = NULL,
    lost_leases = 0,
    attempts = queued.attempts + 1,
    next_attempt_at = now() + make_interval(secs => failed.delay_seconds)
FROM
    unnest(%(company_ids)s::text[], %(certificate_pks)s::bigint[], %(delays_seconds)s::float8[])
        AS failed (company_id, certificate_pk, delay_seconds)
WHERE
    queued.company_id = failed.company_id
    AND queued.certificate_pk = failed.certificate_pk
    AND queued.lease_token = %(lease_token)s
