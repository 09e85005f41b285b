-- Where one document stands in the outbox.
SELECT
    queued.wanted_version,
    queued.state,
    queued.changed_at,
    queued.attempts,
    queued.next_attempt_at,
    queued.error_class,
    queued.last_error
FROM econsent.search_outbox AS queued
WHERE
    queued.company_id = %(company_id)s
    AND queued.doc_type = 'certificate'
    AND queued.doc_key = %(doc_key)s
