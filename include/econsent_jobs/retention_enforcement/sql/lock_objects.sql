-- Rows of one batch, in the order in which everybody locks them; what another run has in hand is left to it.
SELECT stored.storage_object_id AS object_id
FROM econsent.storage_objects AS stored
WHERE stored.company_id = %(company_id)s AND stored.storage_object_id = any(%(object_ids)s) AND stored.state <> 'deleted'
ORDER BY stored.storage_object_id
FOR NO KEY UPDATE SKIP LOCKED
