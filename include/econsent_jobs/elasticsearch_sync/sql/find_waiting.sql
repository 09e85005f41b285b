-- Which of these documents wait in the outbox, or are set aside there: what is known to differ is no drift.
SELECT queued.doc_key::bigint AS certificate_pk
FROM econsent.search_outbox AS queued
WHERE
    queued.company_id = %(company_id)s
    AND queued.doc_type = 'certificate'
    AND queued.doc_key = any(%(doc_keys)s)
