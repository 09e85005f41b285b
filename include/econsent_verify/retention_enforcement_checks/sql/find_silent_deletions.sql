-- Rows of deleted objects without a tombstone.
SELECT
    stored.company_id,
    stored.object_key,
    stored.version_id
FROM econsent.storage_objects AS stored
WHERE
    stored.state = 'deleted'
    AND NOT EXISTS (
        SELECT FROM econsent.tombstones AS tombstone
        WHERE
            tombstone.company_id = stored.company_id
            AND tombstone.object_key = stored.object_key
            AND tombstone.version_id IS NOT DISTINCT FROM stored.version_id
            AND tombstone.deleted_at = stored.deleted_at
    )
ORDER BY stored.storage_object_id
LIMIT 1000
