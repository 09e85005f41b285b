-- Oldest first; SKIP LOCKED lets lanes and runs share the queue. A lease that ran out makes its row claimable again, whoever held it.
WITH due AS (
    SELECT
        queued.company_id,
        queued.certificate_pk
    FROM econsent.certificate_queue AS queued
    WHERE
        queued.next_attempt_at <= now()
        AND (queued.leased_until IS NULL OR queued.leased_until < now())
    ORDER BY queued.next_attempt_at
    LIMIT %(batch_size)s
    FOR UPDATE SKIP LOCKED
)

UPDATE econsent.certificate_queue AS queued
SET
    lease_token = %(lease_token)s,
    leased_until = now() + make_interval(secs => %(lease_seconds)s)
FROM due
WHERE
    queued.company_id = due.company_id
    AND queued.certificate_pk = due.certificate_pk
RETURNING queued.company_id, queued.certificate_pk, queued.attempts, queued.lost_leases
