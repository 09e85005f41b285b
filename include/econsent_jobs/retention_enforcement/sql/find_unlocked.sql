-- Stored objects whose lock is over: only these can be due.
SELECT stored.storage_object_id AS object_id
FROM econsent.storage_objects AS stored
WHERE
    stored.company_id = %(company_id)s
    AND stored.state = 'stored'
    AND stored.backend = 's3'
    AND stored.retain_until < %(now)s
    AND stored.storage_object_id > %(after)s
ORDER BY stored.storage_object_id
LIMIT %(batch_size)s
