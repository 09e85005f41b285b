-- What was set aside, the oldest change first; the reasons name fields and never a field's value.
SELECT
    queued.company_id,
    queued.doc_key,
    queued.changed_at,
    queued.error_class,
    queued.last_error
FROM econsent.search_outbox AS queued
WHERE
    queued.state = 'dead'
    AND (%(company_id)s::text IS NULL OR queued.company_id = %(company_id)s)
ORDER BY queued.changed_at
LIMIT %(most)s
