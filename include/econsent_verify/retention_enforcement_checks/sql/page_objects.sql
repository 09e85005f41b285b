-- What should be there.
SELECT
    stored.storage_object_id,
    stored.company_id,
    stored.object_key,
    stored.version_id,
    stored.bytes,
    stored.sha256,
    stored.retain_until,
    stored.held_at,
    stored.kind
FROM econsent.storage_objects AS stored
WHERE stored.backend = 's3' AND stored.bucket = %(bucket)s AND stored.state <> 'deleted' AND stored.storage_object_id > %(after)s
ORDER BY stored.storage_object_id
LIMIT 2000
