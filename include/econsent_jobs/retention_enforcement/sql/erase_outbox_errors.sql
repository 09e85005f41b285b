-- The index's message may quote the document.
UPDATE econsent.search_outbox AS outbox
SET last_error = NULL
WHERE
    outbox.company_id = %(company_id)s
    AND outbox.doc_type = 'certificate'
    AND outbox.doc_key = any(%(doc_keys)s)
    AND outbox.last_error IS NOT NULL
