-- The archive holds the longer lock already; a lock is never shortened.
UPDATE econsent.storage_objects AS stored
SET retain_until = greatest(stored.retain_until, %(retain_until)s)
WHERE stored.company_id = %(company_id)s AND stored.storage_object_id = %(object_id)s
