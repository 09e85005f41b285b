-- Everything that a company still has stored.
SELECT stored.storage_object_id AS object_id
FROM econsent.storage_objects AS stored
WHERE stored.company_id = %(company_id)s AND stored.state <> 'deleted' AND stored.storage_object_id > %(after)s
ORDER BY stored.storage_object_id
LIMIT %(batch_size)s
