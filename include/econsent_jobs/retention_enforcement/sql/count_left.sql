-- What a closing company still has anywhere.
SELECT
    (
        SELECT count(*) FROM econsent.storage_objects AS stored
        WHERE stored.company_id = %(company_id)s AND stored.state <> 'deleted'
    ) AS objects,
    (
        SELECT count(*) FROM econsent.search_outbox AS outbox
        WHERE outbox.company_id = %(company_id)s
    ) AS in_index,
    (
        SELECT count(*) FROM econsent.certificates AS certificate
        WHERE certificate.company_id = %(company_id)s AND certificate.status IN ('pending', 'processing', 'finalized')
    ) AS certificates,
    (
        SELECT count(*) FROM econsent.sessions AS session
        WHERE session.company_id = %(company_id)s AND session.retention_status = 'unretained'
    ) AS sessions
