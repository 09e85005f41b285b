-- What the store confirmed. A row that another run closed is not closed twice.
UPDATE econsent.storage_objects AS stored
SET state = 'deleted', deleted_at = %(deleted_at)s, refusal = NULL
WHERE
    stored.company_id = %(company_id)s
    AND stored.storage_object_id = any(%(object_ids)s)
    AND stored.state = 'expired'
RETURNING stored.storage_object_id AS object_id
