-- A session whose file is kept after all waits for its window again.
UPDATE econsent.sessions AS session
SET retention_status = 'unretained', updated_at = now()
FROM econsent.storage_objects AS stored
WHERE
    stored.company_id = %(company_id)s
    AND stored.storage_object_id = any(%(object_ids)s)
    AND stored.backend = 'efs'
    AND session.company_id = %(company_id)s
    AND session.session_id = stored.session_id
    AND session.retention_status = 'expired'
RETURNING session.session_id
