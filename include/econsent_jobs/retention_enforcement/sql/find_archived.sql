-- The archived copies of one session's recording.
SELECT
    stored.object_key,
    stored.version_id,
    stored.bytes,
    stored.sha256
FROM econsent.storage_objects AS stored
WHERE
    stored.company_id = %(company_id)s
    AND stored.session_id = %(session_id)s
    AND stored.kind = 'recording'
    AND stored.backend = 's3'
    AND stored.state <> 'deleted'
ORDER BY stored.storage_object_id
