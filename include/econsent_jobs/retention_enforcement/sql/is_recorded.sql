-- A second look at one version, after the listing: rows and objects come and go while they are read.
SELECT
    stored.object_key AS key,
    stored.version_id,
    stored.bytes AS size_bytes,
    stored.sha256,
    stored.created_at
FROM econsent.storage_objects AS stored
WHERE
    stored.backend = 's3'
    AND stored.bucket = %(bucket)s
    AND stored.object_key = %(key)s
    AND stored.version_id = %(version_id)s
    AND stored.state <> 'deleted'
