-- Whether a change of a certificate that is gone still waits.
SELECT queued.doc_key
FROM econsent.search_outbox AS queued
WHERE queued.company_id = %(company_id)s AND queued.doc_type = 'certificate' AND queued.doc_key = %(doc_key)s
