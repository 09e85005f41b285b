-- What the archive holds by itself now.
UPDATE econsent.storage_objects AS stored
SET held_at = CASE WHEN %(is_held)s THEN %(now)s END
WHERE stored.company_id = %(company_id)s AND stored.storage_object_id = any(%(object_ids)s)
