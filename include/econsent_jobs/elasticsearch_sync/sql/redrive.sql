-- Somebody mended the cause: what was set aside is due again, as if it had never been tried.
UPDATE econsent.search_outbox AS queued
SET
    state = 'due',
    attempts = 0,
    lost_leases = 0,
    next_attempt_at = now(),
    lease_token = NULL,
    leased_until = NULL,
    error_class = NULL,
    last_error = NULL
FROM (
    SELECT
        dead.company_id,
        dead.doc_key
    FROM econsent.search_outbox AS dead
    WHERE
        dead.state = 'dead'
        AND (%(company_id)s::text IS NULL OR dead.company_id = %(company_id)s)
    ORDER BY dead.changed_at
    LIMIT %(most)s
) AS chosen
WHERE
    queued.company_id = chosen.company_id
    AND queued.doc_type = 'certificate'
    AND queued.doc_key = chosen.doc_key
RETURNING queued.company_id, queued.doc_key
