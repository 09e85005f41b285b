-- Archived recordings and videos that nobody looked at for 180 days.
SELECT stored.storage_object_id AS object_id
FROM econsent.storage_objects AS stored
WHERE
    stored.company_id = %(company_id)s
    AND stored.state = 'stored'
    AND stored.backend = 's3'
    AND stored.tier = 2
    AND stored.kind IN ('recording', 'video')
    AND stored.bytes >= 131072
    AND greatest(stored.created_at, stored.last_accessed_at) <= %(now)s - interval '180 days'
    AND stored.storage_object_id > %(after)s
ORDER BY stored.storage_object_id
LIMIT %(batch_size)s
