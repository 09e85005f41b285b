-- Revocations first, then oldest first; SKIP LOCKED lets runs share the outbox. A lease that ran out is anybody's, and counts as lost.
-- What is locked is taken by its place: joined by key, PostgreSQL may scan the whole outbox for each batch.
WITH due AS (
    SELECT queued.ctid
    FROM econsent.search_outbox AS queued
    WHERE
        queued.state = 'due'
        AND queued.next_attempt_at <= now()
        AND (queued.leased_until IS NULL OR queued.leased_until < now())
    ORDER BY queued.priority DESC, queued.next_attempt_at ASC
    LIMIT %(batch_size)s
    FOR UPDATE SKIP LOCKED
)

UPDATE econsent.search_outbox AS queued
SET
    lost_leases = CASE WHEN queued.lease_token IS NULL THEN queued.lost_leases ELSE least(queued.lost_leases + 1, 1000) END,
    lease_token = %(lease_token)s,
    leased_until = now() + make_interval(secs => %(lease_seconds)s)
WHERE queued.ctid = any(array(SELECT due.ctid FROM due))
RETURNING
    queued.company_id,
    queued.doc_key::bigint AS certificate_pk,
    queued.wanted_version,
    queued.priority,
    queued.attempts,
    queued.lost_leases,
    floor(extract(EPOCH FROM clock_timestamp()) * 1000)::bigint AS claimed_at_ms
