-- From now on these objects go as soon as nothing stronger keeps them.
UPDATE econsent.storage_objects AS stored
SET erasure_asked_at = %(now)s
WHERE
    stored.company_id = %(company_id)s
    AND stored.storage_object_id = any(%(object_ids)s)
    AND stored.state <> 'deleted'
    AND stored.erasure_asked_at IS NULL
RETURNING stored.storage_object_id AS object_id
