-- Which listed objects the database knows: stored, or sealed and about to be.
SELECT stored.object_key
FROM econsent.storage_objects AS stored
WHERE
    stored.backend = 's3'
    AND coalesce(stored.bucket, '') = %(bucket)s
    AND stored.object_key = any(%(object_keys)s)
    AND stored.state <> 'deleted'
UNION
SELECT document.object_key
FROM econsent.sealed_documents AS document
WHERE
    document.company_id = %(company_id)s
    AND document.object_key = any(%(object_keys)s)
UNION
SELECT file.object_key
FROM econsent.sealed_files AS file
WHERE
    file.company_id = %(company_id)s
    AND file.object_key = any(%(object_keys)s)
