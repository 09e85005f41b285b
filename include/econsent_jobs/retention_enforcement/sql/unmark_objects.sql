-- A hold, a claim or a retention in between wins: the mark goes, and a later one begins its grace anew.
UPDATE econsent.storage_objects AS stored
SET state = 'stored', expired_at = NULL, mark_rule = NULL, marked_by = NULL, purge_after = NULL, guarded = FALSE, refusal = NULL
WHERE
    stored.company_id = %(company_id)s
    AND stored.storage_object_id = any(%(object_ids)s)
    AND stored.state = 'expired'
RETURNING stored.storage_object_id AS object_id
