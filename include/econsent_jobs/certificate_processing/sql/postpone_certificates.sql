-- Not ripe yet: free the lease and come back when it is, without counting an attempt.
UPDATE econsent.certificate_queue AS queued
SET
    lease_token = NULL,
    leased_until = NULL,
    lost_leases = 0,
    next_attempt_at = unripe.ripe_at
FROM
    unnest(%(company_ids)s::text[], %(certificate_pks)s::bigint[], %(ripe_ats)s::timestamptz[])
        AS unripe (company_id, certificate_pk, ripe_at)
WHERE
    queued.company_id = unripe.company_id
    AND queued.certificate_pk = unripe.certificate_pk
    AND queued.lease_token = %(lease_token)s
