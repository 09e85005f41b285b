-- Objects by key, number, session, version or the number of their certificate.
SELECT
    stored.storage_object_id AS object_id,
    stored.company_id
FROM econsent.storage_objects AS stored
WHERE
    stored.object_key = %(name)s
    OR stored.version_id = %(name)s
    OR stored.session_id = %(name)s
    OR stored.storage_object_id::text = %(name)s
ORDER BY stored.storage_object_id
LIMIT 100
