-- The rows of sessions' files on the shared file system.
SELECT stored.storage_object_id AS object_id
FROM econsent.storage_objects AS stored
WHERE
    stored.company_id = %(company_id)s
    AND stored.session_id = any(%(session_ids)s)
    AND stored.backend = 'efs'
    AND stored.state <> 'deleted'
ORDER BY stored.storage_object_id
