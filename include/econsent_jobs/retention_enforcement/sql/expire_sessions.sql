-- Hash and metadata are kept; the file has its mark.
UPDATE econsent.sessions AS session
SET retention_status = 'expired', updated_at = now()
WHERE
    session.company_id = %(company_id)s
    AND session.session_id = any(%(session_ids)s)
    AND session.retention_status = 'unretained'
RETURNING session.session_id
